"""Slow learner with classifier alignment, on features.

Zhang et al., "SLCA: Slow Learner with Classifier Alignment for Continual Learning on a Pre-trained
Model", ICCV 2023. After the first experience the adaptors learn slowly; after every experience they
are aligned on features drawn from normal distributions that stand for the films gone by. In the
paper a class has a mean and a covariance of its own and the backbone is what learns slowly; here a
finding has a mean present and a mean absent, all share one covariance, and the backbone is frozen
altogether, so it is the adaptors that are slow. Its normalised logits are the cosines RE-tune has.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from carina.core import ConfigError
from carina.features import FeatureRows
from carina.learning.learner import Event, Learned, Learner, Setting, Step
from carina.learning.strategies.prompted import prompted
from carina.learning.strategies.retune import RETune
from carina.learning.strategies.tuning import Cells, Tuning
from carina.streams import View

__all__ = ["SLCA"]

_CLASSES = ("absent", "present")


@dataclass(frozen=True, slots=True, kw_only=True)
class SLCA:
    """RE-tune, slow after the first experience, aligned on drawn features after each.

    What is kept are sums over films: for each finding and class one of the films and their number,
    and one of outer products over all films. Patients are counted only to say how few stand behind a
    sum.

    Attributes:
        base: How adaptors are tuned.
        slow: Factor of the learning rate after the first experience.
        steps: Optimiser steps of an alignment.
        drawn: Features drawn for each finding and class.
    """

    base: RETune = RETune()
    slow: float = 0.1
    steps: int = 40
    drawn: int = 64

    def __post_init__(self) -> None:
        if self.slow <= 0 or min(self.steps, self.drawn) < 1:
            raise ConfigError(
                "SLCA learns slowly by a factor above 0 and aligns in 1 step or more on 1 drawn "
                f"feature or more; got slow={self.slow}, steps={self.steps}, drawn={self.drawn}."
            )

    def begin(self, setting: Setting, *, rng: np.random.Generator) -> Learner:
        """As RE-tune begins.

        Raises:
            Mismatch: where there is no text encoder, or the sides would not meet.
        """
        return self.base.begin(setting, rng=rng)

    def learn(self, learner: Learner, view: View, *, rng: np.random.Generator) -> Iterator[Event]:
        """Fine-tune slowly, add the films to the sums, align.

        Raises:
            Mismatch: where the view has no prompts or features of another width.
        """
        rate = self.base.rate * (self.slow if learner.labels.names else 1.0)
        tuning = replace(self.base, rate=rate).tuning(learner, view, rng=rng)
        of = tuning.steps + self.steps
        for batch in tuning.batches():
            loss = tuning.loss(batch, tuning.logits(batch.features))
            tuning.step(batch, loss)
            yield Step(index=batch.index, of=of, loss=float(loss.detach()))
        learned = self.base.learned(learner, view, tuning)
        learned = replace(learned, carried={**learned.carried, **_added(learner.carried, view)})
        learned = _counted(learned)
        aligning = replace(self.base, steps=self.steps, epochs=None)
        cells = self._cells(learned, tuning, rng)
        if not len(cells.rows):
            yield Learned(learner=learned)
            return
        drawn = aligning.tuning(learned, view, rng=rng, cells=cells)
        for batch in drawn.batches():
            loss = drawn.loss(batch, drawn.logits(batch.features))
            drawn.step(batch, loss)
            yield Step(index=tuning.steps + batch.index, of=of, loss=float(loss.detach()))
        yield Learned(learner=aligning.learned(learned, view, drawn))

    def _cells(self, learner: Learner, tuning: Tuning, rng: np.random.Generator) -> Cells:
        """Drawn features, each of one finding and class, which alone is known of it."""
        labels = prompted(learner).labels
        root, features, columns, targets = _root(learner.carried), [], [], []
        for column, label in enumerate(labels):
            sums = [learner.carried[f"sums/{kind}/{label}"] for kind in _CLASSES]
            if not all(float(one[-2]) > 0 for one in sums):
                continue
            for target, one in enumerate(sums):
                normal = torch.from_numpy(rng.standard_normal((self.drawn, root.shape[1])))
                features.append(one[:-2] / one[-2] + normal @ root.T)
                columns.append(torch.full((self.drawn,), column))
                targets.append(torch.full((self.drawn,), float(target)))
        if not features:
            nothing = torch.zeros(0, len(labels))
            empty = tuning.cells.rows.only(torch.arange(0))
            return Cells(labels=labels, rows=empty, target=nothing, known=nothing.bool())
        place = torch.cat(columns)
        known = torch.nn.functional.one_hot(place, len(labels)).bool()
        drawn = torch.cat(features).to(tuning.cells.rows.pool.dtype)
        return Cells(
            labels=labels,
            rows=FeatureRows(pool=prompted(learner).aligned(drawn)),
            target=known * torch.cat(targets)[:, None],
            known=known,
        )


def _added(carried: Mapping[str, Tensor], view: View) -> dict[str, Tensor]:
    """Sums with an experience's known cells in them: vector, rows, and patients at least."""
    rows, wide = view.features.double(), view.rows.dim
    sums: dict[str, Tensor] = {}
    for column, label in enumerate(view.labels):
        for target, kind in enumerate(_CLASSES):
            mine = view.known[:, column] & (view.target[:, column] == bool(target))
            name = f"sums/{kind}/{label}"
            before = carried.get(name, torch.zeros(wide + 2, dtype=torch.float64))
            patients = float(len(set(view.patients[mine].tolist())))
            sums[name] = torch.cat(
                [
                    before[:-2] + rows[mine].sum(dim=0),
                    before[-2:-1] + mine.sum(),
                    before[-1:].clamp(min=patients),
                ]
            )
    told = rows[view.known.any(dim=1)]
    outer = carried.get("sums/outer", torch.zeros(wide + 1, wide + 1, dtype=torch.float64))
    padded = torch.cat([told, told.new_ones(len(told), 1)], dim=1)
    sums["sums/outer"] = outer + padded.T @ padded
    return sums


def _root(carried: Mapping[str, Tensor]) -> Float[Tensor, "dim rank"]:
    """A matrix whose outer product is the covariance of all films in the sums."""
    outer = carried["sums/outer"]
    count = outer[-1, -1].clamp(min=1)
    mean = outer[:-1, -1] / count
    values, vectors = torch.linalg.eigh(outer[:-1, :-1] / count - torch.outer(mean, mean))
    there = values > 1e-12 * values.amax().clamp(min=1e-300)
    root: Tensor = vectors[:, there] * values[there].sqrt()
    return root


def _counted(learner: Learner) -> Learner:
    """The learner, saying how few patients stand behind a sum of it."""
    counts = [
        int(one[-1])
        for name, one in learner.carried.items()
        if name.startswith(("sums/absent/", "sums/present/")) and one[-2] > 0
    ]
    fewest = min(counts, default=None)
    return replace(
        learner,
        fewest_patients=fewest,
        single_patients=learner.single_patients or fewest == 1,
    )

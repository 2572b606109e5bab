"""An independent logistic head a finding: the plain baseline that forgets nothing and shares nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import log

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

from carina.core import ConfigError, Mismatch
from carina.learning.keeping import of_few_patients
from carina.learning.learner import Event, Learned, Learner, Setting, Step
from carina.learning.strategies.linear import grown_head, head_of, no_head, noted
from carina.learning.strategies.logistic import fit_logistic, log_loss
from carina.learning.strategies.summing import folds_of, unit
from carina.measures import Sigmoid, fit_sigmoid
from carina.streams import View

__all__ = ["Heads"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """L2-penalised logistic regression for each visible finding, on the experience's rows alone.

    Rows are brought to length 1 first.
    The penalty of each finding is that of least held-out log loss over folds by patient; ties go
    to the larger. A soft cell stands there twice, as a positive that weighs its share and as a
    negative that weighs the rest; calibration leaves it out. A finding seen with one class only keeps the head it has, or gets one that
    always says its share, drawn in a little.

    Attributes:
        penalties: To choose from: of ``penalty / 2 |w|^2`` beside the summed log loss.
        balanced: Whether both classes weigh the same, however rare one is; the calibration sets
            probabilities right again.
        folds: For the choice of penalty and the calibration.
        salt: Which patients share a fold.
    """

    penalties: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
    balanced: bool = False
    folds: int = 5
    salt: str = "heads"

    def __post_init__(self) -> None:
        if not self.penalties or min(self.penalties) <= 0:
            raise ConfigError(f"Penalties are one or more, each above 0; got {self.penalties}.")
        if self.folds < 2:
            raise ConfigError(f"A penalty is chosen over 2 folds or more; got {self.folds}.")

    def begin(self, setting: Setting, *, rng: np.random.Generator) -> Learner:  # noqa: ARG002
        """No head yet."""
        return Learner(setting=setting, readout=no_head(setting.image_dim, normalise=True))

    def learn(
        self,
        learner: Learner,
        view: View,
        *,
        rng: np.random.Generator,  # noqa: ARG002
    ) -> Iterator[Event]:
        """Fit the visible findings one by one, an event each.

        Raises:
            Mismatch: where the view is of another width.
        """
        if view.features.shape[1] != learner.setting.image_dim:
            raise Mismatch(
                f"Features are {view.features.shape[1]} wide, these heads take "
                f"{learner.setting.image_dim}: they come from another image encoder."
            )
        alone = learner.single_patients or of_few_patients(view)
        now = replace(learner, single_patients=alone)
        fold = torch.from_numpy(folds_of(view.patients, folds=self.folds, salt=self.salt))
        for index, label in enumerate(view.labels):
            rows, target, mass = _cells(view, index)
            loss: float | None = None
            if bool(target.any()) and not bool(target.all()):
                head = self._fitted(view.features[rows], target, fold[rows], mass)
                loss = head.error
                now = _with(now, label, head)
            elif label not in now.labels:
                now = _with(now, label, _constant(target, learner.setting.image_dim))
            yield Step(index=index, of=len(view.labels), loss=loss)
        yield Learned(learner=now)

    def _fitted(self, features: Tensor, target: Tensor, fold: Tensor, mass: Tensor) -> "_Head":
        """One finding's head, on rows that have both classes; mass is 1 where it is known."""
        rows = unit(features.double())
        penalties = sorted(set(self.penalties), reverse=True)
        apart = [
            held
            for part in range(self.folds)
            if bool((held := fold == part).any())
            and bool(target[~held].any())
            and not bool(target[~held].all())
        ]
        penalty, error, calibration = penalties[0], None, None
        if apart:
            scores = self._held_out(rows, target, mass, apart, penalties)
            tested = torch.stack(apart).any(dim=0)
            scores, found, weighed = scores[tested], target[tested], mass[tested]
            costs = log_loss(scores, found[:, None].expand_as(scores))
            worth = self._worth(found, weighed)[:, None]
            mean = (worth * costs).sum(dim=0) / worth.sum()
            pick = int(mean.argmin())  # the first of equals: the largest penalty
            penalty, error = penalties[pick], float(mean[pick])
            sure = weighed == 1
            if bool(found[sure].any()) and not bool(found[sure].all()):
                calibration = fit_sigmoid(scores[sure, pick].numpy(), found[sure].numpy())
        weight, bias = fit_logistic(
            rows,
            target[:, None],
            self._worth(target, mass)[:, None],
            torch.tensor([penalty], dtype=torch.float64),
        )
        return _Head(
            weight=weight[0],
            bias=float(bias[0]),
            penalty=penalty,
            error=error,
            calibration=calibration,
        )

    def _held_out(
        self,
        rows: Tensor,
        target: Tensor,
        mass: Tensor,
        apart: list[Tensor],
        penalties: list[float],
    ) -> Float64[Tensor, "rows penalties"]:
        """Scores of each row from the fit on the other folds; all fits are made at once."""
        worth = torch.zeros(len(rows), len(apart), len(penalties), dtype=torch.float64)
        for place, held in enumerate(apart):
            worth[~held, place] = self._worth(target[~held], mass[~held])[:, None]
        weight, bias = fit_logistic(
            rows,
            target[:, None].expand(-1, worth[0].numel()),
            worth.flatten(1),
            torch.tensor(penalties * len(apart), dtype=torch.float64),
            tolerance=1e-6,
        )
        every = (rows @ weight.T + bias).reshape(len(rows), len(apart), len(penalties))
        scores = torch.zeros(len(rows), len(penalties), dtype=torch.float64)
        for place, held in enumerate(apart):
            scores[held] = every[held, place]
        return scores

    def _worth(
        self, target: Bool[Tensor, " rows"], mass: Float64[Tensor, " rows"]
    ) -> Float64[Tensor, " rows"]:
        """What each row counts for; 1 on average of the mass."""
        if not self.balanced or target.all() or not target.any():
            return mass
        share = (target * mass).sum() / mass.sum()
        return mass * torch.where(target, 0.5 / share, 0.5 / (1 - share))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    """One finding's head and how it was chosen."""

    weight: Float64[Tensor, " dim"]
    bias: float
    penalty: float | None = None
    error: float | None = None
    calibration: Sigmoid | None = None


def _cells(
    view: View, index: int
) -> tuple[Int64[Tensor, " cells"], Bool[Tensor, " cells"], Float64[Tensor, " cells"]]:
    """Rows, class and mass of what one finding is learned from; soft cells are there twice."""
    rows = view.known[:, index].nonzero()[:, 0]
    target, mass = view.target[rows, index], torch.ones(len(rows), dtype=torch.float64)
    soft = (view.learnable & ~view.known)[:, index].nonzero()[:, 0]
    if not len(soft):
        return rows, target, mass
    share, there = view.share[soft, index].double(), torch.ones_like(soft, dtype=torch.bool)
    return (
        torch.cat([rows, soft, soft]),
        torch.cat([target, there, ~there]),
        torch.cat([mass, share, 1 - share]),
    )


def _constant(target: Tensor, dim: int) -> _Head:
    """A head that says the share of positives, one of either class added."""
    positives, rows = int(target.sum()), len(target)
    odds = log((positives + 1) / (rows - positives + 1))
    return _Head(weight=torch.zeros(dim, dtype=torch.float64), bias=odds)


def _with(learner: Learner, label: str, head: _Head) -> Learner:
    readout = grown_head(head_of(learner), {label: (head.weight, head.bias)})
    calibration = {name: own for name, own in learner.calibration.items() if name != label}
    if head.calibration is not None:
        calibration[label] = head.calibration
    return replace(
        learner,
        labels=learner.labels.grown(label),
        readout=readout,
        calibration=calibration,
        notes=noted(
            learner.notes, penalty={label: head.penalty}, held_out_loss={label: head.error}
        ),
    )

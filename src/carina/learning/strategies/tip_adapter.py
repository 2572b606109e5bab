"""Tip-Adapter and Tip-Adapter-F: a few films of each class are kept and compared with. KEEPS PATIENTS' DATA.

Zhang et al., "Tip-Adapter: Training-free Adaption of CLIP for Few-shot Classification", ECCV 2022.
The paper keeps K films of each of C classes, unit features as keys and one-hot classes as values,
and adds ``alpha sum_i v_i exp(-beta (1 - x . k_i))`` to 100 times the cosines with the classes'
prompts; alpha and beta are searched on held-out films, and in the -F form the keys are fine-tuned
by cross-entropy on the same few films (AdamW at 1e-3, 20 epochs in batches of 256, the rate falling
along a cosine; which is 20 steps here).

What carries over: keys, affinities, the search of alpha and beta, the fine-tuning. What does not:
one-hot values, a soft-max over classes, and one pair of alpha and beta for all. Findings occur
together, and not every cell is known, so each finding has a cache of its own, K films known to have
it and K known not to, and scores the mean affinity to the former less that to the latter, beside
its text direction at length 1 (`text_directions`), which ranks as 100 times the difference of
cosines does; alpha and beta are its own, those of the largest AUROC when every fold of patients is
scored by the cached films of the other folds. The K films of a class are those of lowest image
code, which is salted and so a draw at random, and the same films in whatever order they came. In
the -F form the loss weighs both classes alike, its logits are centred between the classes and have
the slope of a sigmoid fitted to those held-out scores, and alpha and beta are not searched again.
Without zero-shot there is no text and no alpha: the cache alone scores.

No bundle takes such a readout: its keys are single patients' features, or were before fine-tuning.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from math import cos, pi

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor
from torch.nn import Parameter
from torch.nn.functional import pad

from carina.adaptors import CacheReadout
from carina.core import ConfigError, Mismatch
from carina.learning.learner import Event, Learned, Learner, Setting, Step
from carina.learning.strategies.linear import check_width, noted
from carina.learning.strategies.logistic import log_loss
from carina.learning.strategies.memory import Memory, memory_in, merged, remembered
from carina.learning.strategies.ridge import text_directions
from carina.learning.strategies.summing import folds_of, unit
from carina.measures import auroc, fit_sigmoid
from carina.streams import View

__all__ = ["TipAdapter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TipAdapter:
    """A cache of known films a finding, which scores by likeness: patients' data, and it says so.

    Soft cells are passed over. A finding of which only one class is known scores by likeness to
    that class alone.

    Attributes:
        shots: Most films kept of each class of a finding; the paper's are 1 to 16.
        alphas: Weights of the cache beside the text, to choose from; without zero-shot 1.
        betas: Sharpnesses to choose from.
        steps: Of fine-tuning the keys; 0 is Tip-Adapter, the paper's Tip-Adapter-F has 20.
        rate: Learning rate of these steps, at the first.
        folds: For the choice of alpha and beta.
        salt: Which patients share a fold.
    """

    shots: int = 16
    alphas: tuple[float, ...] = (0.3, 1.0, 3.0, 10.0)
    betas: tuple[float, ...] = (1.0, 3.0, 5.5, 10.0, 20.0)
    steps: int = 0
    rate: float = 1e-3
    folds: int = 5
    salt: str = "tip"

    def __post_init__(self) -> None:
        if self.shots < 1 or self.steps < 0 or self.rate <= 0 or self.folds < 2:
            raise ConfigError(
                "Tip-Adapter keeps 1 film or more of a class, takes 0 steps or more at a rate above "
                f"0 and chooses over 2 folds or more; got shots={self.shots}, steps={self.steps}, "
                f"rate={self.rate}, folds={self.folds}."
            )
        if not self.alphas or not self.betas or min(*self.alphas, *self.betas) <= 0:
            raise ConfigError(
                "Alphas and betas are one number or more, each above 0; got "
                f"{self.alphas} and {self.betas}."
            )

    def begin(self, setting: Setting, *, rng: np.random.Generator) -> Learner:  # noqa: ARG002
        """An empty cache."""
        return Learner(setting=setting, readout=_readout({}, setting.image_dim))

    def reads_text(self, setting: Setting) -> bool:
        """Whether a finding without films is scored by its text beside an empty cache."""
        return setting.zero_shot

    def learn(
        self,
        learner: Learner,
        view: View,
        *,
        rng: np.random.Generator,  # noqa: ARG002
    ) -> Iterator[Event]:
        """Fill the caches of the visible findings and choose their alpha and beta, an event each.

        Raises:
            Mismatch: where the view is of another width, or there are no prompts where images and
                texts can be compared.
        """
        check_width(learner, view)
        texts = text_directions(learner.setting, view.prompts, view.labels)
        parts, width = _parts(learner), learner.setting.image_dim
        memory = merged(memory_in(learner.carried, learner.labels.names, width), view)
        memory = memory.take(_few(memory, self.shots).any(dim=1).nonzero()[:, 0])
        few, measured = _few(memory, self.shots), dict[str, float | None]()
        for index, (label, text) in enumerate(zip(view.labels, texts, strict=True)):
            cached = _Cached.of(memory, few, memory.labels.index(label))
            found = self._chosen(cached, view, index, text, parts.get(label))
            parts[label], measured[label], loss = found
            yield Step(index=index, of=len(view.labels), loss=loss)
        yield Learned(
            learner=replace(
                learner,
                labels=learner.labels.grown(*view.labels),
                readout=_readout(parts, width),
                carried=remembered(memory),
                notes=noted(
                    learner.notes,
                    alpha={label: parts[label].alpha for label in view.labels},
                    beta={label: parts[label].beta for label in view.labels},
                    held_out_auroc=measured,
                ),
                single_patients=learner.single_patients or len(memory) > 0,
                patient_rows=len(memory),
            )
        )

    def _chosen(
        self,
        cached: "_Cached",
        view: View,
        index: int,
        text: Float64[Tensor, " dim"],
        before: "_Part | None",
    ) -> tuple["_Part", float | None, float | None]:
        """A finding's part of the readout, its AUROC held out and its last loss, where there are."""
        alphas = sorted(set(self.alphas)) if bool(text.any()) else [1.0]
        candidates = list(product(sorted(set(self.betas)), alphas))
        beta, alpha = candidates[0] if before is None else (before.beta, before.alpha)
        every = torch.ones_like(cached.positive)
        part = _Part(
            keys=cached.features, values=cached.values(every), text=text, alpha=alpha, beta=beta
        )
        known = view.known[:, index]
        target = view.target[known, index].numpy()
        if not target.any() or target.all():
            return part, None, None
        rows = unit(view.rows.take(known).double())
        scores = self._held_out(cached, rows, view.patients[known], text, candidates).numpy()
        worth = [auroc(column, target) for column in scores.T]
        pick = int(np.argmax(worth))  # the first of equals: the smallest beta, then alpha
        beta, alpha = candidates[pick]
        part, loss = replace(part, alpha=alpha, beta=beta), None
        if self.steps:
            part, loss = self._tuned(part, cached, scores[:, pick], target)
        return part, worth[pick], loss

    def _held_out(
        self,
        cached: "_Cached",
        rows: Float64[Tensor, "rows dim"],
        patients: Int64[Tensor, " rows"],
        text: Float64[Tensor, " dim"],
        candidates: list[tuple[float, float]],
    ) -> Float64[Tensor, "rows candidates"]:
        """Scores of each row by the cached films of the other folds."""
        fold = torch.from_numpy(folds_of(patients, folds=self.folds, salt=self.salt))
        of_cached = folds_of(cached.patients, folds=self.folds, salt=self.salt)
        scores = torch.empty(len(rows), len(candidates), dtype=torch.float64)
        for part in range(self.folds):
            mine, away = fold == part, torch.from_numpy(of_cached != part)
            near = rows[mine] @ cached.features[away].T - 1
            values, said = cached.values(away), rows[mine] @ text
            for place, (beta, alpha) in enumerate(candidates):
                scores[mine, place] = said + alpha * (beta * near).exp() @ values
        return scores

    def _tuned(
        self,
        part: "_Part",
        cached: "_Cached",
        scores: Float64[np.ndarray, " rows"],
        target: Bool[np.ndarray, " rows"],
    ) -> tuple["_Part", float]:
        """The keys moved along the gradient of the loss over the cached films themselves."""
        slope = fit_sigmoid(scores, target).slope
        middle = (scores[target].mean() + scores[~target].mean()) / 2
        keys = Parameter(part.keys.clone())
        optimiser = torch.optim.AdamW([keys], eps=1e-4)
        moving, width = replace(part, keys=keys), part.keys.shape[1]
        worth, loss = part.values.abs() / part.values.abs().sum(), torch.zeros(())
        for step in range(self.steps):
            optimiser.param_groups[0]["lr"] = self.rate * (1 + cos(pi * step / self.steps)) / 2
            score = _readout({"": moving}, width)(cached.features).difference
            loss = worth @ log_loss(slope * (score - middle), cached.positive[:, None])[:, 0]
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
        return replace(part, keys=keys.detach()), float(loss.detach())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One finding's part of the readout."""

    keys: Float64[Tensor, "slots dim"]
    values: Float64[Tensor, " slots"]
    text: Float64[Tensor, " dim"]
    alpha: float
    beta: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cached:
    """One finding's kept films, by rising code: features at length 1, class and patient."""

    features: Float64[Tensor, "slots dim"]
    positive: Bool[Tensor, " slots"]
    patients: Int64[Tensor, " slots"]

    @classmethod
    def of(cls, memory: Memory, few: Bool[Tensor, "rows labels"], column: int) -> "_Cached":
        rows = few[:, column].nonzero()[:, 0]
        rows = rows[memory.images[rows].argsort()]
        return cls(
            features=unit(memory.features[rows].double()),
            positive=memory.target[rows, column] > 0.5,
            patients=memory.patients[rows],
        )

    def values(self, among: Bool[Tensor, " slots"]) -> Float64[Tensor, " some"]:
        """1 in all for the positives among some films, and -1 in all for the negatives."""
        positive = self.positive[among].double()
        there, absent = positive.sum(), (1 - positive).sum()
        return positive / there.clamp(min=1) - (1 - positive) / absent.clamp(min=1)


def _few(memory: Memory, shots: int) -> Bool[Tensor, "rows labels"]:
    """Which rows each finding keeps: of either class those of lowest code, as many as shots."""
    order = memory.images.argsort()
    few = torch.zeros_like(memory.sure)
    for here in (memory.target > 0.5, memory.target <= 0.5):
        mine = (memory.sure & here)[order]
        few[order] |= mine & (mine.cumsum(dim=0) <= shots)
    return few


def _parts(learner: Learner) -> dict[str, _Part]:
    """What the learner's readout is made of.

    Raises:
        Mismatch: where it is no cache, so another kind of strategy taught it.
    """
    readout = learner.readout
    if not isinstance(readout, CacheReadout):
        raise Mismatch("This learner has no cache of films; another strategy taught it.")
    return {
        label: _Part(
            keys=readout.keys[at],
            values=readout.values[at],
            text=readout.text[at],
            alpha=float(readout.alpha[at]),
            beta=float(readout.beta[at]),
        )
        for at, label in enumerate(readout.labels)
    }


def _readout(parts: Mapping[str, _Part], dim: int) -> CacheReadout:
    """A readout of parts of maybe different numbers of films, filled up with empty slots."""
    slots = max((len(part.values) for part in parts.values()), default=0)
    keys = [pad(part.keys, (0, 0, 0, slots - len(part.values))) for part in parts.values()]
    values = [pad(part.values, (0, slots - len(part.values))) for part in parts.values()]
    text = [part.text for part in parts.values()]
    none = torch.zeros(0, dtype=torch.float64)
    return CacheReadout(
        labels=tuple(parts),
        keys=torch.stack(keys) if keys else none.reshape(0, 0, dim),
        values=torch.stack(values) if values else none.reshape(0, 0),
        text=torch.stack(text) if text else none.reshape(0, dim),
        alpha=none.new_tensor([part.alpha for part in parts.values()]),
        beta=none.new_tensor([part.beta for part in parts.values()]),
    )

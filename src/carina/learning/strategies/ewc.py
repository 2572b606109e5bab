"""Elastic weight consolidation: weights that earlier findings lean on are pulled back harder.

Kirkpatrick et al., "Overcoming catastrophic forgetting in neural networks", PNAS 2017, in its online
form with one anchor and a decaying importance (Schwarz et al., "Progress & Compress", ICML 2018).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from carina.core import ConfigError
from carina.learning.learner import Event, Learned, Learner, Setting, Step
from carina.learning.strategies.pulls import numbered, placed, pull
from carina.learning.strategies.retune import RETune
from carina.learning.strategies.tuning import Tuning
from carina.streams import View

__all__ = ["EWC"]

_CHUNK = 16  # rows whose gradients are in memory at once


@dataclass(frozen=True, slots=True, kw_only=True)
class EWC:
    """RE-tune with ``strength / 2 sum F (w - anchor)^2`` beside the loss.

    F is the diagonal of the Fisher information of the experiences before, a mean over rows: the
    squared gradient of a row's log-likelihood under labels drawn from the reader's own
    probabilities (the known cells', so that nothing of a hidden label counts).

    Attributes:
        base: How adaptors are tuned.
        strength: Of the pull.
        decay: Of the importance, an experience; 1 forgets none.
        rows: At most so many rows, drawn, are asked for their gradient.
    """

    base: RETune = RETune()
    strength: float = 100.0
    decay: float = 1.0
    rows: int = 256

    def __post_init__(self) -> None:
        if self.strength < 0 or not 0 <= self.decay <= 1 or self.rows < 1:
            raise ConfigError(
                "EWC has a strength of 0 or more, a decay in [0, 1] and 1 row or more; got "
                f"strength={self.strength}, decay={self.decay}, rows={self.rows}."
            )

    def begin(self, setting: Setting, *, rng: np.random.Generator) -> Learner:
        """As RE-tune begins.

        Raises:
            Mismatch: where there is no text encoder, or the sides would not meet.
        """
        return self.base.begin(setting, rng=rng)

    def learn(self, learner: Learner, view: View, *, rng: np.random.Generator) -> Iterator[Event]:
        """Fine-tune on the experience, pulled to where the last one ended; then weigh the weights.

        Raises:
            Mismatch: where the view has no prompts or features of another width.
        """
        tuning = self.base.tuning(learner, view, rng=rng)
        weights = tuning.readout.adaptors.parameters()
        anchor, importance = (placed(kind, learner.carried) for kind in ("anchor", "importance"))
        for batch in tuning.batches():
            loss = tuning.loss(batch, tuning.logits(batch.features))
            pulled = self.strength * pull(weights, anchor, importance) if anchor else 0.0
            tuning.step(batch, loss + pulled)
            yield Step(index=batch.index, of=batch.of, loss=float(loss.detach()))
        learned = self.base.learned(learner, view, tuning)
        fisher = self._fisher(tuning, rng)
        if importance:
            fisher = [self.decay * old + new for old, new in zip(importance, fisher, strict=True)]
        carried = {**numbered("anchor", weights), **numbered("importance", fisher)}
        yield Learned(learner=replace(learned, carried={**learned.carried, **carried}))

    def _fisher(self, tuning: Tuning, rng: np.random.Generator) -> list[Tensor]:
        """Mean squared gradient a row, labels drawn once for each known cell."""
        weights = tuning.readout.adaptors.parameters()
        squares = [torch.zeros_like(weight) for weight in weights]
        picked = torch.from_numpy(rng.permutation(len(tuning.cells.rows))[: self.rows])
        for rows in torch.split(picked, _CHUNK) if len(picked) else ():
            logits = tuning.logits(tuning.cells.rows.take(rows))
            drawn = torch.from_numpy(rng.random(tuple(logits.shape))) < torch.sigmoid(logits)
            cost = F.binary_cross_entropy_with_logits(logits, drawn.to(logits), reduction="none")
            each = (cost * tuning.cells.known[rows]).sum(dim=1)
            apart = torch.eye(len(rows), dtype=each.dtype)
            gradients = torch.autograd.grad(each, weights, apart, is_grads_batched=True)
            for square, gradient in zip(squares, gradients, strict=True):
                square += gradient.square().sum(dim=0)
        return [square / max(1, len(picked)) for square in squares]

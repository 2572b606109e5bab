"""RE-tune's own guard against forgetting: small movements of a weight are undone.

After the code of Mistretta and Bagdanov (the runs they call myCL and profCL): for each tensor, with
d = |new - old| and a threshold t, every entry with d < min d + t (max d - min d) goes back to its
old value. The optimiser's moments are left as they are.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import torch
from torch import Tensor
from torch.nn import Parameter

from carina.core import ConfigError
from carina.learning.learner import Event, Learned, Learner, Setting, Step
from carina.learning.strategies.retune import RETune
from carina.streams import View

__all__ = ["Every", "WeightReset"]


class Every(StrEnum):
    """When small movements are undone, and since when they are measured."""

    STEP = "step"
    """After every optimiser step: the authors' myCL."""
    EPOCH = "epoch"
    """At the end of every epoch: the authors' profCL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightReset:
    """RE-tune that undoes the small movements of its weights.

    Attributes:
        base: How adaptors are tuned, its budget in epochs.
        every: When.
        start: The threshold at first.
        growth: By how much it grows an epoch, the first experience's epochs counted too.
        from_first: Whether the first experience is reset too, as the authors' profCL does in
            data-incremental streams.
    """

    base: RETune = RETune()
    every: Every = Every.STEP
    start: float = 0.01
    growth: float = 0.001
    from_first: bool = False

    def __post_init__(self) -> None:
        if min(self.start, self.growth) < 0:
            raise ConfigError(
                "A threshold starts at 0 or more and does not shrink; got "
                f"start={self.start}, growth={self.growth}."
            )

    def begin(self, setting: Setting, *, rng: np.random.Generator) -> Learner:
        """As RE-tune begins.

        Raises:
            Mismatch: where there is no text encoder, or the sides would not meet.
        """
        return self.base.begin(setting, rng=rng)

    def learn(self, learner: Learner, view: View, *, rng: np.random.Generator) -> Iterator[Event]:
        """Fine-tune on the experience, undoing small movements.

        Raises:
            Mismatch: where the view has no prompts or features of another width.
        """
        before = learner.notes.get("epochs", 0)
        epochs = before if isinstance(before, int) else 0
        resets = self.from_first or bool(learner.labels.names)
        tuning = self.base.tuning(learner, view, rng=rng)
        weights = tuning.parameters
        old = _copied(weights)
        for batch in tuning.batches():
            loss = tuning.loss(batch, tuning.logits(batch.features))
            tuning.step(batch, loss)
            if self.every is Every.STEP or batch.ends_epoch:
                if resets:
                    undo_small(weights, old, self.start + self.growth * epochs)
                old = _copied(weights)
            epochs += batch.ends_epoch
            yield Step(index=batch.index, of=batch.of, loss=float(loss.detach()))
        learned = self.base.learned(learner, view, tuning)
        yield Learned(learner=replace(learned, notes={**learned.notes, "epochs": epochs}))


def undo_small(weights: list[Parameter], old: list[Tensor], threshold: float) -> None:
    """Put back what moved less than a share of the way from the least movement to the largest."""
    with torch.no_grad():
        for weight, was in zip(weights, old, strict=True):
            moved = (weight - was).abs()
            least, most = moved.min(), moved.max()
            weight.copy_(torch.where(moved < least + threshold * (most - least), was, weight))


def _copied(weights: list[Parameter]) -> list[Tensor]:
    return [weight.detach().clone() for weight in weights]

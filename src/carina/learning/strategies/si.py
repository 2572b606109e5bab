"""Synaptic intelligence: what a weight has done for the loss along the way is what it is worth.

Zenke, Poole and Ganguli, "Continual Learning Through Synaptic Intelligence", ICML 2017: importance
is the path integral of gradient times movement over an experience, divided by the squared
distance covered, damped.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from carina.core import ConfigError
from carina.learning.learner import Event, Learned, Learner, Setting, Step
from carina.learning.strategies.pulls import numbered, placed, pull
from carina.learning.strategies.retune import RETune
from carina.streams import View

__all__ = ["SI"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SI:
    """RE-tune with ``strength sum W (w - anchor)^2`` beside the loss; W as the paper's equation 5.

    Attributes:
        base: How adaptors are tuned.
        strength: Of the pull: the paper's c.
        damping: Added to the squared distance: the paper's xi.
    """

    base: RETune = RETune()
    strength: float = 0.1
    damping: float = 1e-3

    def __post_init__(self) -> None:
        if self.strength < 0 or self.damping <= 0:
            raise ConfigError(
                "SI has a strength of 0 or more and a damping above 0; got "
                f"strength={self.strength}, damping={self.damping}."
            )

    def begin(self, setting: Setting, *, rng: np.random.Generator) -> Learner:
        """As RE-tune begins.

        Raises:
            Mismatch: where there is no text encoder, or the sides would not meet.
        """
        return self.base.begin(setting, rng=rng)

    def learn(self, learner: Learner, view: View, *, rng: np.random.Generator) -> Iterator[Event]:
        """Fine-tune on the experience, pulled to where the last one ended, and keep the path's worth.

        Raises:
            Mismatch: where the view has no prompts or features of another width.
        """
        tuning = self.base.tuning(learner, view, rng=rng)
        weights = tuning.readout.adaptors.parameters()
        anchor, importance = (placed(kind, learner.carried) for kind in ("anchor", "importance"))
        start = [weight.detach().clone() for weight in weights]
        worth = [torch.zeros_like(weight) for weight in start]
        for batch in tuning.batches():
            loss = tuning.loss(batch, tuning.logits(batch.features))
            slopes = torch.autograd.grad(loss, weights, retain_graph=True)
            before = [weight.detach().clone() for weight in weights]
            pulled = 2 * self.strength * pull(weights, anchor, importance) if anchor else 0.0
            tuning.step(batch, loss + pulled)
            for gained, slope, weight, was in zip(worth, slopes, weights, before, strict=True):
                gained -= slope * (weight.detach() - was)
            yield Step(index=batch.index, of=batch.of, loss=float(loss.detach()))
        learned = self.base.learned(learner, view, tuning)
        weighed = [
            gained.clamp(min=0) / ((weight.detach() - was).square() + self.damping)
            for gained, weight, was in zip(worth, weights, start, strict=True)
        ]
        if importance:
            weighed = [old + new for old, new in zip(importance, weighed, strict=True)]
        carried = {**numbered("anchor", weights), **numbered("importance", weighed)}
        yield Learned(learner=replace(learned, carried={**learned.carried, **carried}))

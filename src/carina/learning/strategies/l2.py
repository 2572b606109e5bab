"""Weights pulled to where they began: the plainest way not to drift.

Li, Grandvalet and Davoine, "Explicit Inductive Bias for Transfer Learning with Convolutional
Networks" (L2-SP), ICML 2018; the pull to the last experience's weights instead is the plain L2
baseline of Kirkpatrick et al., PNAS 2017.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from carina.core import ConfigError
from carina.learning.learner import Event, Learned, Learner, Setting, Step
from carina.learning.strategies.prompted import prompted
from carina.learning.strategies.pulls import numbered, placed, pull
from carina.learning.strategies.retune import RETune
from carina.streams import View

__all__ = ["L2", "Anchor"]


class Anchor(StrEnum):
    """Where weights are pulled to."""

    BIRTH = "birth"
    """Where they began; kept beside the adaptors."""
    LAST = "last"
    """Where the experience before left them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class L2:
    """RE-tune with ``strength / 2 |w - anchor|^2`` beside the loss.

    Attributes:
        base: How adaptors are tuned.
        strength: Of the pull.
        to: Where it pulls.
    """

    base: RETune = RETune()
    strength: float = 1e-3
    to: Anchor = Anchor.BIRTH

    def __post_init__(self) -> None:
        if self.strength < 0:
            raise ConfigError(f"A pull has a strength of 0 or more; got {self.strength}.")

    def begin(self, setting: Setting, *, rng: np.random.Generator) -> Learner:
        """As RE-tune begins, its first weights kept where they anchor.

        Raises:
            Mismatch: where there is no text encoder, or the sides would not meet.
        """
        learner = self.base.begin(setting, rng=rng)
        if self.to is Anchor.LAST:
            return learner
        born = numbered("anchor", prompted(learner).adaptors.parameters())
        return replace(learner, carried={**learner.carried, **born})

    def learn(self, learner: Learner, view: View, *, rng: np.random.Generator) -> Iterator[Event]:
        """Fine-tune on the experience, pulled to the anchor.

        Raises:
            Mismatch: where the view has no prompts or features of another width.
        """
        tuning = self.base.tuning(learner, view, rng=rng)
        weights = tuning.readout.adaptors.parameters()
        if self.to is Anchor.BIRTH:
            anchor = placed("anchor", learner.carried)
        else:
            anchor = [weight.detach().clone() for weight in weights]
        for batch in tuning.batches():
            loss = tuning.loss(batch, tuning.logits(batch.features))
            tuning.step(batch, loss + self.strength * pull(weights, anchor))
            yield Step(index=batch.index, of=batch.of, loss=float(loss.detach()))
        yield Learned(learner=self.base.learned(learner, view, tuning))

"""Weights averaged over experiences.

Marouf et al., "Weighted Ensemble Models Are Strong Continual Learners" (CoMA), ECCV 2024: after an
experience the weights go only part of the way from those before it, and the next one starts there.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from carina.core import ConfigError
from carina.learning.learner import Event, Learned, Learner, Setting, Step
from carina.learning.strategies.prompted import prompted
from carina.learning.strategies.retune import RETune
from carina.streams import View

__all__ = ["Averaged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Averaged:
    """RE-tune whose adaptors become a mean of theirs before and after each experience.

    Attributes:
        base: How adaptors are tuned.
        share: Weight of the new ones; None takes 1/k after experience k, so that all experiences
            weigh the same. The first is taken whole.
    """

    base: RETune = RETune()
    share: float | None = None

    def __post_init__(self) -> None:
        if self.share is not None and not 0 < self.share <= 1:
            raise ConfigError(f"A share of new weights is in (0, 1]; got {self.share}.")

    def begin(self, setting: Setting, *, rng: np.random.Generator) -> Learner:
        """As RE-tune begins.

        Raises:
            Mismatch: where there is no text encoder, or the sides would not meet.
        """
        return self.base.begin(setting, rng=rng)

    def learn(self, learner: Learner, view: View, *, rng: np.random.Generator) -> Iterator[Event]:
        """Fine-tune on the experience, then go part of the way.

        Raises:
            Mismatch: where the view has no prompts or features of another width.
        """
        lived = learner.notes.get("experiences", 0)
        count = 1 + (lived if isinstance(lived, int) else 0)
        tuning = self.base.tuning(learner, view, rng=rng)
        for batch in tuning.batches():
            loss = tuning.loss(batch, tuning.logits(batch.features))
            tuning.step(batch, loss)
            yield Step(index=batch.index, of=batch.of, loss=float(loss.detach()))
        learned = self.base.learned(learner, view, tuning)
        share = 1.0 if count == 1 else self.share or 1 / count
        old, new = prompted(learner).adaptors.state(), prompted(learned).adaptors
        mean = {name: torch.lerp(old[name], late, share) for name, late in new.state().items()}
        readout = replace(prompted(learned), adaptors=new.loaded(mean))
        notes = {**learned.notes, "experiences": count}
        yield Learned(learner=replace(learned, readout=readout, notes=notes))

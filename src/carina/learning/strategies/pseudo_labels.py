"""Pseudo-labels for findings that an experience does not show, by the learner that came into it.

Lee, "Pseudo-Label", ICML workshops 2013; over a stream of findings as the baseline of that name in
Ceccon et al. (RCLP), WACV 2025: thresholds of best F1, each finding's from when it was shown.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from carina.learning.learner import Event, Learned, Learner, Setting, Step
from carina.learning.strategies.prompted import prompted
from carina.learning.strategies.pseudo import guessed, thresholds_after, thresholds_in
from carina.learning.strategies.retune import RETune
from carina.streams import View

__all__ = ["PseudoLabels"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PseudoLabels:
    """RE-tune that fills the cells nobody labelled with its own yes or no from before.

    Attributes:
        base: How adaptors are tuned.
    """

    base: RETune = RETune()

    def begin(self, setting: Setting, *, rng: np.random.Generator) -> Learner:
        """As RE-tune begins.

        Raises:
            Mismatch: where there is no text encoder, or the sides would not meet.
        """
        return self.base.begin(setting, rng=rng)

    def learn(self, learner: Learner, view: View, *, rng: np.random.Generator) -> Iterator[Event]:
        """Guess, fine-tune on labels and guesses alike, then set the shown findings' thresholds.

        Raises:
            Mismatch: where the view has no prompts or features of another width.
        """
        cuts = thresholds_in(learner)
        tuning = self.base.tuning(learner, view, rng=rng, whole=True)
        tuning.cells = guessed(tuning.cells, prompted(learner), cuts)
        for batch in tuning.batches():
            loss = tuning.loss(batch, tuning.logits(batch.features))
            tuning.step(batch, loss)
            yield Step(index=batch.index, of=batch.of, loss=float(loss.detach()))
        learned = self.base.learned(learner, view, tuning)
        notes = {**learned.notes, "thresholds": thresholds_after(cuts, prompted(learned), view)}
        yield Learned(learner=replace(learned, notes=notes))

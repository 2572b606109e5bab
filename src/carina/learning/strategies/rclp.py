"""RCLP: replay, pseudo-labels and held features together. KEEPS PATIENTS' DATA.

Ceccon et al., "Multi-Label Continual Learning for the Medical Domain: A Novel Benchmark" (RCLP),
WACV 2025 (arXiv 2404.06859): the mean of the loss on the new films, where the learner that came in
fills in findings it knows, and of the loss on replayed films; beside it the squared distance between
what either makes of an image. Here the adapted image vector stands for theirs of the last layer, and
kept are features, not images.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F

from carina.core import ConfigError
from carina.learning.learner import Event, Learned, Learner, Setting, Step
from carina.learning.strategies.memory import memory_in
from carina.learning.strategies.prompted import prompted
from carina.learning.strategies.pseudo import guessed, thresholds_after, thresholds_in
from carina.learning.strategies.replay import Rehearsal, kept_after
from carina.learning.strategies.retune import RETune
from carina.streams import View

__all__ = ["RCLP"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RCLP:
    """RE-tune with replay, pseudo-labels and held features.

    Attributes:
        base: How adaptors are tuned.
        share: Of each experience's rows that is kept.
        hold: Weight of the squared distance of adapted image vectors of length 1.
    """

    base: RETune = RETune()
    share: float = 0.03
    hold: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1 or self.hold < 0:
            raise ConfigError(
                "RCLP keeps a share of rows in (0, 1] and holds features with a weight of 0 or "
                f"more; got share={self.share}, hold={self.hold}."
            )

    def begin(self, setting: Setting, *, rng: np.random.Generator) -> Learner:
        """As RE-tune begins, nothing kept yet.

        Raises:
            Mismatch: where there is no text encoder, or the sides would not meet.
        """
        return self.base.begin(setting, rng=rng)

    def learn(self, learner: Learner, view: View, *, rng: np.random.Generator) -> Iterator[Event]:
        """Fine-tune on labels, guesses and kept rows, then keep some of this experience's.

        Raises:
            Mismatch: where the view has no prompts or features of another width.
        """
        teacher, cuts = prompted(learner), thresholds_in(learner)
        tuning = self.base.tuning(learner, view, rng=rng, whole=True)
        tuning.cells = guessed(tuning.cells, teacher, cuts)
        memory = memory_in(learner.carried, learner.labels.names, learner.setting.image_dim)
        rehearsal = Rehearsal(memory, tuning, rng=rng)
        image = tuning.readout.adaptors.image
        for batch in tuning.batches():
            loss = tuning.loss(batch, tuning.logits(batch.features))
            loss = rehearsal.beside(loss, len(batch.rows))
            if self.hold and teacher.labels:
                with torch.no_grad():
                    before = F.normalize(teacher.adaptors.image(batch.features), dim=1)
                apart = F.normalize(image(batch.features), dim=1) - before
                loss = loss + self.hold * apart.square().sum(dim=1).mean()
            tuning.step(batch, loss)
            yield Step(index=batch.index, of=batch.of, loss=float(loss.detach()))
        learned = self.base.learned(learner, view, tuning)
        cuts = thresholds_after(cuts, prompted(learned), view)
        learned = replace(learned, notes={**learned.notes, "thresholds": cuts})
        yield Learned(learner=kept_after(learned, memory, view, self.share, rng))

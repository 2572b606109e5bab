"""Experience replay: some rows of every experience are kept and learned from again. KEEPS PATIENTS' DATA.

Chaudhry et al., "On Tiny Episodic Memories in Continual Learning", 2019 (arXiv 1902.10486), with rows
of features in the place of images.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from carina.core import ConfigError
from carina.learning.learner import Event, Learned, Learner, Setting, Step
from carina.learning.strategies.memory import Memory, memory_in, merged, remembered
from carina.learning.strategies.retune import RETune
from carina.learning.strategies.tuning import Cells, Tuning, aligned
from carina.objectives import masked_bce
from carina.streams import View

__all__ = ["Rehearsal", "Replay", "kept_after"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """RE-tune that rehearses rows it has kept: patients' data, and its learners say so.

    The loss of a step is the mean of that of the experience's batch and that of as many kept rows.

    Attributes:
        base: How adaptors are tuned.
        share: Of each experience's rows that is kept; 0.03 is RCLP's.
    """

    base: RETune = RETune()
    share: float = 0.03

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ConfigError(f"A share of rows to keep is in (0, 1]; got {self.share}.")

    def begin(self, setting: Setting, *, rng: np.random.Generator) -> Learner:
        """As RE-tune begins, nothing kept yet.

        Raises:
            Mismatch: where there is no text encoder, or the sides would not meet.
        """
        return self.base.begin(setting, rng=rng)

    def learn(self, learner: Learner, view: View, *, rng: np.random.Generator) -> Iterator[Event]:
        """Fine-tune on the experience and on kept rows, then keep some of this one's.

        Raises:
            Mismatch: where the view has no prompts or features of another width.
        """
        tuning = self.base.tuning(learner, view, rng=rng, whole=True)
        memory = memory_in(learner.carried, learner.labels.names, learner.setting.image_dim)
        rehearsal = Rehearsal(memory, tuning, rng=rng)
        for batch in tuning.batches():
            loss = tuning.loss(batch, tuning.logits(batch.features))
            loss = rehearsal.beside(loss, len(batch.rows))
            tuning.step(batch, loss)
            yield Step(index=batch.index, of=batch.of, loss=float(loss.detach()))
        learned = self.base.learned(learner, view, tuning)
        yield Learned(learner=kept_after(learned, memory, view, self.share, rng))


class Rehearsal:
    """Kept rows as a tuning's readout takes them, and what they cost.

    Args:
        memory: The rows.
        tuning: Over all findings met.
        rng: Picks the rows of a step.
    """

    def __init__(self, memory: Memory, tuning: Tuning, *, rng: np.random.Generator) -> None:
        self._tuning = tuning
        self._rng = rng
        self._cells = Cells(
            labels=memory.labels,
            rows=aligned(memory.rows, tuning.readout),
            target=memory.target,
            known=memory.known,
        ).over(tuning.cells.labels)

    def beside(self, loss: Float[Tensor, ""], rows: int) -> Float[Tensor, ""]:
        """The mean of a loss and that of at most so many kept rows; the loss itself without any."""
        every = len(self._cells.rows)
        if not every:
            return loss
        picked = torch.from_numpy(self._rng.permutation(every)[:rows])
        logits = self._tuning.logits(self._tuning.blurred(self._cells.rows.take(picked)))
        again = masked_bce(logits, self._cells.target[picked], self._cells.known[picked])
        return (loss + again) / 2


def kept_after(
    learner: Learner, memory: Memory, view: View, share: float, rng: np.random.Generator
) -> Learner:
    """The learner with a share of the experience's rows beside those it kept before.

    A film kept before is kept on, with what this experience says of it.
    """
    rows = len(view.rows)
    drawn = rng.permutation(rows)[: int(np.ceil(share * rows))]
    kept = np.isin(view.images.numpy(), memory.images.numpy())
    kept[drawn] = True
    picked = torch.from_numpy(np.flatnonzero(kept))
    some = replace(
        view,
        rows=view.rows.only(picked),
        target=view.target[picked],
        known=view.known[picked],
        patients=view.patients[picked],
        images=view.images[picked],
        soft=None if view.soft is None else view.soft[picked],
    )
    wider = merged(memory, some)
    return replace(
        learner,
        carried={**learner.carried, **remembered(wider)},
        patient_rows=len(wider),
        single_patients=learner.single_patients or len(wider) > 0,
    )

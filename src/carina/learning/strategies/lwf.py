"""Learning without forgetting: what the reader said before is what it goes on saying.

Li and Hoiem, "Learning without Forgetting", ECCV 2016 (arXiv 1606.09282), for many findings: the
films of the experience at hand are the only ones there are, and on them the adaptors are held to
the answers of the learner that came into it, wherever the experience brings no label. There is one
set of adaptors for all findings, nothing of a patient is kept, and the teacher is the learner itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from carina.adaptors import PromptReadout
from carina.core import ConfigError
from carina.learning.learner import Event, Learned, Learner, Setting, Step
from carina.learning.strategies.prompted import prompted
from carina.learning.strategies.retune import RETune
from carina.learning.strategies.tuning import Batch, Tuning
from carina.objectives import distilled_bce
from carina.streams import View

__all__ = ["LwF"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LwF:
    """RE-tune held, on the experience's own films, to what it said of findings met before.

    Cells that the experience shows are learned from their labels; the others of findings met before
    are distilled. Films pass teacher and learner with the same noise, so what is held is the
    function near the films and not on them alone.

    Attributes:
        base: How adaptors are tuned.
        weight: Of a distilled cell against one with a label.
    """

    base: RETune = RETune()
    weight: float = 1.0

    def __post_init__(self) -> None:
        if self.weight < 0:
            raise ConfigError(f"A distilled cell weighs 0 or more; got {self.weight}.")

    def begin(self, setting: Setting, *, rng: np.random.Generator) -> Learner:
        """As RE-tune begins.

        Raises:
            Mismatch: where there is no text encoder, or the sides would not meet.
        """
        return self.base.begin(setting, rng=rng)

    def learn(self, learner: Learner, view: View, *, rng: np.random.Generator) -> Iterator[Event]:
        """Fine-tune on the experience, held to the learner that came into it.

        Raises:
            Mismatch: where the view has no prompts or features of another width.
        """
        tuning = self.base.tuning(learner, view, rng=rng, whole=True)
        teacher = prompted(learner)
        for batch in tuning.batches():
            logits = tuning.logits(batch.features)
            loss = tuning.loss(batch, logits)
            if teacher.labels:
                loss = loss + self.weight * untold(teacher, tuning, batch, logits)
            tuning.step(batch, loss)
            yield Step(index=batch.index, of=batch.of, loss=float(loss.detach()))
        yield Learned(learner=self.base.learned(learner, view, tuning))


def untold(
    teacher: PromptReadout, tuning: Tuning, batch: Batch, logits: Float[Tensor, "batch labels"]
) -> Float[Tensor, ""]:
    """What it costs to say another thing than a teacher in the cells that no label fills.

    A cell weighs as much as one with a label does in `Tuning.loss`.

    Args:
        teacher: Its findings are the first of the logits' columns.
        tuning: Over all findings met.
        batch: The rows.
        logits: Of these rows.
    """
    met = len(teacher.labels)
    known = tuning.cells.known[batch.rows]
    with torch.no_grad():
        said = teacher.compared(batch.features).difference
    wanted = ~known[:, :met]
    share = int(wanted.sum()) / max(1, int(known.sum()))
    return share * distilled_bce(logits[:, :met], said, wanted)

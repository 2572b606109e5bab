"""The cumulative bound: every experience is learned with all the rows met so far. KEEPS PATIENTS' DATA.

What a reader would reach that may keep everything; no published method, but the upper bound that
continual learning is held against (field's "cumulative" or "joint so far").
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from carina.features import PromptVectors
from carina.learning.learner import Event, Learned, Learner, Setting
from carina.learning.strategies.heads import Heads
from carina.learning.strategies.memory import memory_in, merged, remembered
from carina.learning.strategies.prompted import asked, met, prompted
from carina.learning.strategies.retune import RETune
from carina.streams import View
from carina.studies import LabelSpace

__all__ = ["Cumulative"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cumulative:
    """Another strategy, begun anew at each experience on all the rows and cells met so far.

    Attributes:
        of: The strategy.
    """

    of: RETune | Heads = RETune()

    def begin(self, setting: Setting, *, rng: np.random.Generator) -> Learner:
        """As the other strategy begins.

        Raises:
            Mismatch: as the other strategy's.
        """
        return self.of.begin(setting, rng=rng)

    def learn(self, learner: Learner, view: View, *, rng: np.random.Generator) -> Iterator[Event]:
        """Keep the rows, and learn from all that are kept.

        Raises:
            Mismatch: as the other strategy's.
        """
        memory = memory_in(learner.carried, learner.labels.names, learner.setting.image_dim)
        memory = merged(memory, view)
        everything = memory.view(replace(view, prompts=self._prompts(learner, view)))
        fresh = self.of.begin(learner.setting, rng=rng)
        for event in self.of.learn(fresh, everything, rng=rng):
            if isinstance(event, Learned):
                yield Learned(
                    learner=replace(
                        event.learner,
                        carried={**event.learner.carried, **remembered(memory)},
                        notes=_summed(learner, event.learner),
                        single_patients=True,
                        patient_rows=len(memory),
                    )
                )
            else:
                yield event

    def _prompts(self, learner: Learner, view: View) -> PromptVectors | None:
        """Prompts of all findings met, this experience's after the old ones."""
        if isinstance(self.of, Heads):
            return view.prompts
        new = asked(view)
        every = met(prompted(learner), new)
        return replace(
            new,
            space=LabelSpace(names=every.labels),
            positive=every.positive,
            negative=every.negative,
        )


def _summed(before: Learner, learned: Learner) -> dict[str, object]:
    """The new learner's notes, optimiser steps counted through."""
    steps = [learner.notes.get("optimiser_steps", 0) for learner in (before, learned)]
    if not any(steps):
        return dict(learned.notes)
    return {**learned.notes, "optimiser_steps": sum(n for n in steps if isinstance(n, int))}

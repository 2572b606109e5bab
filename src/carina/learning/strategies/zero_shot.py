"""Zero-shot: prompts compared with images, and nothing learned."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from carina.adaptors import Combine, Identity, Sides
from carina.core import Mismatch
from carina.learning.learner import Event, Learned, Learner, Setting
from carina.learning.strategies.prompted import asked, empty_readout, met, prompted
from carina.streams import View

__all__ = ["ZeroShot"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroShot:
    """The lower bound: findings are met, their prompts kept, and images compared with them.

    Attributes:
        combine: How several prompts of one side become one similarity.
    """

    combine: Combine = Combine.MEAN

    def begin(self, setting: Setting, *, rng: np.random.Generator) -> Learner:  # noqa: ARG002
        """A readout of no finding.

        Raises:
            Mismatch: where images and prompts cannot be compared, so zero-shot is undefined.
        """
        if not setting.zero_shot:
            raise Mismatch(
                "Zero-shot is undefined here: the encoders share no space and no alignment was "
                "fitted. Name encoders of one space, or fit an alignment on images and reports."
            )
        sides = Sides(adaptor=Identity())
        return Learner(
            setting=setting,
            readout=empty_readout(setting, sides, self.combine, torch.Generator()),
        )

    def learn(
        self,
        learner: Learner,
        view: View,
        *,
        rng: np.random.Generator,  # noqa: ARG002
    ) -> Iterator[Event]:
        """Meet the visible findings; their labels are not looked at.

        Raises:
            Mismatch: where the view has no prompts, or the learner another kind of readout.
        """
        readout = met(prompted(learner), asked(view))
        labels = learner.labels.grown(*view.labels)
        yield Learned(learner=replace(learner, labels=labels, readout=readout))

    def retract(
        self,
        learner: Learner,
        view: View,  # noqa: ARG002
        *,
        rng: np.random.Generator,  # noqa: ARG002
    ) -> Iterator[Event]:
        """Nothing: no label was ever looked at."""
        yield Learned(learner=learner)

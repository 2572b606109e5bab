"""Everything that is carried from one experience to the next, in the open."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from torch import Tensor

from carina.adaptors import Alignment, Readout
from carina.measures import Sigmoid
from carina.streams import View
from carina.studies import LabelSpace

__all__ = ["Event", "Kept", "Learned", "Learner", "Setting", "Step", "Strategy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a strategy must know before it sees any label.

    Attributes:
        image_dim: Width of the image features.
        text_dim: Width of the prompt vectors; 0 without a text encoder.
        shared_space: Whether image features and prompts can be compared as they are.
        alignment: Maps image features into the space of the prompts; None where there is none.
    """

    image_dim: int
    text_dim: int = 0
    shared_space: bool = False
    alignment: Alignment | None = None

    @property
    def zero_shot(self) -> bool:
        """Whether prompts mean anything to images before training."""
        return self.shared_space or self.alignment is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What stays behind when the films of an experience are gone.

    Attributes:
        bytes: By kind: "adaptor", "head", "prompts", "sums", "optimiser", "generator".
        fewest_patients: Fewest patients summed into any kept sum; None where no sum is kept.
        single_patients: Whether anything kept stems from single patients.
    """

    bytes: Mapping[str, int]
    fewest_patients: int | None
    single_patients: bool

    @property
    def total(self) -> int:
        """All bytes."""
        return sum(self.bytes.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Learner:
    """All that is carried from one experience to the next, and nothing else.

    Learning returns a new learner; the old one is unchanged.

    Attributes:
        labels: Findings met so far, in the order of meeting.
        readout: Adaptor or head: what predicts; None before anything could.
        calibration: Score to probability, for findings whose strategy knows it from its own sums.
        carried: Named tensors beside the readout: "sums/...", "optimiser/...", "generator/...".
        notes: Plain values that go with them (chosen penalties, counts of steps).
        fewest_patients: As in `Kept`.
    """

    labels: LabelSpace
    readout: Readout | None = None
    calibration: Mapping[str, Sigmoid] = field(default_factory=dict)
    carried: Mapping[str, Tensor] = field(default_factory=dict)
    notes: Mapping[str, object] = field(default_factory=dict)
    fewest_patients: int | None = None
    single_patients: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One optimiser step, or one solve: ``index`` of ``of``, and its loss."""

    index: int
    of: int
    loss: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """The last event of an experience."""

    learner: Learner


Event = Step | Learned


@runtime_checkable
class Strategy(Protocol):
    """A way to learn from one experience after another."""

    def begin(self, setting: Setting, *, rng: np.random.Generator) -> Learner:
        """The learner before the first experience."""
        ...

    def learn(self, learner: Learner, view: View, *, rng: np.random.Generator) -> Iterator[Event]:
        """Learn from one experience; the last event is `Learned`."""
        ...

"""Everything that is carried from one experience to the next, in the open."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64
from torch import Tensor

from carina.adaptors import Alignment, Readout
from carina.measures import Sigmoid
from carina.streams import View
from carina.studies import LabelSpace

__all__ = [
    "Event",
    "Learned",
    "Learner",
    "LeavesOut",
    "ReadsText",
    "Retracts",
    "Setting",
    "Step",
    "Strategy",
]


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Learner:
    """All that is carried from one experience to the next, and nothing else.

    Learning returns a new learner; the old one is unchanged.

    Attributes:
        setting: What was known before any label.
        labels: Findings met so far, in the order of meeting.
        readout: Adaptor or head: what predicts; None before anything could.
        calibration: Score to probability, for findings whose strategy knows it by itself.
        carried: Named tensors beside the readout, their kind before the first slash:
            "sums/...", "optimiser/...", "adaptor/...".
        notes: Plain JSON values that go with them (chosen penalties, counts of steps).
        fewest_patients: At least so many patients are in any kept sum; None where none is kept.
        single_patients: Whether a kept sum, or a class that weights were learned from, covers
            fewer than five patients.
        patient_rows: Rows of single patients (their features, not their films) that are kept as
            they are, for replay or for calibration; 0 where none is.
    """

    setting: Setting
    labels: LabelSpace = field(default_factory=lambda: LabelSpace(names=()))
    readout: Readout | None = None
    calibration: Mapping[str, Sigmoid] = field(default_factory=dict)
    carried: Mapping[str, Tensor] = field(default_factory=dict)
    notes: Mapping[str, object] = field(default_factory=dict)
    fewest_patients: int | None = None
    single_patients: bool = False
    patient_rows: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One optimiser step, or one solve: ``index`` of ``of``, and its loss where it has one."""

    index: int
    of: int
    loss: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """The last event of an experience."""

    learner: Learner


Event = Step | Learned
"""What `Strategy.learn` yields."""


@runtime_checkable
class Strategy(Protocol):
    """A way to learn from one experience after another."""

    def begin(self, setting: Setting, *, rng: np.random.Generator) -> Learner:
        """The learner before the first experience."""
        ...

    def learn(self, learner: Learner, view: View, *, rng: np.random.Generator) -> Iterator[Event]:
        """Learn from one experience; the last event is `Learned`."""
        ...


@runtime_checkable
class Retracts(Protocol):
    """A strategy that can also take back what it learned: of a patient, of a wrong label."""

    def retract(self, learner: Learner, view: View, *, rng: np.random.Generator) -> Iterator[Event]:
        """The learner as if the view's known cells had never been shown; last comes `Learned`.

        Raises:
            Mismatch: where they never were.
        """
        ...


@runtime_checkable
class LeavesOut(Protocol):
    """A strategy that can also say what it would answer had it not learned from a patient."""

    def left_out(self, learner: Learner, view: View) -> Float64[Tensor, "rows labels"]:
        """Scores of a view just learned, each as if the row's patient had been left out of it."""
        ...


@runtime_checkable
class ReadsText(Protocol):
    """A strategy whose readout holds no prompts, and that learns from them all the same."""

    def reads_text(self, setting: Setting) -> bool:
        """Whether, in this setting, a finding without any film has an answer by its prompts."""
        ...

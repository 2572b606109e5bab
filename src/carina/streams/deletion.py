"""Patients leave: at the end of a stream all their rows are taken back."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from jaxtyping import Int

from carina.core import ConfigError, InvalidValue, salted
from carina.streams.experience import Experience
from carina.streams.simple import Simple
from carina.streams.standing import Standing, standing
from carina.streams.stream import Ground

__all__ = ["Deletion"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """Another stream, after which a share of its patients is taken back, every cell of theirs.

    What a reader should be then is one that never saw them: `CellMatched` of this plan. A cell that
    was shown several times is taken back as often, in as many experiences.

    Attributes:
        of: The other plan.
        share: Of the patients learned from.
        seed: Of the hash by which they are chosen.
    """

    kind: ClassVar[str] = "deletion"

    of: Simple
    share: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise ConfigError(
                f"The share of patients who leave is between 0 and 1; got {self.share}."
            )

    @property
    def variant(self) -> str:
        """How many leave which stream: "0.1-of-by-class-all-rows"."""
        return f"{self.share:g}-of-{self.of.kind}-{self.of.variant}"

    def experiences(self, ground: Ground) -> tuple[Experience, ...]:
        """The other plan's, and one or more that take back.

        Raises:
            InvalidValue: where so small a share is no patient, or as the other plan does.
        """
        steps = self.of.experiences(ground)
        learned = standing(steps)
        leaving = learned.of(np.isin(ground.patients[learned.rows], self._leaving(ground)))
        layers = list(_layers(leaving))
        return (
            *steps,
            *(
                _taken_back(layer, f"deletion{f' {place}' if len(layers) > 1 else ''}", ground)
                for place, layer in enumerate(layers, start=1)
            ),
        )

    def _leaving(self, ground: Ground) -> Int[np.ndarray, " patients"]:
        """Codes of the patients who leave."""
        codes = np.unique(ground.patients[ground.rows])
        count = round(self.share * len(codes))
        if not count:
            raise InvalidValue(
                f"A share of {self.share:g} of {len(codes)} patients is nobody; name a larger one."
            )
        salt = f"deletion {self.seed}"
        order = np.argsort([salted(str(code), salt) for code in codes.tolist()], kind="stable")
        return codes[order[:count]]


def _layers(whole: Standing) -> Iterator[Standing]:
    """Parts that hold each cell once at most and are the whole together."""
    while whole.shown.any():
        whole = whole.standing()
        right = np.minimum(whole.right, 1)
        wrong = np.where(right, 0, np.minimum(whole.wrong, 1))
        once = replace(whole, right=right, wrong=wrong)
        yield once
        whole = replace(whole, right=whole.right - right, wrong=whole.wrong - wrong)


def _taken_back(layer: Standing, name: str, ground: Ground) -> Experience:
    patients = len(np.unique(ground.patients[layer.rows]))
    return Experience(
        name=name,
        visible=layer.visible,
        rows=layer.rows,
        cells=layer.shown,
        flipped=layer.flipped if layer.flipped.any() else None,
        validation=np.array([], dtype=np.int64),
        retracts=True,
        marks=(f"{patients} patient(s) leave",),
    )

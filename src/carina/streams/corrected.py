"""Corrected labels: learned as first told, then what was wrong is taken back and told right."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
from jaxtyping import Bool

from carina.core import ConfigError, InvalidValue, generator
from carina.streams.experience import Experience
from carina.streams.stream import Ground, in_order, laid

__all__ = ["Corrected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """Everything as it was first told; the wrong cells taken back; the same cells told right.

    A strategy that cannot take back learns the right cells on top of the wrong ones. By default
    errors are drawn: of each finding a share of the positives is first told absent and as many of
    the negatives present, so that it is as common as it is. With `first` they are those of an
    earlier reading: cells that both readings know and tell otherwise. A cell only the right
    reading knows is told with the corrections, one only the earlier reading knows never.

    Attributes:
        share: Of the positives of each finding, first told absent; where `first` names none.
        seed: Of the draw.
        first: Finding to the label column of its earlier reading.
        order: Findings in the order of columns; all of the space's where none is named.
    """

    kind: ClassVar[str] = "corrected"

    share: float = 0.1
    seed: int = 0
    first: Mapping[str, str] = field(default_factory=dict)
    order: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ConfigError(f"The share told wrong is above 0 and at most 1; got {self.share}.")

    @property
    def variant(self) -> str:
        """Whose errors: "drawn-0.1", "earlier-reading"."""
        return "earlier-reading" if self.first else f"drawn-{self.share:g}"

    def experiences(self, ground: Ground) -> tuple[Experience, ...]:
        """Three; rows held back for validation are seen in the last.

        Raises:
            UnknownName: for a finding or a label column there is not.
            InvalidValue: where no cell is wrong.
        """
        visible = in_order(self.order, ground.space)
        ground.space.indices(tuple(self.first))
        known = ground.known[ground.rows][:, ground.space.indices(visible)]
        told, wrong = self._first(ground, visible)
        if not wrong.any():
            raise InvalidValue(
                "No label was first told otherwise than it is, so there is nothing to correct; "
                "name another share or another earlier reading."
            )
        nobody, right = np.array([], dtype=np.int64), wrong | (known & ~told)
        back, again = wrong.any(axis=1), right.any(axis=1)
        return (
            laid(
                ground,
                name="as first told",
                visible=visible,
                rows=ground.rows,
                cells=told | ~known if (known & ~told).any() else None,
                flipped=wrong,
                validation=nobody,
                marks=(f"{wrong.sum()} of {told.sum()} labels are told wrong",),
            ),
            Experience(
                name="wrong labels taken back",
                visible=visible,
                rows=ground.rows[back],
                cells=wrong[back],
                flipped=wrong[back],
                validation=nobody,
                retracts=True,
            ),
            replace(
                laid(
                    ground,
                    name="told right",
                    visible=visible,
                    rows=ground.rows[again],
                    cells=right[again],
                    validation=ground.validation,
                ),
                picked=True,
            ),
        )

    def _first(
        self, ground: Ground, visible: tuple[str, ...]
    ) -> tuple[Bool[np.ndarray, "rows visible"], Bool[np.ndarray, "rows visible"]]:
        """Cells that were told at first, and those of them that were told wrong."""
        told, wrong = [], []
        for finding in visible:
            now = ground.column(finding)
            known, target = now.known[ground.rows], now.target[ground.rows]
            if finding in self.first:
                then = ground.column(self.first[finding])
                known = known & then.known[ground.rows]
                wrong.append(known & (target != then.target[ground.rows]))
            elif self.first:
                wrong.append(np.zeros_like(known))
            else:
                wrong.append(self._swapped(finding, target, known))
            told.append(known)
        return np.stack(told, axis=1), np.stack(wrong, axis=1)

    def _swapped(
        self, finding: str, target: Bool[np.ndarray, " rows"], known: Bool[np.ndarray, " rows"]
    ) -> Bool[np.ndarray, " rows"]:
        """The share of the positives, and as many negatives, drawn."""
        rng = generator(self.seed, "corrected", finding)
        positives, negatives = np.flatnonzero(target), np.flatnonzero(known & ~target)
        count = min(round(self.share * len(positives)), len(negatives))
        wrong = np.zeros(len(known), dtype=bool)
        for some in (positives, negatives):
            wrong[rng.permutation(some)[:count]] = True
        return wrong

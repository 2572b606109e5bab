"""Label-incremental streams: what is labelled grows, finding by finding."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

import numpy as np
from jaxtyping import Int

from carina.streams.experience import Experience
from carina.streams.stream import Ground, in_order, laid

__all__ = ["ByLabel", "LabelRows"]


class LabelRows(StrEnum):
    """Which rows an experience of a label-incremental stream has."""

    NEW_FILMS = "new-films"
    """One of as many equal contiguous chunks as there are findings: RE-tune's "more labels"."""
    SAME_FILMS = "same-films"
    """All of them, each time: new labels on old films."""
    POSITIVES_OF_NEWEST = "positives-of-newest"
    """Those that show the newest finding: RE-tune's "more labels" over its "class-pos"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByLabel:
    """As many experiences as findings; the first shows one finding, the last all of them.

    After RE-tune (arXiv 2410.17827), whose published runs use new films.

    Attributes:
        variant: Which rows each experience has.
        order: Findings in order; all of the space's where none is named.
    """

    kind: ClassVar[str] = "by-label"

    variant: LabelRows = LabelRows.NEW_FILMS
    order: tuple[str, ...] = ()

    def experiences(self, ground: Ground) -> tuple[Experience, ...]:
        """One a finding, in order.

        Raises:
            UnknownName: for a finding that is not in the space.
        """
        order = in_order(self.order, ground.space)
        rows, validation = (
            self._rows(ground, some, order) for some in (ground.rows, ground.validation)
        )
        return tuple(
            laid(
                ground,
                name=finding,
                visible=order[: step + 1],
                rows=rows[step],
                validation=validation[step],
            )
            for step, finding in enumerate(order)
        )

    def _rows(
        self, ground: Ground, rows: Int[np.ndarray, " rows"], order: tuple[str, ...]
    ) -> list[Int[np.ndarray, " _"]]:
        """The rows of each experience, out of all of them."""
        match self.variant:
            case LabelRows.NEW_FILMS:
                return np.array_split(rows, len(order))
            case LabelRows.SAME_FILMS:
                return [rows] * len(order)
            case LabelRows.POSITIVES_OF_NEWEST:
                present = ground.target[rows][:, ground.space.indices(order)]
                return [rows[column] for column in present.T]

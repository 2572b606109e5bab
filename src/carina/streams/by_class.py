"""Class-incremental streams: one finding after another."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

import numpy as np

from carina.core import ConfigError, InvalidValue
from carina.streams.experience import Experience
from carina.streams.stream import Ground, in_order, laid

__all__ = ["ByClass", "ClassRows", "Incomplete"]


class ClassRows(StrEnum):
    """Which rows an experience of a class-incremental stream has."""

    ALL_ROWS = "all-rows"
    """All of them, each time; only that finding visible."""
    CONTIGUOUS_CHUNKS = "contiguous-chunks"
    """One of as many equal contiguous chunks as there are findings: RE-tune's "class-pos-neg"."""
    POSITIVES_ONLY = "positives-only"
    """Rows that show the finding, so that every target is 1: RE-tune's "class-pos"."""


class Incomplete(StrEnum):
    """What becomes of an experience that lacks positives or negatives."""

    MARK = "mark"
    """It stays, and says so."""
    REFUSE = "refuse"
    """The stream is not laid out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByClass:
    """One experience a finding, with that finding's labels alone.

    After RE-tune (arXiv 2410.17827), whose published runs use the contiguous chunks.

    Attributes:
        variant: Which rows each experience has.
        order: Findings in order; all of the space's where none is named.
        incomplete: What becomes of an experience that lacks one of its classes.
    """

    kind: ClassVar[str] = "by-class"

    variant: ClassRows = ClassRows.ALL_ROWS
    order: tuple[str, ...] = ()
    incomplete: Incomplete = Incomplete.MARK

    def __post_init__(self) -> None:
        if self.variant is ClassRows.POSITIVES_ONLY and self.incomplete is Incomplete.REFUSE:
            raise ConfigError(
                "Experiences of positives only never have negatives, so all would be refused; "
                "use incomplete = 'mark'."
            )

    def experiences(self, ground: Ground) -> tuple[Experience, ...]:
        """One a finding, in order.

        Raises:
            UnknownName: for a finding that is not in the space.
            InvalidValue: for incomplete experiences where they are refused.
        """
        order = in_order(self.order, ground.space)
        chunks = [np.array_split(rows, len(order)) for rows in (ground.rows, ground.validation)]
        experiences = []
        for step, finding in enumerate(order):
            rows, validation = ground.rows, ground.validation
            if self.variant is ClassRows.CONTIGUOUS_CHUNKS:
                rows, validation = chunks[0][step], chunks[1][step]
            elif self.variant is ClassRows.POSITIVES_ONLY:
                present = ground.target[:, ground.space.index(finding)]
                rows, validation = rows[present[rows]], validation[present[validation]]
            experiences.append(
                laid(ground, name=finding, visible=(finding,), rows=rows, validation=validation)
            )
        marked = [experience for experience in experiences if experience.marks]
        if marked and self.incomplete is Incomplete.REFUSE:
            raise InvalidValue(
                f"{len(marked)} experience(s) lack a class ({marked[0].marks[0]}, the first); "
                "give more rows, another order, or incomplete = 'mark'."
            )
        return tuple(experiences)

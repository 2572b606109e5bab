"""Temporal streams: the films in the order in which they were taken, period after period."""

import re
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import ClassVar

import numpy as np
from jaxtyping import Int

from carina.core import ConfigError, InvalidValue
from carina.streams.by_data import even_cuts
from carina.streams.experience import Experience
from carina.streams.stream import Ground, also_elsewhere, in_order, laid, left_out

__all__ = ["ByTime", "day_of"]

_DAY = re.compile(r"(\d{4})([-/.]?)(\d{2})\2(\d{2})(?:[T ].*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ByTime:
    """Periods of the study date, all findings visible in each.

    Rows without a date that can be read are left out and counted. A patient who comes back stands
    in several periods, which is marked. Dates of de-identified sources are often shifted by
    patient (MIMIC-CXR's are), and then say nothing of the order between patients.

    Attributes:
        parts: How many periods of as equal size as whole days allow, where no cut is named.
        cuts: First days of the second period, the third and so on, as 2019-07-01.
        order: Findings in the order of columns; all of the space's where none is named.
    """

    kind: ClassVar[str] = "by-time"

    parts: int = 4
    cuts: tuple[str, ...] = ()
    order: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.parts < 2 and not self.cuts:
            raise ConfigError(f"A stream by time has 2 periods or more; got {self.parts}.")
        days = [day_of(cut) for cut in self.cuts]
        if any(day is None for day in days) or any(
            first >= then for first, then in pairwise(day for day in days if day is not None)
        ):
            raise ConfigError(f"Cuts are days, each after the one before it; got {self.cuts}.")

    @property
    def variant(self) -> str:
        """How periods are made and how many there are: "equal-4", "cut-3"."""
        return f"cut-{len(self.cuts) + 1}" if self.cuts else f"equal-{self.parts}"

    def experiences(self, ground: Ground) -> tuple[Experience, ...]:
        """One a period; none is named by its days, which are patients'.

        Raises:
            UnknownName: for a finding that is not in the space.
            InvalidValue: where no row has a date, there are fewer days than periods, or a period
                has no row.
        """
        days = np.array([day_of(cell) or 0 for cell in ground.dates], dtype=np.int64)
        dated = ground.rows[days[ground.rows] > 0] if len(days) else ground.rows[:0]
        if not len(dated):
            raise InvalidValue(
                f"None of {len(ground.rows)} films has a date that can be read (wanted 2019-07-01 "
                "or 20190701), and a stream by time goes by it. Name the column of dates in the "
                "mapping, or choose by data (ByData)."
            )
        starts = self._starts(days[dated])
        parts = len(starts) + 1
        rows = [
            dated[np.searchsorted(starts, days[dated], side="right") == p] for p in range(parts)
        ]
        if empty := [place + 1 for place, some in enumerate(rows) if not len(some)]:
            raise InvalidValue(f"Period {empty[0]} of {parts} has no film; choose other cuts.")
        held = ground.validation[days[ground.validation] > 0]
        period = np.searchsorted(starts, days[held], side="right")
        lost = left_out(ground, rows, "without a date")
        return tuple(
            laid(
                ground,
                name=f"period {place + 1} of {parts}",
                visible=in_order(self.order, ground.space),
                rows=rows[place],
                validation=held[period == place],
                marks=(*also_elsewhere(ground, rows, place), *(lost if place == 0 else ())),
            )
            for place in range(parts)
        )

    def _starts(self, days: Int[np.ndarray, " dated"]) -> Int[np.ndarray, " cuts"]:
        """The first day of each period but the first."""
        if self.cuts:
            return np.array([day_of(cut) for cut in self.cuts], dtype=np.int64)
        different, counts = np.unique(days, return_counts=True)
        if len(different) < self.parts:
            raise InvalidValue(
                f"Films of {len(different)} day(s) cannot fill {self.parts} periods; ask for fewer."
            )
        return different[np.array(even_cuts(counts, self.parts)[1:-1], dtype=np.int64)]


def day_of(cell: str) -> int | None:
    """The day a cell names, counted from the year 1; None where it names none.

    >>> day_of("2019-07-01") == day_of("20190701") == day_of("2019/07/01 10:15")
    True
    >>> day_of("July"), day_of("2019-02-30"), day_of("")
    (None, None, None)
    """
    if (match := _DAY.fullmatch(cell)) is None:
        return None
    try:
        return date(int(match[1]), int(match[3]), int(match[4])).toordinal()
    except ValueError:
        return None

"""Data-incremental streams: every finding from the start, patients part by part."""

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import ClassVar

import numpy as np
from jaxtyping import Int

from carina.core import ConfigError, InvalidValue, salted
from carina.streams.experience import Experience
from carina.streams.stream import Ground, also_elsewhere, in_order, laid

__all__ = ["ByData", "DataOrder", "even_cuts"]


class DataOrder(StrEnum):
    """How rows are ordered before they are cut."""

    HASHED_PATIENTS = "hashed-patients"
    """Patients in the order of a seeded hash; no patient in two parts."""
    AS_LISTED = "as-listed"
    """As the source lists them, as RE-tune has it; a patient may fall in two parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByData:
    """Equal parts of the rows, all findings visible in each.

    After RE-tune (arXiv 2410.17827): 5, 10 or 20 contiguous parts.

    Attributes:
        parts: How many.
        arrangement: How rows are ordered before they are cut.
        seed: Of the hash.
        order: Findings in the order of columns; all of the space's where none is named.
    """

    kind: ClassVar[str] = "by-data"

    parts: int = 5
    arrangement: DataOrder = DataOrder.HASHED_PATIENTS
    seed: int = 0
    order: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.parts < 1:
            raise ConfigError(f"A data-incremental stream has 1 part or more; got {self.parts}.")

    @property
    def variant(self) -> str:
        """The arrangement and the number of parts: "hashed-patients-5"."""
        return f"{self.arrangement}-{self.parts}"

    def experiences(self, ground: Ground) -> tuple[Experience, ...]:
        """One a part.

        Raises:
            UnknownName: for a finding that is not in the space.
            InvalidValue: where there are fewer patients than parts.
        """
        patients = len(np.unique(ground.patients[ground.rows]))
        if patients < self.parts:
            raise InvalidValue(
                f"{patients} patient(s) cannot fill {self.parts} parts; ask for fewer parts."
            )
        rows, validation = self._cut(ground, ground.rows), self._cut(ground, ground.validation)
        return tuple(
            laid(
                ground,
                name=f"part {part + 1} of {self.parts}",
                visible=in_order(self.order, ground.space),
                rows=rows[part],
                validation=validation[part],
                marks=also_elsewhere(ground, rows, part),
            )
            for part in range(self.parts)
        )

    def _cut(self, ground: Ground, rows: Int[np.ndarray, " rows"]) -> list[np.ndarray]:
        if self.arrangement is DataOrder.AS_LISTED:
            return np.array_split(rows, self.parts)
        return _cut_by_patient(rows, ground.patients[rows], self.parts, f"by-data {self.seed}")


def even_cuts(counts: Int[np.ndarray, " groups"], parts: int) -> list[int]:
    """Where groups in order are cut into parts of as equal size as whole groups allow.

    Args:
        counts: Rows of each group.
        parts: How many; none is empty while there are groups enough.

    Returns:
        The first group of each part, and at last the number of groups.
    """
    ends = np.cumsum(counts)
    spare = len(counts) >= parts
    cuts = [0]
    for part in range(1, parts):
        wanted = int(ends[-1]) * part / parts if len(ends) else 0
        nearest = int(np.searchsorted(ends, wanted - 0.5) + 1)
        least = cuts[-1] + spare
        most = len(counts) - (parts - part) * spare
        cuts.append(min(max(nearest, least), most))
    return [*cuts, len(counts)]


def _cut_by_patient(
    rows: Int[np.ndarray, " rows"], patients: Int[np.ndarray, " rows"], parts: int, salt: str
) -> list[np.ndarray]:
    """Parts as equal as whole patients allow, none empty while there are patients enough."""
    codes, place, counts = np.unique(patients, return_inverse=True, return_counts=True)
    order = np.argsort([salted(str(code), salt) for code in codes.tolist()], kind="stable")
    part_of = np.empty(len(codes), dtype=np.int64)
    for part, (start, end) in enumerate(pairwise(even_cuts(counts[order], parts))):
        part_of[order[start:end]] = part
    return [rows[part_of[place] == part] for part in range(parts)]

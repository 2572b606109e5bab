"""A new finding from text alone, and then its first few films."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Int

from carina.core import ConfigError, InvalidValue, salted
from carina.streams.experience import Experience
from carina.streams.stream import Ground, in_order, laid

__all__ = ["NewFromText"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFromText:
    """All other findings at once; then the new one by its prompts; then its first few films.

    A rare finding is named long before there are films of it to learn from. A strategy that reads
    no prompts has no answer for it until the films come, and says so.

    Attributes:
        finding: The new one.
        films: Its first positive films, each of another patient.
        negatives: Films without it that come with them, each of another patient.
        seed: Of the order in which patients come.
        order: The other findings in the order of columns; all of the space's where none is named.
    """

    kind: ClassVar[str] = "new-from-text"

    finding: str
    films: int = 5
    negatives: int = 45
    seed: int = 0
    order: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if min(self.films, self.negatives) < 1 or self.finding in self.order:
            raise ConfigError(
                "A new finding has 1 film or more with it and 1 or more without, and is none of "
                f"the others; got {self.films}, {self.negatives} and {self.finding!r}."
            )

    @property
    def variant(self) -> str:
        """How many films come at last: "5-of-50-films"."""
        return f"{self.films}-of-{self.films + self.negatives}-films"

    def experiences(self, ground: Ground) -> tuple[Experience, ...]:
        """Three.

        Raises:
            UnknownName: for a finding that is not in the space.
            InvalidValue: where there is no other finding, or not as many films.
        """
        column = ground.column(self.finding)
        others = tuple(n for n in in_order(self.order, ground.space) if n != self.finding)
        if not others:
            raise InvalidValue(f"{self.finding!r} is the only finding, so it is new to nothing.")
        nobody = np.array([], dtype=np.int64)
        few = np.concatenate(
            [
                self._first(ground, column.target, self.films, "with"),
                self._first(ground, column.known & ~column.target, self.negatives, "without"),
            ]
        )
        return (
            laid(
                ground,
                name=f"before {self.finding}",
                visible=others,
                rows=ground.rows,
                validation=ground.validation,
            ),
            Experience(
                name=f"{self.finding} in words",
                visible=(self.finding,),
                rows=nobody,
                validation=nobody,
                text_only=True,
            ),
            laid(
                ground,
                name=f"{self.finding}, first films",
                visible=(self.finding,),
                rows=np.unique(few),
                validation=nobody,
            ),
        )

    def _first(
        self, ground: Ground, wanted: np.ndarray, count: int, what: str
    ) -> Int[np.ndarray, " films"]:
        """The first wanted film of each of so many patients, in the order of a seeded hash."""
        rows = ground.rows[wanted[ground.rows]]
        codes, first = np.unique(ground.patients[rows], return_index=True)
        if len(codes) < count:
            raise InvalidValue(
                f"There are films {what} {self.finding} of {len(codes)} patient(s), and {count} "
                "were asked for; ask for fewer."
            )
        salt = f"new-from-text {self.seed} {what}"
        order = np.argsort([salted(str(code), salt) for code in codes.tolist()], kind="stable")
        picked: np.ndarray = rows[first[order[:count]]]
        return picked

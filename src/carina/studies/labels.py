"""What a reader said of a finding, and the ordered findings columns stand for."""

from dataclasses import dataclass, replace
from enum import IntEnum

from carina.core import LabelSpaceError, unknown

__all__ = ["LabelSpace", "Presence"]


class Presence(IntEnum):
    """One cell of a label table. There is no NaN and no silent zero."""

    UNANNOTATED = -3
    """Nobody was to say anything: the finding is none that this film's source labels."""
    UNMENTIONED = -2
    """The source labels the finding, and nobody said anything about it here."""
    UNCERTAIN = -1
    """Somebody spoke of it and would not commit."""
    ABSENT = 0
    """Said to be absent."""
    PRESENT = 1
    """Said to be present."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSpace:
    """The ordered names that columns of scores and targets stand for."""

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        twice = sorted({name for name in self.names if self.names.count(name) > 1})
        if twice:
            raise LabelSpaceError(f"Label names must be unique; seen twice: {', '.join(twice)}.")
        if not all(name.strip() == name != "" for name in self.names):
            raise LabelSpaceError(f"Label names are not blank nor padded; got {self.names!r}.")

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def index(self, name: str) -> int:
        """The column of a finding.

        Raises:
            UnknownName: naming the near neighbour.
        """
        if name not in self.names:
            raise unknown("finding", name, self.names)
        return self.names.index(name)

    def indices(self, names: tuple[str, ...]) -> list[int]:
        """The columns of several findings, in the order asked for."""
        return [self.index(name) for name in names]

    def grown(self, *names: str) -> "LabelSpace":
        """This space with the new ones among the names after the old: old columns never move."""
        new = tuple(dict.fromkeys(name for name in names if name not in self.names))
        return replace(self, names=self.names + new)

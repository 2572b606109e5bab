"""What a reader said of a finding, and the ordered findings columns stand for."""

from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum

import numpy as np
from jaxtyping import Bool, Int8

from carina.core import LabelSpaceError, unknown

__all__ = ["LabelPolicy", "LabelSpace", "Presence", "Uncertain", "Unmentioned"]


class Presence(IntEnum):
    """One cell of a label table. There is no NaN and no silent zero."""

    UNMENTIONED = -2
    """Nobody said anything about it."""
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


class Uncertain(StrEnum):
    """What an UNCERTAIN cell counts as."""

    IGNORED = "ignored"
    ABSENT = "absent"
    PRESENT = "present"


class Unmentioned(StrEnum):
    """What an UNMENTIONED cell counts as."""

    IGNORED = "ignored"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelPolicy:
    """How the four presences become a target and whether it is known; chosen in the recipe.

    The default decides nothing: what nobody asserted is not known.
    """

    uncertain: Uncertain = Uncertain.IGNORED
    unmentioned: Unmentioned = Unmentioned.IGNORED

    def apply(
        self, labels: Int8[np.ndarray, "images labels"]
    ) -> tuple[Bool[np.ndarray, "images labels"], Bool[np.ndarray, "images labels"]]:
        """Target and known, both (images, labels); target is False where it is not known."""
        uncertain, unmentioned = labels == Presence.UNCERTAIN, labels == Presence.UNMENTIONED
        known = labels >= Presence.ABSENT
        target = labels == Presence.PRESENT
        if self.uncertain is not Uncertain.IGNORED:
            known = known | uncertain
        if self.uncertain is Uncertain.PRESENT:
            target = target | uncertain
        if self.unmentioned is Unmentioned.ABSENT:
            known = known | unmentioned
        return target, known

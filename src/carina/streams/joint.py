"""One experience with everything: the upper bound of every stream."""

from dataclasses import dataclass
from typing import ClassVar

from carina.streams.experience import Experience
from carina.streams.stream import Ground, in_order, laid

__all__ = ["AllAtOnce"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AllAtOnce:
    """All rows and all findings at once: joint training.

    Attributes:
        order: Findings in the order of columns; all of the space's where none is named.
    """

    kind: ClassVar[str] = "joint"
    variant: ClassVar[str] = "full"

    order: tuple[str, ...] = ()

    def experiences(self, ground: Ground) -> tuple[Experience, ...]:
        """The one.

        Raises:
            UnknownName: for a finding that is not in the space.
        """
        visible = in_order(self.order, ground.space)
        rows, validation = ground.rows, ground.validation
        return (laid(ground, name="all", visible=visible, rows=rows, validation=validation),)

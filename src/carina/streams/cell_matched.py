"""One experience with just the cells another stream shows: the fair upper bound of that stream."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from carina.streams.confounded import Confounded
from carina.streams.deletion import Deletion
from carina.streams.experience import Experience
from carina.streams.simple import Simple
from carina.streams.standing import standing
from carina.streams.stream import Ground, laid

__all__ = ["CellMatched"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellMatched:
    """The cells another plan's stream shows and does not take back, at once.

    What order and forgetting cost that stream is what it falls short of this. Where patients left
    (`Deletion`) it is a reader that never saw them; where labels were corrected, one that was told
    the right ones alone.

    Attributes:
        of: The other plan.
    """

    kind: ClassVar[str] = "joint"

    of: Simple | Deletion | Confounded

    @property
    def variant(self) -> str:
        """Whose cells: "cells-of-by-class-all-rows"."""
        return f"cells-of-{self.of.kind}-{self.of.variant}"

    def experiences(self, ground: Ground) -> tuple[Experience, ...]:
        """The one; its rows and cells are those that stand at the end of the other's stream."""
        steps = self.of.experiences(ground)
        learned = standing(steps).standing()
        held = standing([_held(step) for step in steps if not step.retracts])
        return (
            laid(
                ground,
                name="all",
                visible=learned.visible,
                rows=learned.rows,
                cells=learned.shown,
                flipped=learned.flipped if learned.flipped.any() else None,
                validation=held.rows,
                validation_cells=held.shown,
            ),
        )


def _held(step: Experience) -> Experience:
    """The validation rows of an experience in the place of its rows."""
    nobody = np.array([], dtype=np.int64)
    return replace(
        step,
        rows=step.validation,
        cells=step.validation_cells,
        flipped=None,
        validation=nobody,
        validation_cells=None,
    )

"""Which cells still stand after some experiences, when some of them take cells back."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from carina.streams.experience import Experience
from carina.studies import LabelSpace

__all__ = ["Standing", "standing"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Standing:
    """How often each cell was learned and not taken back.

    Attributes:
        visible: What the columns stand for.
        rows: Rows of the manifest, ascending.
        right: How often the cell stands as its label is.
        wrong: How often it stands as the opposite.
    """

    visible: tuple[str, ...]
    rows: Int[np.ndarray, " rows"]
    right: Int[np.ndarray, "rows visible"]
    wrong: Int[np.ndarray, "rows visible"]

    @property
    def shown(self) -> Bool[np.ndarray, "rows visible"]:
        """Cells that stand."""
        return (self.right > 0) | (self.wrong > 0)

    @property
    def flipped(self) -> Bool[np.ndarray, "rows visible"]:
        """Cells that stand as the opposite of their label, and never as they are."""
        return (self.wrong > 0) & (self.right <= 0)

    def standing(self) -> "Standing":
        """The rows with a cell that stands."""
        return self.of(np.asarray(self.shown.any(axis=1)))

    def of(self, rows: Bool[np.ndarray, " rows"]) -> "Standing":
        """Some rows only."""
        return Standing(
            visible=self.visible,
            rows=self.rows[rows],
            right=self.right[rows],
            wrong=self.wrong[rows],
        )


def standing(experiences: Sequence[Experience]) -> Standing:
    """What stands of the rows to learn from after all of the experiences, in order."""
    space = LabelSpace(names=()).grown(*(name for one in experiences for name in one.visible))
    rows = np.unique(np.concatenate([one.rows for one in experiences]))
    right = np.zeros((len(rows), len(space)), dtype=np.int32)
    wrong = np.zeros_like(right)
    for one in experiences:
        place = np.ix_(np.searchsorted(rows, one.rows), np.array(space.indices(one.visible)))
        every = np.ones((len(one.rows), len(one.visible)), dtype=bool)
        cells = every if one.cells is None else one.cells
        flipped = np.zeros_like(cells) if one.flipped is None else one.flipped
        sign = -1 if one.retracts else 1
        right[place] += sign * (cells & ~flipped)
        wrong[place] += sign * (cells & flipped)
    return Standing(visible=space.names, rows=rows, right=right, wrong=wrong)

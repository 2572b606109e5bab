"""One experience: the upper bound of a stream, whole or with just the cells the stream shows."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Int

from carina.streams.by_class import ByClass
from carina.streams.by_data import ByData
from carina.streams.by_label import ByLabel
from carina.streams.experience import Experience
from carina.streams.stream import Ground, in_order, laid
from carina.studies import LabelSpace

__all__ = ["AllAtOnce", "CellMatched"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class CellMatched:
    """The cells another plan's stream shows, at once: what order and forgetting cost it.

    Attributes:
        of: The other plan.
    """

    kind: ClassVar[str] = "joint"

    of: ByClass | ByLabel | ByData

    @property
    def variant(self) -> str:
        """Whose cells: "cells-of-by-class-all-rows"."""
        return f"cells-of-{self.of.kind}-{self.of.variant}"

    def experiences(self, ground: Ground) -> tuple[Experience, ...]:
        """The one; its rows and cells are the union of the other's."""
        steps = self.of.experiences(ground)
        visible = LabelSpace(names=()).grown(*(name for step in steps for name in step.visible))
        rows, cells = _union(visible, [(step.visible, step.rows) for step in steps])
        validation, others = _union(visible, [(step.visible, step.validation) for step in steps])
        return (
            laid(
                ground,
                name="all",
                visible=visible.names,
                rows=rows,
                cells=cells,
                validation=validation,
                validation_cells=others,
            ),
        )


def _union(
    visible: LabelSpace, shown: list[tuple[tuple[str, ...], Int[np.ndarray, " _"]]]
) -> tuple[Int[np.ndarray, " rows"], Bool[np.ndarray, "rows visible"]]:
    """Rows in ascending order, and which of their cells any step shows."""
    rows = np.unique(np.concatenate([some for _, some in shown]))
    cells = np.zeros((len(rows), len(visible)), dtype=np.bool_)
    for names, some in shown:
        cells[np.searchsorted(rows, some)[:, None], visible.indices(names)] = True
    return rows, cells

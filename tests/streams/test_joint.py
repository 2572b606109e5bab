"""Joint training: everything at once, or exactly the cells a stream shows."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carina.streams import (
    AllAtOnce,
    ByClass,
    ByData,
    ByLabel,
    CellMatched,
    ClassRows,
    Ground,
    Labelled,
    LabelRows,
    lay_out,
    view,
)

Draw = Callable[[int], tuple[Labelled, Ground]]
OTHERS: tuple[ByClass | ByLabel | ByData, ...] = (
    *(ByClass(variant=variant, order=("Edema", "Atelectasis")) for variant in ClassRows),
    *(ByLabel(variant=variant) for variant in LabelRows),
    ByData(parts=3),
)


def shown(
    labelled: Labelled, ground: Ground, plan: object
) -> dict[str, set[tuple[int, str, bool]]]:
    """Known cells that the views of a plan show: image, finding, present or absent."""
    cells: dict[str, set[tuple[int, str, bool]]] = {"rows": set(), "validation": set()}
    for experience in lay_out(plan, ground).experiences:  # type: ignore[arg-type]
        seen = view(experience, labelled)
        parts = [("rows", experience.rows, seen.target, seen.known)]
        if seen.held is not None:
            parts += [("validation", experience.validation, seen.held.target, seen.held.known)]
        for part, rows, target, known in parts:
            for place, column in np.argwhere(known.numpy()).tolist():
                cell = int(rows[place]), seen.labels[column], bool(target[place, column])
                cells[part].add(cell)
    return cells


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**20), other=st.sampled_from(OTHERS))
def test_cell_matched_shows_exactly_the_cells_of_the_stream(
    drawn: Draw, seed: int, other: ByClass | ByLabel | ByData
) -> None:
    labelled, ground = drawn(seed)

    assert shown(labelled, ground, CellMatched(of=other)) == shown(labelled, ground, other)
    assert lay_out(CellMatched(of=other), ground).findings == lay_out(other, ground).findings


def test_all_at_once_shows_every_row_and_finding(drawn: Draw) -> None:
    _, ground = drawn(0)
    (only,) = lay_out(AllAtOnce(), ground).experiences

    assert np.array_equal(only.rows, ground.rows)
    assert only.visible == ground.space.names
    assert only.cells is None


def test_cells_hidden_from_the_union_count_for_its_marks(drawn: Draw) -> None:
    _, ground = drawn(0)
    target = ground.target.copy()
    middle = len(ground.rows) // len(ground.space)
    target[ground.rows[:middle], 0] = False
    matched = CellMatched(of=ByClass(variant=ClassRows.CONTIGUOUS_CHUNKS))
    (only,) = lay_out(matched, replace(ground, target=target)).experiences

    assert target[:, 0].any()
    assert "Atelectasis without positives" in only.marks


@pytest.mark.parametrize("other", OTHERS)
def test_the_variant_names_whose_cells_they_are(other: ByClass | ByLabel | ByData) -> None:
    assert CellMatched(of=other).variant == f"cells-of-{other.kind}-{other.variant}"

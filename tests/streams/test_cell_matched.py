"""Joint training: everything at once, or exactly the cells that stand at the end of a stream."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from carina.streams import (
    AllAtOnce,
    ByClass,
    CellMatched,
    ClassRows,
    Confounded,
    Deletion,
    Ground,
    Labelled,
    Simple,
    lay_out,
    view,
)

Draw = Callable[[int], tuple[Labelled, Ground]]
Cells = dict[str, set[tuple[int, str, bool]]]


def stands(
    labelled: Labelled, ground: Ground, plan: Simple | Deletion | Confounded | CellMatched
) -> Cells:
    """Known cells that the views of a plan show and do not take back: image, finding, presence."""
    cells: Cells = {"rows": set(), "validation": set()}
    often: dict[tuple[int, str, bool], int] = {}
    for experience in lay_out(plan, ground).experiences:
        seen = view(experience, labelled)
        for place, column in np.argwhere(seen.known.numpy()).tolist():
            cell = (
                int(experience.rows[place]),
                seen.labels[column],
                bool(seen.target[place, column]),
            )
            often[cell] = often.get(cell, 0) + (-1 if seen.retracts else 1)
        if seen.held is not None:
            for place, column in np.argwhere(seen.held.known.numpy()).tolist():
                held = int(experience.validation[place]), seen.labels[column]
                cells["validation"].add((*held, bool(seen.held.target[place, column])))
    cells["rows"] = {cell for cell, count in often.items() if count > 0}
    assert min(often.values(), default=0) >= 0
    return cells


def test_cell_matched_shows_exactly_the_cells_that_stand(
    full: tuple[Labelled, Ground], other: Simple | Deletion | Confounded
) -> None:
    labelled, ground = full
    matched = CellMatched(of=other)

    assert stands(labelled, ground, matched) == stands(labelled, ground, other)
    assert lay_out(matched, ground).findings == lay_out(other, ground).findings
    assert not any(one.retracts for one in lay_out(matched, ground).experiences)


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


def test_the_variant_names_whose_cells_they_are(other: Simple | Deletion | Confounded) -> None:
    assert CellMatched(of=other).variant == f"cells-of-{other.kind}-{other.variant}"


@pytest.mark.parametrize("inner", [ByClass(), AllAtOnce()])
def test_after_a_deletion_the_matched_cells_are_nobodys_who_left(
    full: tuple[Labelled, Ground], inner: Simple
) -> None:
    _, ground = full
    plan = Deletion(of=inner, share=0.3)
    *_, back = lay_out(plan, ground).experiences
    (matched,) = lay_out(CellMatched(of=plan), ground).experiences
    gone = set(ground.patients[back.rows])

    assert back.retracts
    assert gone
    assert not gone & set(ground.patients[matched.rows])
    assert gone | set(ground.patients[matched.rows]) == set(ground.patients[ground.rows])

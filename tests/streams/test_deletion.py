"""Patients leave: every cell of theirs is taken back, as often as it was shown."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from carina.core import ConfigError, InvalidValue
from carina.streams import (
    AllAtOnce,
    ByClass,
    ByLabel,
    Corrected,
    Deletion,
    Experience,
    Ground,
    Labelled,
    LabelRows,
    Simple,
    lay_out,
    view,
)

Draw = Callable[[int], tuple[Labelled, Ground]]
Cell = tuple[int, str, bool]


def shown(labelled: Labelled, experience: Experience) -> list[Cell]:
    """The known cells of a view: image, finding, whether told present."""
    seen = view(experience, labelled)
    return [
        (int(experience.rows[place]), seen.labels[column], bool(seen.target[place, column]))
        for place, column in np.argwhere(seen.known.numpy()).tolist()
    ]


def counted(labelled: Labelled, ground: Ground, plan: Deletion) -> tuple[Counter[Cell], set[int]]:
    """How often each cell was learned, and who left."""
    often: Counter[Cell] = Counter()
    left: set[int] = set()
    for experience in lay_out(plan, ground).experiences:
        often.update(dict.fromkeys(shown(labelled, experience), -1 if experience.retracts else 1))
        if experience.name.startswith("deletion"):
            left |= set(ground.patients[experience.rows].tolist())
    return often, left


@pytest.mark.parametrize(
    "inner",
    [
        AllAtOnce(),
        ByClass(),
        ByLabel(variant=LabelRows.SAME_FILMS),
        ByLabel(),
        Corrected(share=0.5),
    ],
)
def test_nothing_of_who_left_remains_and_everything_of_the_others(
    full: tuple[Labelled, Ground], inner: Simple
) -> None:
    labelled, ground = full
    often, left = counted(labelled, ground, Deletion(of=inner, share=0.3))
    taught: Counter[Cell] = Counter()
    for experience in lay_out(inner, ground).experiences:
        taught.update(dict.fromkeys(shown(labelled, experience), -1 if experience.retracts else 1))

    assert len(left) == round(0.3 * len(set(ground.patients[ground.rows])))
    assert often == {
        cell: 0 if ground.patients[cell[0]] in left else count for cell, count in taught.items()
    }


def test_a_cell_shown_several_times_is_taken_back_as_often(drawn: Draw) -> None:
    _, ground = drawn(0)
    twice = lay_out(Deletion(of=ByLabel(variant=LabelRows.SAME_FILMS)), ground)
    once = lay_out(Deletion(of=ByClass()), ground)

    assert [e.name for e in twice.experiences if e.retracts] == [
        f"deletion {place + 1}" for place in range(len(ground.space))
    ]
    (back,) = [e for e in once.experiences if e.retracts]
    assert back.name == "deletion"
    assert back.marks == (f"{len(set(ground.patients[back.rows]))} patient(s) leave",)


def test_a_share_that_is_nobody_is_refused(drawn: Draw) -> None:
    with pytest.raises(InvalidValue, match="is nobody"):
        lay_out(Deletion(of=ByClass(), share=0.001), drawn(0)[1])
    for share in (0.0, 1.0):
        with pytest.raises(ConfigError, match="between 0 and 1"):
            Deletion(of=ByClass(), share=share)

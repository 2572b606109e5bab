"""Label-incremental: findings 0 to t are visible, on new films or on the same."""

from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from carina.streams import ByLabel, Ground, Labelled, LabelRows, lay_out

Draw = Callable[[int], tuple[Labelled, Ground]]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**20), variant=st.sampled_from(LabelRows))
def test_findings_become_visible_one_by_one_and_stay(
    drawn: Draw, seed: int, variant: LabelRows
) -> None:
    _, ground = drawn(seed)
    order = ground.space.names[::-1]
    experiences = lay_out(ByLabel(variant=variant, order=order), ground).experiences

    assert [experience.visible for experience in experiences] == [
        order[: step + 1] for step in range(len(order))
    ]
    assert [experience.name for experience in experiences] == list(order)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**20))
def test_new_films_come_in_equal_contiguous_chunks(drawn: Draw, seed: int) -> None:
    _, ground = drawn(seed)
    experiences = lay_out(ByLabel(), ground).experiences
    rows = [experience.rows for experience in experiences]

    assert np.array_equal(np.concatenate(rows), ground.rows)
    assert max(map(len, rows)) - min(map(len, rows)) <= 1
    assert np.array_equal(
        np.concatenate([experience.validation for experience in experiences]), ground.validation
    )


def test_old_films_come_whole_each_time(drawn: Draw) -> None:
    _, ground = drawn(0)

    for experience in lay_out(ByLabel(variant=LabelRows.SAME_FILMS), ground).experiences:
        assert np.array_equal(experience.rows, ground.rows)
        assert np.array_equal(experience.validation, ground.validation)

"""Data-incremental: parts that are disjoint, whole, and by patient unless asked otherwise."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carina.core import ConfigError, InvalidValue
from carina.streams import ByData, DataOrder, Ground, Labelled, lay_out

Draw = Callable[[int], tuple[Labelled, Ground]]
quick = settings(max_examples=30, deadline=None)


@quick
@given(seed=st.integers(0, 2**20), parts=st.integers(1, 9), arrangement=st.sampled_from(DataOrder))
def test_parts_are_disjoint_and_together_all_rows_with_all_findings(
    drawn: Draw, seed: int, parts: int, arrangement: DataOrder
) -> None:
    _, ground = drawn(seed)
    stream = lay_out(ByData(parts=parts, arrangement=arrangement), ground)
    together = np.concatenate([experience.rows for experience in stream.experiences])
    held = np.concatenate([experience.validation for experience in stream.experiences])

    assert len(stream.experiences) == parts
    assert sorted(together.tolist()) == ground.rows.tolist()
    assert sorted(held.tolist()) == ground.validation.tolist()
    assert all(experience.visible == ground.space.names for experience in stream.experiences)


@quick
@given(seed=st.integers(0, 2**20), parts=st.integers(2, 9))
def test_no_patient_stands_in_two_parts_and_parts_are_as_equal_as_patients_allow(
    drawn: Draw, seed: int, parts: int
) -> None:
    _, ground = drawn(seed)
    rows = [experience.rows for experience in lay_out(ByData(parts=parts), ground).experiences]
    patients = [set(ground.patients[part].tolist()) for part in rows]
    films = np.unique(ground.patients[ground.rows], return_counts=True)[1]

    assert sum(map(len, patients)) == len(set().union(*patients)) == len(films)
    assert all(len(part) > 0 for part in rows)
    assert max(map(len, rows)) - min(map(len, rows)) <= 2 * films.max()


def test_as_listed_is_contiguous_and_says_which_patients_recur(drawn: Draw) -> None:
    _, ground = drawn(0)
    plan = ByData(parts=2, arrangement=DataOrder.AS_LISTED)
    first, second = lay_out(plan, ground).experiences
    recurring = set(ground.patients[first.rows]) & set(ground.patients[second.rows])

    assert np.array_equal(np.concatenate([first.rows, second.rows]), ground.rows)
    assert recurring
    assert f"{len(recurring)} patient(s) also in other parts" in first.marks
    assert f"{len(recurring)} patient(s) also in other parts" in second.marks
    for experience in lay_out(ByData(parts=2), ground).experiences:
        assert not any("other parts" in mark for mark in experience.marks)


def test_the_seed_moves_patients_and_the_listing_does_not(drawn: Draw) -> None:
    _, ground = drawn(0)
    reversed_rows = replace(ground, rows=ground.rows[::-1].copy())

    def parts(plan: ByData, ground: Ground) -> list[set[int]]:
        return [set(experience.rows.tolist()) for experience in lay_out(plan, ground).experiences]

    assert parts(ByData(parts=3), ground) == parts(ByData(parts=3), reversed_rows)
    assert parts(ByData(parts=3), ground) != parts(ByData(parts=3, seed=1), ground)


def test_a_patient_with_most_films_leaves_no_part_empty(drawn: Draw) -> None:
    _, ground = drawn(0)
    patients = np.repeat(ground.patients[ground.rows[0]], len(ground.patients))
    patients[:2] = [1, 2]
    most = replace(
        ground,
        patients=patients,
        rows=np.arange(len(patients)),
        validation=np.array([], dtype=np.int64),
    )
    for seed in range(6):
        stream = lay_out(ByData(parts=3, seed=seed), most)
        assert sorted(len(experience.rows) for experience in stream.experiences) == [
            1,
            1,
            len(patients) - 2,
        ]


def test_more_parts_than_patients_are_refused(drawn: Draw) -> None:
    with pytest.raises(InvalidValue, match="fewer parts"):
        lay_out(ByData(parts=500), drawn(0)[1])
    with pytest.raises(ConfigError, match="1 part or more"):
        ByData(parts=0)

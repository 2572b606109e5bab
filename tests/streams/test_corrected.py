"""Corrected labels: told wrong, taken back as they were told, told right."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carina.core import ConfigError, InvalidValue, UnknownName
from carina.streams import Corrected, Ground, Labelled, lay_out, view

Draw = Callable[[int], tuple[Labelled, Ground]]
SEEDS = st.integers(0, 10)


def cells(labelled: Labelled, ground: Ground, plan: Corrected) -> list[dict[tuple[int, str], bool]]:
    """What each of the three views says of each known cell."""
    told = []
    for experience in lay_out(plan, ground).experiences:
        seen = view(experience, labelled)
        told.append(
            {
                (int(experience.rows[place]), seen.labels[column]): bool(seen.target[place, column])
                for place, column in np.argwhere(seen.known.numpy()).tolist()
            }
        )
    return told


@settings(max_examples=11, deadline=None)
@given(seed=SEEDS, share=st.floats(0.3, 1.0))
def test_what_is_taken_back_is_what_was_told_and_comes_again_as_it_is(
    drawn: Draw, seed: int, share: float
) -> None:
    labelled, ground = drawn(seed)
    first, back, right = cells(labelled, ground, Corrected(share=share))
    truth = {
        (int(row), name): bool(ground.target[row, column])
        for row in ground.rows
        for column, name in enumerate(ground.space.names)
        if ground.known[row, column]
    }

    assert set(first) == set(truth)
    assert back == {cell: first[cell] for cell in back}
    assert back.keys() == {cell for cell in truth if first[cell] != truth[cell]} == right.keys()
    assert right == {cell: truth[cell] for cell in right}


@settings(max_examples=11, deadline=None)
@given(seed=SEEDS, share=st.floats(0.3, 0.5))
def test_drawn_errors_leave_a_finding_as_common_as_it_is(
    drawn: Draw, seed: int, share: float
) -> None:
    labelled, ground = drawn(seed)
    first, *_ = lay_out(Corrected(share=share), ground).experiences
    told = view(first, labelled).target.sum(dim=0).tolist()

    for column, count in enumerate(told):
        positives = ground.target[ground.rows, column].sum()
        negatives = ground.known[ground.rows, column].sum() - positives
        if round(share * positives) <= negatives:
            assert count == positives


def test_an_earlier_reading_is_told_first_where_both_know(drawn: Draw) -> None:
    labelled, ground = drawn(0)
    plan = Corrected(first={"Edema": "Edema before"})
    first, back, right = cells(labelled, ground, plan)
    before, now = ground.others["Edema before"], ground.column("Edema")

    for row in ground.rows:
        cell = (int(row), "Edema")
        assert (cell in first) == (now.known[row] and before.known[row])
        if cell in first:
            assert first[cell] == before.target[row]
            assert (cell in back) == (cell in right) == (before.target[row] != now.target[row])
        else:
            assert (cell in right) == now.known[row]
        other = (int(row), "Atelectasis")
        assert first.get(other) == (bool(ground.target[row, 0]) if ground.known[row, 0] else None)
        assert other not in back


def test_nothing_is_calibrated_on_labels_picked_for_being_wrong(drawn: Draw) -> None:
    first, back, right = lay_out(Corrected(share=0.5), drawn(0)[1]).experiences

    assert not first.picked
    assert right.picked
    assert back.retracts
    assert any("told wrong" in mark for mark in first.marks)
    assert len(first.validation) == len(back.validation) == 0


def test_the_draw_follows_its_seed(drawn: Draw) -> None:
    _, ground = drawn(0)
    one, same, other = (
        lay_out(Corrected(share=0.5, seed=seed), ground).experiences[0].flipped
        for seed in (0, 0, 1)
    )

    assert one is not None
    assert np.array_equal(one, np.asarray(same))
    assert not np.array_equal(one, np.asarray(other))


def test_where_nothing_is_wrong_there_is_nothing_to_correct(drawn: Draw) -> None:
    _, ground = drawn(0)
    with pytest.raises(InvalidValue, match="nothing to correct"):
        lay_out(Corrected(share=1e-6), ground)
    with pytest.raises(InvalidValue, match="nothing to correct"):
        lay_out(Corrected(first={"Edema": "Edema"}), ground)
    with pytest.raises(UnknownName, match="Did you mean 'Edema before'"):
        lay_out(Corrected(first={"Edema": "Edema befor"}), ground)
    with pytest.raises(UnknownName, match="No finding named 'Edemma'"):
        lay_out(Corrected(first={"Edemma": "Edema before"}), ground)
    for share in (0.0, 1.1):
        with pytest.raises(ConfigError, match="above 0 and at most 1"):
            Corrected(share=share)

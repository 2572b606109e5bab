"""Shares of the labels: nested, whole patients, and alike in what they show."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carina.core import InvalidValue
from carina.streams import nested_shares


@given(
    patients=st.integers(20, 80),
    films=st.integers(1, 3),
    seed=st.integers(0, 10_000),
    smallest=st.floats(0.05, 0.9),
)
def test_shares_are_whole_patients_each_within_the_larger(
    patients: int, films: int, seed: int, smallest: float
) -> None:
    rng = np.random.default_rng(seed)
    whose = rng.permutation(np.repeat(np.arange(patients), films))
    present = rng.random((len(whose), 3)) < 0.2
    found = nested_shares(whose, present, (smallest, 1.0, 0.95), rng=rng)
    small, large, whole = (set(found[share].tolist()) for share in (smallest, 0.95, 1.0))

    assert small < whole
    assert small <= large <= whole == set(range(len(whose)))
    for share, rows in found.items():
        taken = np.unique(whose[rows])
        assert len(taken) == round(share * patients)
        assert np.isin(whose, taken).sum() == len(rows)


def test_a_tenth_shows_every_finding_as_often_as_the_whole() -> None:
    rng = np.random.default_rng(0)
    present = rng.random((1000, 4)) < np.array([0.01, 0.05, 0.2, 0.6])
    whole = present.sum(axis=0)
    strays: dict[str, list[float]] = {"dealt": [], "drawn": []}
    for seed in range(10):
        rng = np.random.default_rng(seed)
        dealt = nested_shares(np.arange(1000), present, (0.1,), rng=rng)[0.1]
        for way, rows in (("dealt", dealt), ("drawn", rng.permutation(1000)[:100])):
            strays[way].append(float(np.abs(present[rows].sum(axis=0) - whole / 10).max()))

    assert max(strays["dealt"]) <= 4
    assert np.mean(strays["dealt"]) < np.mean(strays["drawn"]) / 2


def test_other_draws_are_other_patients() -> None:
    present = np.random.default_rng(0).random((200, 2)) < 0.3
    drawn = [
        nested_shares(np.arange(200), present, (0.1,), rng=np.random.default_rng(seed))[0.1]
        for seed in range(2)
    ]

    assert drawn[0].tolist() != drawn[1].tolist()


def test_what_a_patient_shows_on_any_film_counts() -> None:
    """Forty patients of two films: the second of every eighth shows it, and so half of the five do."""
    whose, present = np.repeat(np.arange(40), 2), np.zeros((80, 1), dtype=bool)
    present[1::16] = True
    rows = nested_shares(whose, present, (0.4,), rng=np.random.default_rng(0))[0.4]

    assert present[rows].sum() == 2


@pytest.mark.parametrize(
    ("shares", "told"), [((0.0,), "above 0"), ((1.5,), "above 0"), ((), "one or more")]
)
def test_a_share_out_of_range_is_refused(shares: tuple[float, ...], told: str) -> None:
    with pytest.raises(InvalidValue, match=told):
        nested_shares(
            np.arange(5), np.ones((5, 1), dtype=bool), shares, rng=np.random.default_rng(0)
        )


def test_a_share_of_nobody_says_which_is_the_smallest() -> None:
    with pytest.raises(InvalidValue, match=r"0\.01 of 20 patient\(s\) is nobody.* is 0\.05"):
        nested_shares(
            np.arange(20), np.ones((20, 1), dtype=bool), (0.01,), rng=np.random.default_rng(0)
        )

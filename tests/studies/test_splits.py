"""A patient stands in one split, whatever else there is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carina.core import InvalidValue, salted
from carina.studies import hashed_split, patient_codes

PATIENTS = st.lists(st.text(max_size=4), max_size=40)
SALTS = st.text(max_size=5)
FRACTIONS = {"train": 0.7, "val": 0.1, "test": 0.2}
MANY = [f"patient {number}" for number in range(4000)]


@settings(max_examples=50, deadline=None)
@given(patients=PATIENTS, salt=SALTS)
def test_no_patient_stands_in_two_splits(patients: list[str], salt: str) -> None:
    splits = hashed_split(patients, salt, FRACTIONS)

    assert len(set(zip(patients, splits, strict=True))) == len(set(patients))


@settings(max_examples=50, deadline=None)
@given(old=PATIENTS, new=PATIENTS, salt=SALTS)
def test_new_patients_do_not_move_old_ones(old: list[str], new: list[str], salt: str) -> None:
    both = [*old, *new]

    assert hashed_split(both, salt, FRACTIONS)[: len(old)] == hashed_split(old, salt, FRACTIONS)


def test_shares_come_out_as_asked_for() -> None:
    splits = hashed_split(MANY, "a", FRACTIONS)

    for name, share in FRACTIONS.items():
        assert splits.count(name) / len(MANY) == pytest.approx(share, abs=0.03)


def test_a_share_of_nothing_gets_nothing() -> None:
    assert set(hashed_split(MANY, "a", {"train": 0.0, "val": 0.5, "test": 0.5})) == {"val", "test"}


def test_folds_do_not_follow_splits() -> None:
    train = np.array(hashed_split(MANY, "carina", FRACTIONS)) == "train"

    folds = patient_codes(MANY) % 5
    share = np.bincount(folds[train]) / np.bincount(folds)

    assert share == pytest.approx(0.7, abs=0.06)


def test_another_salt_is_another_split() -> None:
    assert hashed_split(MANY, "a", FRACTIONS) != hashed_split(MANY, "b", FRACTIONS)


def test_codes_are_salted_hashes() -> None:
    codes = patient_codes(["a", "b", "a"], "salt")

    assert codes.dtype == np.int64
    assert codes.tolist() == [salted("a", "salt"), salted("b", "salt"), salted("a", "salt")]


@pytest.mark.parametrize(
    ("fractions", "message"),
    [
        ({"train": 0.5, "valid": 0.5}, "Did you mean 'val'"),
        ({"train": 0.5, "val": 0.4}, "sum to 1"),
        ({"train": 1.5, "val": -0.5}, "sum to 1"),
    ],
)
def test_shares_that_make_no_split_are_refused(fractions: dict[str, float], message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        hashed_split(["a"], "salt", fractions)

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from carina.core import InvalidValue, Mismatch
from carina.features import FeatureRows
from carina.learning.strategies.adding import add, subtract
from carina.learning.strategies.carrying import from_tensors, to_tensors
from carina.learning.strategies.summing import folds_of, sums_of
from carina.learning.strategies.sums import Sums, fewest_patients, no_sums
from carina.learning.strategies.triangles import unpacked
from carina.streams import View
from carina.testing import drawn_view, part_of


def taken(view: View) -> Sums:
    return sums_of(view, folds=5, salt="test")


def assert_equal(one: Sums, other: Sums, *, patients: bool = True) -> None:
    """The same counts and keys, and sums to 1e-8; the bounds on patients too where asked."""
    assert set(one.findings) == set(other.findings)
    for label, left in one.findings.items():
        right = other.findings[label]
        assert left.key == right.key
        assert torch.equal(left.positives, right.positives)
        assert torch.equal(left.negatives, right.negatives)
        torch.testing.assert_close(left.positive_sum, right.positive_sum, rtol=0, atol=1e-8)
        torch.testing.assert_close(left.negative_sum, right.negative_sum, rtol=0, atol=1e-8)
        moments = one.moments[left.key].half, other.moments[right.key].half
        torch.testing.assert_close(*moments, rtol=0, atol=1e-8)
        if patients:
            assert torch.equal(left.positive_patients, right.positive_patients)
            assert torch.equal(left.negative_patients, right.negative_patients)


def split_by_patient(view: View, parts: int, seed: int) -> list[View]:
    """A view in parts without a common patient."""
    patients, place = np.unique(view.patients.numpy(), return_inverse=True)
    of_row = torch.from_numpy(
        np.random.default_rng(seed).integers(parts, size=len(patients))[place]
    )
    return [part_of(view, rows=of_row == part) for part in range(parts)]


def test_sums_are_those_of_normalised_rows_by_class_and_fold() -> None:
    view = drawn_view(known=0.7)
    sums = taken(view)
    rows = view.features.double() / view.features.double().norm(dim=1, keepdim=True)
    fold = torch.from_numpy(folds_of(view.patients, folds=5, salt="test"))
    for column, label in enumerate(view.labels):
        own = sums.findings[label]
        moment = unpacked(sums.moments[own.key].half, sums.dim + 1)
        for part in range(5):
            known = view.known[:, column] & (fold == part)
            has, lacks = known & view.target[:, column], known & ~view.target[:, column]

            assert own.positives[part] == has.sum()
            assert own.negatives[part] == lacks.sum()
            torch.testing.assert_close(own.positive_sum[part], rows[has].sum(0))
            torch.testing.assert_close(own.negative_sum[part], rows[lacks].sum(0))
            behind = torch.cat([rows[known], torch.ones(int(known.sum()), 1).double()], dim=1)
            torch.testing.assert_close(moment[part], behind.T @ behind)


def test_all_films_of_a_patient_are_in_one_fold_and_the_salt_decides_which() -> None:
    view = drawn_view(rows=200)
    fold = folds_of(view.patients, folds=5, salt="one")
    other = folds_of(view.patients, folds=5, salt="two")

    assert (fold[::2] == fold[1::2]).all()
    assert set(fold) == set(range(5))
    assert (fold != other).any()


def test_findings_known_on_the_same_rows_share_one_second_moment() -> None:
    view = drawn_view(tuple(f"finding {number}" for number in range(14)))
    one_by_one = no_sums(dim=12, folds=5, salt="test")
    for label in view.labels:
        one_by_one = add(one_by_one, taken(part_of(view, labels=(label,))))

    assert len(taken(view).moments) == 1
    assert len(one_by_one.moments) == 1


def test_a_finding_with_one_more_row_has_a_second_moment_of_its_own() -> None:
    view = drawn_view()
    cells = torch.ones_like(view.known)
    cells[0, 0] = False

    assert len(taken(part_of(view, cells=cells)).moments) == 2


def test_sharers_part_when_one_goes_on_alone_and_meet_again() -> None:
    first, second = drawn_view(seed=1), drawn_view(seed=2)
    together = taken(first)
    parted = add(together, taken(part_of(second, labels=("effusion",))))
    (old,) = together.moments.values()

    assert len(parted.moments) == 2
    assert parted.moments[parted.findings["edema"].key] is old
    assert parted.findings["edema"] is together.findings["edema"]

    met = add(parted, taken(part_of(second, labels=("edema", "nodule"))))
    assert len(met.moments) == 1
    assert met.moments[met.findings["edema"].key] is parted.moments[met.findings["effusion"].key]


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 99), order=st.permutations(range(4)))
def test_adding_parts_in_any_order_comes_to_the_sums_of_the_whole(
    seed: int, order: list[int]
) -> None:
    view = drawn_view(seed=seed, known=0.7)
    parts = split_by_patient(view, 4, seed)
    sums = no_sums(dim=12, folds=5, salt="test")
    for part in order:
        sums = add(sums, taken(parts[part]))

    assert_equal(sums, taken(view), patients=False)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 99))
def test_the_sums_of_two_sites_merged_either_way_are_those_of_the_pooled_films(seed: int) -> None:
    view = drawn_view(seed=seed, known=0.7)
    here, there = (taken(part) for part in split_by_patient(view, 2, seed))

    assert_equal(add(here, there), taken(view), patients=False)
    assert_equal(add(here, there), add(there, here))


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 99), which=st.integers(0, 29))
def test_subtracting_a_patient_is_never_having_seen_them(seed: int, which: int) -> None:
    view = drawn_view(seed=seed, known=0.7)
    leaving = view.patients == view.patients[2 * which]
    rest = taken(part_of(view, rows=~leaving))

    assert_equal(subtract(taken(view), taken(part_of(view, rows=leaving))), rest, patients=False)


def test_subtracting_everybody_leaves_no_residue() -> None:
    view = drawn_view(known=0.7)
    halves = split_by_patient(view, 2, 0)
    left = add(taken(halves[0]), taken(halves[1]))
    for half in halves:
        left = subtract(left, taken(half))

    assert all(not own.rows and not own.positive_sum.any() for own in left.findings.values())
    assert not left.moments
    assert fewest_patients(left) is None


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 99), parts=st.integers(1, 3))
def test_the_fewest_patients_are_never_overstated(seed: int, parts: int) -> None:
    view = drawn_view(seed=seed, rows=80)
    rng = np.random.default_rng(seed)
    lot = torch.from_numpy(rng.integers(parts, size=80))  # films of one patient may be parted
    sums = no_sums(dim=12, folds=5, salt="test")
    for part in range(parts):
        sums = add(sums, taken(part_of(view, rows=lot == part)))
    leaving = part_of(view, rows=view.patients == view.patients[0])
    truth = _fewest(view)
    bound = fewest_patients(sums)

    assert bound is not None
    assert 1 <= bound <= truth
    if parts == 1:
        assert bound == truth
    after = fewest_patients(subtract(sums, taken(leaving)))
    assert after is not None
    assert after <= _fewest(part_of(view, rows=view.patients != view.patients[0]))


def _fewest(view: View) -> int:
    fold = torch.from_numpy(folds_of(view.patients, folds=5, salt="test"))
    counts = [
        len(set(view.patients[cell].tolist()))
        for column in range(len(view.labels))
        for part in range(5)
        for side in (view.target[:, column], ~view.target[:, column])
        if (cell := side & view.known[:, column] & (fold == part)).any()
    ]
    return min(counts)


def test_taken_apart_and_put_together_the_sums_are_the_same_bits() -> None:
    sums = add(taken(drawn_view(seed=1, known=0.5)), taken(drawn_view(("edema", "mass"), seed=2)))
    plain, tensors = to_tensors(sums)
    back = from_tensors(plain, tensors)
    again, others = to_tensors(back)

    assert again == plain
    assert others.keys() == tensors.keys()
    assert all(torch.equal(others[name], tensors[name]) for name in tensors)
    assert len(tensors) == 3 * 4 + len(sums.moments)


def test_a_row_of_zeros_stays_zero() -> None:
    view = drawn_view()
    blank = replace(view, rows=FeatureRows(pool=torch.zeros_like(view.features)))

    assert not next(iter(taken(blank).moments.values())).half[:, :-1].any()


def test_sums_that_do_not_belong_together_are_refused() -> None:
    sums = taken(drawn_view())
    with pytest.raises(Mismatch, match=r"width 12 in 5 folds .* width 12 in 4 folds"):
        add(sums, sums_of(drawn_view(), folds=4, salt="test"))
    with pytest.raises(Mismatch, match="one salt"):
        add(sums, sums_of(drawn_view(), folds=5, salt="other"))


def test_what_was_never_added_cannot_be_taken_away() -> None:
    sums = taken(drawn_view(seed=1))
    with pytest.raises(Mismatch, match="'mass' is in no sum"):
        subtract(sums, taken(drawn_view(("mass",))))
    with pytest.raises(Mismatch, match="more rows"):
        subtract(sums, taken(drawn_view(seed=1, rows=400)))


def test_a_finding_without_its_second_moment_is_no_value() -> None:
    sums = taken(drawn_view())
    with pytest.raises(InvalidValue, match="second moment"):
        replace(sums, moments={})

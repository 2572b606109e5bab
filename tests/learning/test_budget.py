"""Second moments that findings share so that all sums keep to a number of bytes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from carina.adaptors import LinearReadout
from carina.core import ConfigError
from carina.features import FeatureRows
from carina.learning import Learned, Learner, Ridge, Setting, begin, kept, learn_one
from carina.learning.strategies.adding import add, subtract
from carina.learning.strategies.carrying import from_tensors, to_tensors
from carina.learning.strategies.ridge import sums_in
from carina.learning.strategies.summing import sums_of, unit
from carina.learning.strategies.sums import SHARED, Moment, Sums, no_sums
from carina.streams import View
from carina.testing import drawn_view, part_of

APART = Setting(image_dim=12)
OWN = (2 * 12 + 10) * 5 * 8  # bytes of a finding's sums at most, 12 wide in 5 folds
MOMENT = 13 * 14 // 2 * 5 * 8
ROOM = 3 * OWN + 2 * MOMENT  # three findings fit with one second moment, not with three


def taken(view: View, budget: int | None = ROOM) -> Sums:
    return sums_of(view, folds=5, salt="test", budget=budget)


def whole(sums: Sums) -> Tensor:
    """The second moments of all findings together, however they are kept."""
    if SHARED in sums.moments:
        return sums.moments[SHARED].half
    own = [sums.moments[one.key].half for one in sums.findings.values() if one.rows]
    return torch.stack(own).sum(dim=0)


def assert_same(one: Sums, other: Sums) -> None:
    """The same findings and counts, kept in the same form, sums to 1e-8."""
    assert set(one.findings) == set(other.findings)
    assert set(one.moments) == set(other.moments)
    for label, left in one.findings.items():
        right = other.findings[label]
        assert left.key == right.key
        torch.testing.assert_close(left.positive_sum, right.positive_sum, rtol=0, atol=1e-8)
        torch.testing.assert_close(left.negative_sum, right.negative_sum, rtol=0, atol=1e-8)
    for name, moment in one.moments.items():
        torch.testing.assert_close(moment.half, other.moments[name].half, rtol=0, atol=1e-8)


def taught(views: list[View], strategy: Ridge, setting: Setting = APART) -> Learner:
    learner = begin(strategy, setting, seed=0)
    for index, view in enumerate(views):
        *_, last = learn_one(strategy, learner, view, seed=0, index=index)
        assert isinstance(last, Learned)
        learner = last.learner
    return learner


def head(learner: Learner) -> LinearReadout:
    assert isinstance(learner.readout, LinearReadout)
    return learner.readout


def cut(view: View, seed: int) -> list[View]:
    """A view's cells in four experiences, each of some rows and some findings, in a random order."""
    lot = torch.from_numpy(np.random.default_rng(seed).integers(4, size=tuple(view.known.shape)))
    return [part_of(view, cells=lot == part) for part in range(4)]


def test_findings_that_fit_keep_second_moments_of_their_own() -> None:
    view = drawn_view(known=0.7)

    assert len(taken(view, budget=None).moments) == 3
    assert len(taken(view, budget=3 * (OWN + MOMENT)).moments) == 3
    assert set(taken(view, budget=3 * (OWN + MOMENT) - 1).moments) == {SHARED}
    assert set(taken(part_of(view, labels=view.labels[:2])).moments) != {SHARED}


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 999), findings=st.integers(1, 6), more=st.integers(0, 20_000))
def test_whatever_is_learned_the_bytes_keep_to_the_budget(
    seed: int, findings: int, more: int
) -> None:
    budget = findings * OWN + MOMENT + more
    view = drawn_view(tuple(f"finding {n}" for n in range(findings)), seed=seed, known=0.7)
    sums = no_sums(dim=12, folds=5, salt="test", budget=budget)
    for part in cut(view, seed):
        sums = add(sums, taken(part, budget))

        assert sum(tensor.nbytes for tensor in to_tensors(sums)[1].values()) <= budget


@settings(deadline=None, max_examples=12)
@given(
    seed=st.integers(0, 999),
    order=st.permutations(range(4)),
    known=st.sampled_from([0.7, 1.0]),
    budget=st.sampled_from([None, ROOM, 3 * (OWN + MOMENT)]),
)
def test_in_any_order_and_merged_in_any_way_the_sums_are_those_of_the_whole(
    seed: int, order: list[int], known: float, budget: int | None
) -> None:
    view = drawn_view(seed=seed, known=known)
    parts = [taken(part, budget) for part in cut(view, seed)]
    one_by_one = no_sums(dim=12, folds=5, salt="test", budget=budget)
    for place in order:
        one_by_one = add(one_by_one, parts[place])
    first, second, third, fourth = (parts[place] for place in order)
    merged = add(add(first, second), add(third, fourth))

    assert_same(one_by_one, taken(view, budget))
    assert_same(merged, taken(view, budget))
    torch.testing.assert_close(whole(merged), whole(taken(view, None)), rtol=0, atol=1e-8)


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 99), which=st.integers(0, 29))
def test_a_patient_subtracted_from_shared_sums_was_never_there(seed: int, which: int) -> None:
    view = drawn_view(seed=seed, known=0.7)
    leaving = view.patients == view.patients[2 * which]
    gone = taken(part_of(view, rows=leaving), budget=None)

    assert_same(subtract(taken(view), gone), taken(part_of(view, rows=~leaving)))


def test_findings_taught_one_by_one_on_the_same_films_share_without_loss() -> None:
    view = drawn_view()
    views = [part_of(view, labels=(label,)) for label in view.labels]
    bound, free = (taught(views, Ridge(budget=budget)) for budget in (ROOM, None))

    assert list(sums_in(bound).moments) == list(sums_in(free).moments)
    assert torch.equal(head(bound).weight, head(free).weight)


def test_where_films_come_to_be_the_same_the_shared_moment_is_told_apart_again() -> None:
    view = drawn_view()
    cells = torch.ones_like(view.known)
    cells[:30, 0] = False
    apart, rest = taken(part_of(view, cells=cells)), taken(part_of(view, cells=~cells))

    assert set(apart.moments) == {SHARED}
    assert_same(add(apart, rest), taken(view))


def test_sums_that_share_go_on_sharing_though_each_finding_would_fit() -> None:
    view, later = drawn_view(seed=1, known=0.7), drawn_view(seed=2, known=0.7)
    both = add(replace(taken(view), budget=None), taken(later, budget=None))

    assert set(both.moments) == {SHARED}
    torch.testing.assert_close(
        whole(both), whole(add(taken(view, None), taken(later, None))), rtol=0, atol=1e-8
    )


@pytest.mark.parametrize("penalty", [0.01, 1.0])
def test_a_shared_moment_stands_for_a_findings_own_by_its_number_of_rows(penalty: float) -> None:
    view = drawn_view(known=0.7)
    strategy = Ridge(lambdas=(penalty,), budget=ROOM)
    rows = unit(view.features.double())
    every = torch.cat([rows[view.known[:, column]] for column in range(3)])
    scatter = (every - every.mean(dim=0)).T @ (every - every.mean(dim=0)) / len(every)
    ours = head(taught([view], strategy))
    for column in range(3):
        known, present = view.known[:, column], view.target[:, column]
        positive, negative = rows[known & present], rows[known & ~present]
        both = len(positive) * len(negative) / (len(positive) + len(negative))
        wanted = torch.linalg.solve(
            both * scatter + penalty * torch.eye(12).double(),
            both * (positive.mean(dim=0) - negative.mean(dim=0)),
        )
        mean = torch.cat([positive, negative]).mean(dim=0)

        torch.testing.assert_close(ours.weight[column], wanted, rtol=0, atol=1e-9)
        assert float(ours.bias[column]) == pytest.approx(float(-wanted @ mean), abs=1e-9)


def test_findings_an_experience_does_not_touch_keep_their_heads_under_a_shared_moment() -> None:
    first = taught([drawn_view(seed=1, known=0.7)], Ridge(budget=ROOM))
    later = part_of(drawn_view(seed=2), labels=("edema",))
    *_, last = Ridge(budget=ROOM).learn(first, later, rng=np.random.default_rng(0))
    assert isinstance(last, Learned)
    same = [
        torch.equal(one, other)
        for one, other in zip(head(first).weight, head(last.learner).weight, strict=True)
    ]

    assert same == [True, False, True]
    assert kept(last.learner).bytes["sums"] <= ROOM


def test_shared_sums_come_back_from_tensors_to_the_bit() -> None:
    sums = taken(drawn_view(known=0.7))
    back = from_tensors(*to_tensors(sums))

    assert back.budget == ROOM
    assert torch.equal(back.moments[SHARED].half, sums.moments[SHARED].half)


def test_a_budget_below_one_second_moment_is_refused_before_anything_is_learned() -> None:
    with pytest.raises(ConfigError, match=r"4,999 bytes does not hold .* takes 5,000 bytes"):
        begin(Ridge(budget=OWN + MOMENT - 1), APART, seed=0)


def test_a_budget_that_new_findings_outgrow_is_refused() -> None:
    strategy = Ridge(budget=2 * OWN + MOMENT)
    with pytest.raises(ConfigError, match=r"sums of 3 finding\(s\) over features 12 wide"):
        taught([drawn_view(known=0.7)], strategy)


def test_fifteen_findings_known_on_different_films_keep_under_100_megabytes_at_1280_wide() -> None:
    labels = tuple(f"finding {number}" for number in range(15))
    view = replace(
        drawn_view(labels, rows=40, known=0.8), rows=FeatureRows(pool=torch.randn(40, 1280))
    )
    budget = Ridge().budget
    sums = sums_of(view, folds=5, salt="test", budget=budget)

    assert budget == 100_000_000
    assert sum(tensor.nbytes for tensor in to_tensors(sums)[1].values()) < 35_000_000
    assert len(sums_of(view, folds=2, salt="test").moments) == 15


def test_a_moment_of_a_fold_without_rows_is_nothing() -> None:
    view = drawn_view(known=0.7)
    left = subtract(taken(view), taken(view, budget=None))

    assert not left.moments
    assert isinstance(taken(view).moments[SHARED], Moment)

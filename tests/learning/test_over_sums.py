"""Strategies over fold sums: order is no matter, blanks are blanks, and bad input is told."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from carina.adaptors import RandomFourier, RandomReLU
from carina.core import InvalidValue, Mismatch
from carina.learning import (
    KLDA,
    L3A,
    SLDA,
    AnaCP,
    Learned,
    RanPAC,
    Retracts,
    Setting,
    Step,
    ZeroShot,
    begin,
    leaving,
)
from carina.testing import drawn_view, part_of
from tests.learning.in_any_order import SETTING, assert_same_heads, head, parts, taught

EVERY: list[SLDA | KLDA | RanPAC] = [
    SLDA(shrinkage=0.1),
    KLDA(penalty=0.3, lift=RandomFourier(width=20)),
    RanPAC(penalties=(0.1, 1.0, 10.0), lift=RandomReLU(width=20)),
]
each = pytest.mark.parametrize("strategy", EVERY, ids=lambda one: type(one).__name__)


@each
@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 999), how=st.sampled_from(["by class", "by data", "random cells"]))
def test_learned_in_any_order_the_heads_are_those_of_the_shown_cells_at_once(
    strategy: SLDA | KLDA | RanPAC, seed: int, how: str
) -> None:
    view = drawn_view(seed=seed, rows=90, known=0.8)

    assert_same_heads(taught(strategy, view), taught(strategy, *parts(view, how, seed)))


@each
def test_a_patient_taken_back_was_never_there(strategy: SLDA | KLDA | RanPAC) -> None:
    view = drawn_view(rows=90)
    gone = view.patients == view.patients[10]
    *_, last = strategy.retract(
        taught(strategy, view), part_of(view, rows=gone), rng=np.random.default_rng(0)
    )
    assert isinstance(strategy, Retracts)
    assert isinstance(last, Learned)

    assert_same_heads(last.learner, taught(strategy, part_of(view, rows=~gone)))
    with pytest.raises(Mismatch, match="never added"):
        *_, _ = strategy.retract(last.learner, drawn_view(("mass",)), rng=np.random.default_rng(0))


@each
def test_soft_rows_count_in_both_classes_by_their_shares(strategy: SLDA | KLDA | RanPAC) -> None:
    """A half cell adds what a positive and a negative of half the weight would."""
    view = drawn_view(("effusion",), rows=60)
    soft = torch.full((60, 1), torch.nan)
    soft[:10] = 0.5
    half = replace(
        view,
        known=view.known & soft.isnan(),
        target=view.target & soft.isnan(),
        soft=soft,
    )
    other = part_of(view, rows=torch.arange(10, 60))

    assert not torch.equal(
        head(taught(strategy, half)).weight, head(taught(strategy, other)).weight
    )
    assert "effusion" in taught(strategy, other).calibration
    assert "effusion" not in taught(strategy, half).calibration


@each
def test_only_touched_findings_are_solved_and_those_of_the_same_films_at_once(
    strategy: SLDA | KLDA | RanPAC,
) -> None:
    learner = taught(strategy, drawn_view(seed=1))
    later = part_of(drawn_view(seed=2), labels=("edema", "nodule"))
    events = list(strategy.learn(learner, later, rng=np.random.default_rng(0)))

    assert [event.of for event in events if isinstance(event, Step)] == [1]


@each
def test_positives_alone_are_refused_whatever_came_before_of_others(
    strategy: SLDA | KLDA | RanPAC,
) -> None:
    first, later = drawn_view(("effusion",), seed=1), drawn_view(("mass",), seed=2)
    present = replace(later, target=torch.ones_like(later.target))
    absent = replace(drawn_view(("mass",), seed=3), target=torch.zeros_like(later.target))
    name = type(strategy).__name__

    with pytest.raises(InvalidValue, match=f"'mass' there are 60 positives and no .* {name} tells"):
        taught(strategy, first, present)
    assert not head(taught(strategy, first, absent)).weight[1].any()
    assert head(taught(strategy, first, absent, present)).weight[1].any()


@each
def test_films_of_another_encoder_or_a_learner_of_another_strategy_are_refused(
    strategy: SLDA | KLDA | RanPAC,
) -> None:
    view, rng = drawn_view(), np.random.default_rng(0)
    salted = begin(replace(strategy, salt="other"), SETTING, seed=0)
    shared = Setting(image_dim=12, text_dim=12, shared_space=True)

    with pytest.raises(Mismatch, match="12 wide, this learner was begun for 7"):
        list(strategy.learn(begin(strategy, Setting(image_dim=7), seed=0), view, rng=rng))
    with pytest.raises(Mismatch, match="carries no sums"):
        list(strategy.learn(begin(ZeroShot(), shared, seed=0), view, rng=rng))
    with pytest.raises(Mismatch, match="salt 'other', not in 5 under"):
        list(strategy.learn(salted, view, rng=rng))


@each
def test_the_fewest_patients_in_a_sum_are_told(strategy: SLDA | KLDA | RanPAC) -> None:
    many, few = taught(strategy, drawn_view(rows=400)), taught(strategy, drawn_view(rows=12))

    assert many.fewest_patients is not None
    assert many.fewest_patients > 5
    assert not many.single_patients
    assert few.single_patients


@each
def test_sums_leave_where_they_are_over_enough_patients_and_heads_stay_with_theirs(
    strategy: SLDA | KLDA | RanPAC,
) -> None:
    many = drawn_view(("effusion", "edema"), rows=400)
    few = drawn_view(("mass",), seed=1, rows=16)
    learner = taught(strategy, many, few)
    out = leaving(learner)

    assert out.learner.labels.names == ("effusion", "edema")
    assert set(out.withheld) == {"mass"}
    assert torch.equal(head(out.learner).weight, head(learner).weight[:2])
    assert out.learner.fewest_patients is not None
    assert out.learner.fewest_patients >= 10


@pytest.mark.parametrize("strategy", [L3A(lift=None), AnaCP(lift=RandomReLU(width=20))])
def test_sums_that_are_not_kept_by_finding_do_not_leave(strategy: L3A | AnaCP) -> None:
    learner = taught(strategy, drawn_view(rows=400))

    with pytest.raises(InvalidValue, match=r"leave no house.* \(Ridge, RanPAC, KLDA, SLDA\)"):
        leaving(learner)

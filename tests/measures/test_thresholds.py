"""Operating points are the best of all there are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from carina.core import InvalidValue
from carina.measures import OperatingPoint, at_sensitivity, at_specificity, best_f1, youden

quick = settings(max_examples=40, deadline=None)
Scored = tuple[np.ndarray, np.ndarray]


@st.composite
def scored(draw: st.DrawFn) -> Scored:
    """Scores with ties and a target that holds both classes."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    size = draw(st.integers(2, 30))
    target = rng.random(size) < 0.4
    target[:2] = [True, False]
    return rng.integers(0, 12, size=size) / 4.0, target


def rates(scores: np.ndarray, target: np.ndarray, threshold: float) -> tuple[float, float]:
    """Sensitivity and specificity, by counting."""
    predicted = scores >= threshold
    return float(predicted[target].mean()), float((~predicted[~target]).mean())


@quick
@given(scored(), st.floats(0.05, 1))
def test_a_point_achieves_what_it_says(data: Scored, wanted: float) -> None:
    scores, target = data

    for point in (
        youden(*data),
        best_f1(*data),
        at_sensitivity(*data, wanted),
        at_specificity(*data, wanted),
    ):
        counted = rates(scores, target, point.threshold)
        assert (point.sensitivity, point.specificity) == pytest.approx(counted)


@quick
@given(scored())
def test_no_threshold_beats_the_chosen_one(data: Scored) -> None:
    scores, target = data
    cuts = np.unique(scores)

    best = max(sum(rates(scores, target, cut)) for cut in cuts)
    point = youden(scores, target)
    assert point.sensitivity + point.specificity == pytest.approx(best)

    best = max(f1_score(target, scores >= cut) for cut in cuts)
    point = best_f1(scores, target)
    assert f1_score(target, scores >= point.threshold) == pytest.approx(best)


@quick
@given(scored(), st.floats(0.05, 1))
def test_the_sensitivity_is_reached_and_no_higher_threshold_reaches_it(
    data: Scored, wanted: float
) -> None:
    scores, target = data

    point = at_sensitivity(scores, target, wanted)

    assert point.sensitivity >= wanted - 1e-9
    for cut in np.unique(scores[scores > point.threshold]):
        assert rates(scores, target, cut)[0] < wanted


@quick
@given(scored(), st.floats(0.05, 1))
def test_the_specificity_is_reached_and_no_lower_threshold_reaches_it(
    data: Scored, wanted: float
) -> None:
    scores, target = data

    point = at_specificity(scores, target, wanted)

    assert point.specificity >= wanted - 1e-9
    for cut in np.unique(scores[scores < point.threshold]):
        assert rates(scores, target, cut)[1] < wanted


def test_where_no_score_reaches_the_specificity_nothing_is_flagged() -> None:
    scores, target = np.array([1.0, 2.0, 2.0]), np.array([True, False, True])

    point = at_specificity(scores, target, 0.9)

    assert (point.sensitivity, point.specificity) == (0, 1)
    assert not (scores >= point.threshold).any()


def test_ninety_three_hundredths_of_a_hundred_leave_seven() -> None:
    scores = np.arange(101.0)

    assert (1 - 0.93) * 100 < 7  # in binary
    assert at_specificity(scores, scores == 0, 0.93).specificity == pytest.approx(0.93)


def test_seven_hundredths_of_a_hundred_are_seven() -> None:
    scores = np.arange(101.0)

    assert 0.07 * 100 > 7  # in binary
    assert at_sensitivity(scores, scores > 0, 0.07).sensitivity == 0.07


def test_of_equals_the_highest_threshold_is_chosen() -> None:
    scores, target = np.array([3.0, 2.0, 1.0]), np.array([True, False, True])

    assert youden(scores, target).threshold == 3.0


def test_a_rule_is_kept_with_its_point() -> None:
    scores, target = np.array([1.0, 0.0]), np.array([True, False])

    rules = [p(scores, target).rule for p in (youden, best_f1)]
    rules += [p(scores, target, 0.9).rule for p in (at_sensitivity, at_specificity)]

    assert rules == ["Youden", "best F1", "sensitivity >= 0.9", "specificity >= 0.9"]


def test_points_that_cannot_be_are_refused() -> None:
    with pytest.raises(InvalidValue, match="finite"):
        OperatingPoint(threshold=np.inf, sensitivity=0.5, specificity=0.5, rule="none")
    with pytest.raises(InvalidValue, match="specificity"):
        OperatingPoint(threshold=0.0, sensitivity=0.5, specificity=1.5, rule="none")
    for choose in (at_sensitivity, at_specificity):
        with pytest.raises(InvalidValue, match="to reach"):
            choose(np.array([1.0, 0.0]), np.array([True, False]), 0.0)

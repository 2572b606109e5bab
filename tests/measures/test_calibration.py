"""Brier, expected calibration error, reliability, and the sigmoids that calibrate."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss

from carina.core import InvalidValue
from carina.measures import (
    Sigmoid,
    brier,
    expected_calibration_error,
    fit_sigmoid,
    reliability,
    sigmoid_from_moments,
    weighted_brier,
    weighted_expected_calibration_error,
    wilson,
)

quick = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**32)
Said = tuple[np.ndarray, np.ndarray]


@st.composite
def said(draw: st.DrawFn) -> Said:
    """Probabilities with ties, 0 and 1 among them, and outcomes."""
    rng = np.random.default_rng(draw(seeds))
    size, levels = draw(st.integers(2, 50)), draw(st.integers(1, 40))
    return rng.integers(0, levels + 1, size=size) / levels, rng.random(size) < 0.4


@quick
@given(said())
def test_brier_is_scikit_learns(data: Said) -> None:
    probabilities, target = data

    reference = brier_score_loss(target, probabilities)

    assert brier(probabilities, target) == pytest.approx(reference, abs=1e-12)


@quick
@given(said(), seeds, st.integers(1, 12))
def test_a_whole_weight_is_a_repetition(data: Said, seed: int, bins: int) -> None:
    probabilities, target = data
    weights = np.random.default_rng(seed).integers(0, 3, size=(4, len(target)))

    squares = weighted_brier(probabilities, target, weights)
    gaps = weighted_expected_calibration_error(probabilities, target, weights, bins=bins)

    for draw, square, gap in zip(weights, squares, gaps, strict=True):
        repeated, outcome = np.repeat(probabilities, draw), np.repeat(target, draw)
        if not len(outcome):
            assert np.isnan(square)
            assert np.isnan(gap)
        else:
            assert square == pytest.approx(brier(repeated, outcome), abs=1e-12)
            plain = expected_calibration_error(repeated, outcome, bins=bins)
            assert gap == pytest.approx(plain, abs=1e-12)


@quick
@given(said(), st.integers(1, 12))
def test_the_error_is_the_mean_gap_of_the_reliability_bins(data: Said, bins: int) -> None:
    probabilities, target = data

    points = reliability(probabilities, target, bins=bins)

    gap = sum(p.count * abs(p.mean - p.rate) for p in points) / len(target)
    assert gap == pytest.approx(
        expected_calibration_error(probabilities, target, bins=bins), abs=1e-12
    )
    assert sum(p.count for p in points) == len(target)
    assert [p.mean for p in points] == sorted(p.mean for p in points)


@quick
@given(said())
def test_one_bin_compares_the_means(data: Said) -> None:
    probabilities, target = data

    error = expected_calibration_error(probabilities, target, bins=1)

    assert error == pytest.approx(abs(probabilities.mean() - target.mean()), abs=1e-12)


def test_bins_hold_the_same_number_of_images_where_nothing_ties() -> None:
    rng = np.random.default_rng(0)

    points = reliability(rng.permutation(100) / 100.0, rng.random(100) < 0.5, bins=10)

    assert [p.count for p in points] == [10] * 10


def test_images_with_one_probability_share_a_bin() -> None:
    probabilities = np.repeat([0.1, 0.9], [7, 3])
    target = np.arange(10) % 2 == 0

    points = reliability(probabilities, target, bins=10)

    assert [p.count for p in points] == [7, 3]
    assert [p.mean for p in points] == pytest.approx([0.1, 0.9])


def test_probabilities_that_come_true_have_a_small_error() -> None:
    rng = np.random.default_rng(1)
    probabilities = rng.random(20_000)
    target = rng.random(20_000) < probabilities

    assert expected_calibration_error(probabilities, target) < 0.02
    assert expected_calibration_error(probabilities**2, target) > 0.1


@pytest.mark.parametrize(("positives", "count"), [(0, 8), (3, 8), (8, 8), (400, 1000)])
def test_the_wilson_interval_holds_where_the_score_test_does(positives: int, count: int) -> None:
    low, high = wilson(positives, count)

    assert 0 <= low <= positives / count <= high <= 1
    for end in {low, high} - {0.0, 1.0}:  # its ends are where the share is 1.96 errors away
        error = np.sqrt(end * (1 - end) / count)
        assert abs(positives / count - end) / error == pytest.approx(1.959964, abs=1e-6)


@pytest.mark.parametrize("bad", [-0.1, 1.1, np.nan])
def test_what_is_no_probability_is_refused(bad: float) -> None:
    probabilities, target = np.array([0.5, bad]), np.array([True, False])

    for measure in (brier, expected_calibration_error, reliability):
        with pytest.raises(InvalidValue, match=r"1 of 2 do not"):
            measure(probabilities, target)


def test_no_image_no_bin_and_no_share_are_refused() -> None:
    none, half = np.empty(0), np.array([0.5])

    with pytest.raises(InvalidValue, match="got none"):
        brier(none, none.astype(bool))
    with pytest.raises(InvalidValue, match="got 0"):
        expected_calibration_error(half, half > 0, bins=0)
    with pytest.raises(InvalidValue, match="got 0"):
        weighted_expected_calibration_error(half, half > 0, np.ones((1, 1)), bins=0)
    with pytest.raises(InvalidValue, match="0 of 0"):
        wilson(0, 0)


@quick
@given(seeds, st.floats(0.01, 100), st.floats(-50, 50))
def test_the_fit_is_scikit_learns_on_outcomes_drawn_in(
    seed: int, scale: float, shift: float
) -> None:
    rng = np.random.default_rng(seed)
    target = np.arange(60) < rng.integers(5, 40)
    scores = (rng.normal(size=60) + target) * scale + shift
    positives, negatives = target.sum(), (~target).sum()
    outcome = np.where(target, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    reference = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(
        np.tile((scores - shift) / scale, 2)[:, None],
        np.repeat([True, False], 60),
        sample_weight=np.r_[outcome, 1 - outcome],
    )

    fitted = fit_sigmoid(scores, target)

    if reference.coef_[0, 0] < 1e-4:
        assert fitted.slope < 1e-3 / scale
    else:
        expected = reference.predict_proba(((scores - shift) / scale)[:, None])[:, 1]
        np.testing.assert_allclose(fitted(scores), expected, atol=1e-4)


def test_on_many_images_drawing_in_does_not_matter() -> None:
    rng = np.random.default_rng(2)
    target = rng.random(5000) < 0.3
    scores = rng.normal(size=5000) + target
    reference = LogisticRegression(C=np.inf, tol=1e-10).fit(scores[:, None], target)

    fitted = fit_sigmoid(scores, target)

    assert fitted.slope == pytest.approx(reference.coef_[0, 0], rel=0.01)
    assert fitted.intercept == pytest.approx(reference.intercept_[0], rel=0.01)


@quick
@given(seeds)
def test_a_fitted_sigmoid_keeps_the_prevalence_and_never_turns_the_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    target = rng.random(30) < 0.5
    scores = rng.normal(size=30) * 10 ** rng.uniform(-6, 6)

    fitted = fit_sigmoid(scores, target)
    probabilities = fitted(scores)

    positives, negatives = target.sum(), (~target).sum()
    outcome = np.where(target, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    assert probabilities.mean() == pytest.approx(outcome.mean(), abs=1e-6)
    assert (np.diff(probabilities[np.argsort(scores)]) >= 0).all()


def test_separable_scores_still_have_a_finite_fit() -> None:
    scores = np.r_[np.linspace(-1, 0, 50), np.linspace(10, 11, 50)]

    fitted = fit_sigmoid(scores, scores > 5)

    assert fitted(np.array([0.0, 10.0])) == pytest.approx([1 / 52, 51 / 52], abs=0.01)


def test_scores_the_wrong_way_round_fall_back_to_the_prevalence() -> None:
    target = np.arange(1000) < 300

    for scores in (-1.0 * target + np.arange(1000) % 7, np.full(1000, 0.1)):
        fitted = fit_sigmoid(scores, target)
        assert fitted.slope == 0
        assert fitted(scores) == pytest.approx(np.full(1000, 0.3), abs=0.002)


@pytest.mark.parametrize("outcome", [True, False])
def test_one_class_alone_says_so_with_little_doubt(outcome: bool) -> None:
    fitted = fit_sigmoid(np.linspace(0, 1, 8), np.full(8, outcome))

    assert fitted.slope == pytest.approx(0, abs=1e-9)
    assert fitted(np.zeros(1))[0] == pytest.approx(0.9 if outcome else 0.1)


def test_moments_of_two_normals_give_their_posterior() -> None:
    fitted = sigmoid_from_moments(
        positives=300, negatives=700, mean_positive=1.5, mean_negative=0.5, variance=0.8
    )
    scores = np.linspace(-2, 4, 9)

    positive = 0.3 * np.exp(-((scores - 1.5) ** 2) / 1.6)
    negative = 0.7 * np.exp(-((scores - 0.5) ** 2) / 1.6)
    np.testing.assert_allclose(fitted(scores), positive / (positive + negative), rtol=1e-12)


@pytest.mark.parametrize(
    ("positives", "mean", "variance"), [(0, 9.0, 1.0), (3, -1.0, 1.0), (3, 1.0, 0.0)]
)
def test_moments_that_tell_nothing_fall_back(positives: int, mean: float, variance: float) -> None:
    fitted = sigmoid_from_moments(
        positives=positives,
        negatives=6,
        mean_positive=mean,
        mean_negative=0.0,
        variance=variance,
    )

    assert fitted.slope == 0
    assert fitted(np.ones(1))[0] == pytest.approx((positives + 1) / (positives + 8))


def test_a_sigmoid_is_finite_at_any_score_and_keeps_the_shape() -> None:
    scores = np.array([[-1e300, 0.0], [1.0, 1e300]])

    probabilities = Sigmoid(slope=2.0, intercept=0.0)(scores)

    np.testing.assert_allclose(probabilities, [[0, 0.5], [1 / (1 + np.exp(-2)), 1]])


def test_sigmoids_and_moments_that_cannot_be_are_refused() -> None:
    for slope, intercept in ((-1.0, 0.0), (np.nan, 0.0), (1.0, np.inf)):
        with pytest.raises(InvalidValue, match="at least 0"):
            Sigmoid(slope=slope, intercept=intercept)
    with pytest.raises(InvalidValue, match="finite"):
        fit_sigmoid(np.array([np.nan]), np.array([True]))
    with pytest.raises(InvalidValue, match="variance -1"):
        sigmoid_from_moments(
            positives=1, negatives=1, mean_positive=1.0, mean_negative=0.0, variance=-1.0
        )

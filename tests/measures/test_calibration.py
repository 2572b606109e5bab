"""Brier, log loss, expected calibration error and reliability."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as sklearn_log_loss

from carina.core import InvalidValue
from carina.measures import (
    brier,
    brier_parts,
    expected_calibration_error,
    log_loss,
    reliability,
    weighted_brier,
    weighted_expected_calibration_error,
    weighted_log_loss,
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
    losses = weighted_log_loss(probabilities, target, weights)
    gaps = weighted_expected_calibration_error(probabilities, target, weights, bins=bins)

    for draw, square, loss, gap in zip(weights, squares, losses, gaps, strict=True):
        repeated, outcome = np.repeat(probabilities, draw), np.repeat(target, draw)
        if not len(outcome):
            assert np.isnan([square, loss, gap]).all()
        else:
            assert square == pytest.approx(brier(repeated, outcome), abs=1e-12)
            assert loss == pytest.approx(log_loss(repeated, outcome), abs=1e-12)
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

    for measure in (brier, log_loss, brier_parts, expected_calibration_error, reliability):
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
@given(said())
def test_log_loss_is_scikit_learns_and_finite_at_0_and_1(data: Said) -> None:
    probabilities, target = data

    ours = log_loss(probabilities, target)

    reference = sklearn_log_loss(target, probabilities, labels=[False, True])
    assert ours == pytest.approx(reference, abs=1e-12)


@quick
@given(said(), st.integers(1, 12))
def test_the_parts_of_brier_add_up_to_it(data: Said, bins: int) -> None:
    probabilities, target = data

    parts = brier_parts(probabilities, target, bins=bins)

    whole = parts.reliability - parts.resolution + parts.uncertainty + parts.within
    assert whole == pytest.approx(brier(probabilities, target), abs=1e-12)
    assert parts.uncertainty == pytest.approx(brier(np.full(len(target), target.mean()), target))
    points = reliability(probabilities, target, bins=bins)
    gaps = [point.count * (point.mean - point.rate) ** 2 for point in points]
    assert parts.reliability == pytest.approx(sum(gaps) / len(target), abs=1e-12)


def test_the_parts_by_hand() -> None:
    # 0.2 comes true once in four, 0.9 twice in two: the prevalence is a half
    probabilities = np.repeat([0.2, 0.9], [4, 2])
    target = np.array([True, False, False, False, True, True])

    parts = brier_parts(probabilities, target)

    assert parts.reliability == pytest.approx((4 * 0.05**2 + 2 * 0.1**2) / 6)
    assert parts.resolution == pytest.approx((4 * 0.25**2 + 2 * 0.5**2) / 6)
    assert parts.uncertainty == pytest.approx(0.25)
    assert parts.within == pytest.approx(0, abs=1e-15)

"""Sigmoids from sums: what they are where scores are normal, and what few positives cost."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, norm

from carina.core import InvalidValue, generator
from carina.measures import fit_sigmoid, shrunken_sigmoid_from_moments
from carina.measures.moments import sigmoid_from_moments

BOTH = (sigmoid_from_moments, shrunken_sigmoid_from_moments)


def moments(positive: np.ndarray, negative: np.ndarray) -> dict[str, Any]:
    """What is kept of scores."""
    within = ((positive - positive.mean()) ** 2).sum() + ((negative - negative.mean()) ** 2).sum()
    return {
        "positives": len(positive),
        "negatives": len(negative),
        "mean_positive": float(positive.mean()),
        "mean_negative": float(negative.mean()),
        "variance": float(within / (len(positive) + len(negative) - 2)),
    }


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
    given = {"mean_positive": mean, "mean_negative": 0.0, "variance": variance}

    plain = sigmoid_from_moments(positives=positives, negatives=6, **given)
    shrunken = shrunken_sigmoid_from_moments(positives=positives, negatives=6, **given)

    assert plain.slope == shrunken.slope == 0
    assert plain(np.ones(1))[0] == pytest.approx((positives + 1) / (positives + 8))
    share = positives / (positives + 6) if positives else 1 / 8
    assert shrunken(np.ones(1))[0] == pytest.approx(share)


def test_the_shrinkage_by_hand() -> None:
    # means one deviation apart, 8 of 32: t^2 = 8 * 24 / 32 = 6, of which 2 are taken off
    fitted = shrunken_sigmoid_from_moments(
        positives=8, negatives=24, mean_positive=3.0, mean_negative=1.0, variance=4.0
    )

    assert fitted.slope == pytest.approx(0.5 * (1 - 2 / 6))
    mean, tilt = 1.5, fitted.slope**2 * 4 * (24 - 8) / 64
    assert fitted.intercept == pytest.approx(np.log(8 / 24) - fitted.slope * mean - tilt)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 60),
    st.integers(1, 400),
    st.floats(-2, 4),
    st.floats(0.1, 9),
    st.floats(-20, 20),
)
def test_it_is_never_steeper_and_moves_with_the_scores(
    positives: int, negatives: int, apart: float, spread: float, shift: float
) -> None:
    counts = {"positives": positives, "negatives": negatives}
    at: dict[str, Any] = {
        "mean_positive": apart * spread,
        "mean_negative": 0.0,
        "variance": spread**2,
    }
    moved: dict[str, Any] = {
        "mean_positive": apart * spread + shift,
        "mean_negative": shift,
        "variance": spread**2,
    }

    plain, shrunken, there = (
        sigmoid_from_moments(**counts, **at),
        shrunken_sigmoid_from_moments(**counts, **at),
        shrunken_sigmoid_from_moments(**counts, **moved),
    )

    assert 0 <= shrunken.slope <= plain.slope
    scores = np.linspace(-3, 3, 7) * spread
    np.testing.assert_allclose(there(scores + shift), shrunken(scores), atol=1e-6)


def test_with_many_images_nothing_is_shrunken() -> None:
    given: dict[str, Any] = {"mean_positive": 0.8, "mean_negative": 0.1, "variance": 0.5}

    for times, near in ((10, 0.03), (100, 0.003), (10_000, 3e-5)):
        counts = {"positives": 10 * times, "negatives": 240 * times}
        plain, shrunken = (fit(**counts, **given) for fit in BOTH)
        assert shrunken.slope == pytest.approx(plain.slope, rel=near)
        assert shrunken.intercept == pytest.approx(plain.intercept, rel=near)


NODES, MASS = np.polynomial.hermite_e.hermegauss(40)
MASS = MASS / MASS.sum()


@pytest.mark.parametrize("prevalence", [0.02, 0.1, 0.5])
@pytest.mark.parametrize(("apart", "near"), [(0.5, 0.001), (1.5, 0.04)])
def test_the_mean_probability_is_the_prevalence_however_much_is_shrunken(
    prevalence: float, apart: float, near: float
) -> None:
    for rows in (50, 100, 200, 2000):
        positives = round(prevalence * rows)
        fitted = shrunken_sigmoid_from_moments(
            positives=positives,
            negatives=rows - positives,
            mean_positive=apart,
            mean_negative=0.0,
            variance=1.0,
        )
        mean = prevalence * MASS @ fitted(NODES + apart) + (1 - prevalence) * MASS @ fitted(NODES)
        assert mean == pytest.approx(prevalence, rel=near)


def losses(positives: int, negatives: int, apart: float, *, times: int) -> np.ndarray:
    """Expected Brier score over that of the prevalence, as a share of it, of both sigmoids.

    Scores are normal, of deviation 1. What they sum to is drawn, evenly over its quantiles, and
    what the sigmoids then lose on all images there are is exact.
    """
    rng, rows = generator(positives, "moments"), positives + negatives
    even = (np.arange(times) + 0.5) / times
    of_positive, of_negative, of_square = (rng.permutation(even) for _ in range(3))
    prevalence = positives / rows
    base, found = prevalence * (1 - prevalence), np.empty((times, 2))
    for time in range(times):
        held: dict[str, Any] = {
            "positives": positives,
            "negatives": negatives,
            "mean_positive": apart + norm.ppf(of_positive[time]) / np.sqrt(positives),
            "mean_negative": norm.ppf(of_negative[time]) / np.sqrt(negatives),
            "variance": chi2.ppf(of_square[time], rows - 2) / (rows - 2),
        }
        for place, fit in enumerate(BOTH):
            fitted = fit(**held)
            missed = MASS @ (1 - fitted(NODES + apart)) ** 2
            alarmed = MASS @ fitted(NODES) ** 2
            brier = prevalence * missed + (1 - prevalence) * alarmed
            found[time, place] = (brier - base) / base
    return found


@pytest.mark.parametrize(
    ("positives", "negatives", "apart"), [(5, 245, 0.5), (10, 240, 0.3), (20, 230, 0.2)]
)
def test_with_few_positives_and_a_weak_score_only_the_shrunken_is_no_worse_than_the_prevalence(
    positives: int, negatives: int, apart: float
) -> None:
    plain, shrunken = losses(positives, negatives, apart, times=1000).mean(axis=0)

    assert shrunken < 0 < plain


@pytest.mark.parametrize("positives", [5, 10, 20])
def test_of_the_harm_of_a_score_that_tells_nothing_a_quarter_is_left(positives: int) -> None:
    plain, shrunken = losses(positives, 250 - positives, 0.0, times=500).mean(axis=0)

    assert 0 < shrunken < plain / 4


@pytest.mark.parametrize("positives", [5, 10, 20])
def test_a_strong_score_loses_next_to_nothing(positives: int) -> None:
    plain, shrunken = losses(positives, 250 - positives, 1.8, times=500).mean(axis=0)

    assert plain < -0.1
    assert shrunken < 0.92 * plain


def test_where_scores_have_a_long_tail_half_the_harm_is_saved() -> None:
    # the tail looks to normal distributions as if it held positives only
    rng, prevalence, apart = generator(7, "moments"), 0.04, 0.4
    target = np.arange(40_000) < 20_000
    scores = rng.gamma(2, size=len(target)) / np.sqrt(2) + apart * target
    base, found = prevalence * (1 - prevalence), []
    for _ in range(200):
        positive, negative = (rng.gamma(2, size=size) / np.sqrt(2) for size in (10, 240))
        held = moments(positive + apart, negative)
        squares = [(fit(**held)(scores) - target) ** 2 for fit in BOTH]
        found.append(
            [
                prevalence * s[target].mean() + (1 - prevalence) * s[~target].mean() - base
                for s in squares
            ]
        )

    plain, shrunken = np.mean(found, axis=0)
    assert 0 < shrunken < plain / 2


def test_many_normal_scores_give_what_a_fit_to_them_gives() -> None:
    rng = generator(9, "moments")
    positive, negative = rng.normal(size=3000) + 1.0, rng.normal(size=9000)

    from_sums = shrunken_sigmoid_from_moments(**moments(positive, negative))
    fitted = fit_sigmoid(np.r_[positive, negative], np.arange(12_000) < 3000)

    assert from_sums.slope == pytest.approx(fitted.slope, rel=0.05)
    assert from_sums.intercept == pytest.approx(fitted.intercept, rel=0.05)


@pytest.mark.parametrize(("positives", "negatives", "variance"), [(1, 1, -1.0), (0, 0, 1.0)])
def test_moments_that_cannot_be_are_refused(
    positives: int, negatives: int, variance: float
) -> None:
    for fit in BOTH:
        with pytest.raises(InvalidValue, match="Moments come from one image or more"):
            fit(
                positives=positives,
                negatives=negatives,
                mean_positive=1.0,
                mean_negative=0.0,
                variance=variance,
            )

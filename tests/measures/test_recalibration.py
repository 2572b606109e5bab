"""Calibration slope and intercepts are those of logistic regressions, draw by draw."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression

from carina.core import InvalidValue, Mismatch, generator
from carina.measures import calibration_line, resample_patients


def log_odds(probabilities: np.ndarray) -> np.ndarray:
    return np.asarray(np.log(probabilities / (1 - probabilities)))


def said(seed: int, images: int = 150, bold: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of too wide a spread, and outcomes."""
    rng = generator(seed, "line")
    odds = rng.normal(size=images) - 1
    target = rng.random(images) < 1 / (1 + np.exp(-odds))
    return 1 / (1 + np.exp(-bold * odds)), target


def line_of(probabilities: np.ndarray, target: np.ndarray) -> tuple[float, float]:
    """scikit-learn's slope and intercept."""
    term = log_odds(probabilities)
    reference = LogisticRegression(C=np.inf, tol=1e-12, max_iter=5000).fit(term[:, None], target)
    return float(reference.coef_[0, 0]), float(reference.intercept_[0])


def large_of(probabilities: np.ndarray, target: np.ndarray) -> float:
    """The intercept beside a slope of 1, by search."""
    term = log_odds(probabilities)

    def loss(at: float) -> float:
        return float(np.mean(np.logaddexp(0, term + at) - target * (term + at)))

    return float(minimize_scalar(loss, bracket=(-1, 1), options={"xtol": 1e-12}).x)


def test_each_draw_is_scikit_learns_logistic_regression() -> None:
    probabilities, target = said(0)
    patients = generator(0, "line").integers(70, size=len(target))
    resamples = resample_patients(patients, draws=40, rng=generator(0))
    rows = [np.repeat(np.arange(len(target)), weights) for weights in resamples.weights()]

    line = calibration_line(probabilities, target, resamples)

    lines = np.array([line_of(probabilities[row], target[row]) for row in rows])
    large = [large_of(probabilities[row], target[row]) for row in rows]
    whole = line_of(probabilities, target)
    for estimate, value, draws in (
        (line.slope, whole[0], lines[:, 0]),
        (line.intercept, whole[1], lines[:, 1]),
        (line.in_the_large, large_of(probabilities, target), large),
    ):
        assert estimate.value == pytest.approx(value, abs=1e-4)
        ends = np.quantile(draws, [0.025, 0.975])
        assert (estimate.low, estimate.high) == pytest.approx(tuple(ends), abs=1e-4)
        assert estimate.method == "patient bootstrap, 40 draws, 0 redrawn"


def test_probabilities_that_mean_what_they_say_have_slope_1_and_intercept_0() -> None:
    probabilities, target = said(1, images=20_000, bold=1.0)
    resamples = resample_patients(np.arange(20_000), draws=50, rng=generator(1))

    line = calibration_line(probabilities, target, resamples)

    for estimate, right in ((line.slope, 1), (line.intercept, 0), (line.in_the_large, 0)):
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.value == pytest.approx(right, abs=0.06)
        assert 0.02 < estimate.high - estimate.low < 0.15


def test_too_bold_is_a_slope_below_1_and_too_low_an_intercept_above_0() -> None:
    probabilities, target = said(2, images=5000, bold=2.0)
    resamples = resample_patients(np.arange(5000), draws=20, rng=generator(1))

    bold = calibration_line(probabilities, target, resamples)
    low = calibration_line(probabilities / 3, target, resamples)

    assert bold.slope.value == pytest.approx(0.5, abs=0.05)
    assert low.in_the_large.value is not None
    assert low.in_the_large.value > 0.5


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    covered = np.zeros(3)
    for seed in range(80):
        probabilities, target = said(100 + seed, images=150, bold=1.0)
        resamples = resample_patients(np.arange(150), draws=100, rng=generator(seed))
        line = calibration_line(probabilities, target, resamples)
        for place, (one, right) in enumerate(
            ((line.slope, 1), (line.intercept, 0), (line.in_the_large, 0))
        ):
            assert one.low is not None
            assert one.high is not None
            covered[place] += one.low <= right <= one.high

    assert (covered >= 68).all()


def test_only_known_images_count_and_sure_answers_are_held_back() -> None:
    probabilities, target = said(3)
    probabilities[:2] = [0.0, 1.0]
    known = generator(3, "line").random(len(target)) < 0.8
    known[:2] = True
    resamples = resample_patients(np.arange(len(target)), draws=30, rng=generator(0))
    spoilt = np.where(known, probabilities, 0.5)

    seen = calibration_line(spoilt, target, resamples, known=known)

    held = np.clip(probabilities, 2.220446049250313e-16, 1 - 2.220446049250313e-16)
    assert seen.slope.value == pytest.approx(line_of(held[known], target[known])[0], abs=1e-4)
    assert seen.slope.n == known.sum()


def test_probabilities_as_wrong_as_can_be_still_have_an_intercept() -> None:
    target = np.arange(40) < 12
    resamples = resample_patients(np.arange(40), draws=30, rng=generator(0))

    for sure, right in ((0.0, 1), (1.0, -1)):
        large = calibration_line(np.full(40, sure), target, resamples).in_the_large
        wanted = log_odds(np.array(0.3)) + right * np.log(1 / 2.220446049250313e-16)
        assert large.value == pytest.approx(wanted, abs=1e-6)


def test_what_has_no_line_says_why() -> None:
    target = np.arange(40) < 12
    resamples = resample_patients(np.arange(40), draws=30, rng=generator(0))

    parted = calibration_line(np.where(target, 0.8, 0.2), target, resamples)
    same = calibration_line(np.full(40, 0.2), target, resamples)
    lacking = calibration_line(np.full(40, 0.2), np.zeros(40, dtype=bool), resamples)

    assert parted.slope.why_undefined == "no finite slope: the probabilities part the classes"
    assert same.intercept.why_undefined == "no finite slope: all probabilities are the same"
    assert same.in_the_large.value == pytest.approx(
        log_odds(np.array(0.3)) - log_odds(np.array(0.2))
    )
    assert parted.in_the_large.defined
    assert lacking.in_the_large.why_undefined == "no positive image among 40"


def test_draws_that_part_the_classes_are_drawn_again() -> None:
    # parted but for one negative above all positives
    probabilities = np.r_[np.linspace(0.1, 0.5, 20), np.linspace(0.6, 0.8, 6), 0.9]
    target = np.r_[np.zeros(20, dtype=bool), np.ones(6, dtype=bool), False]
    resamples = resample_patients(np.arange(27), draws=300, rng=generator(5))

    line = calibration_line(probabilities, target, resamples)

    without = int((resamples.weights()[:, -1] == 0).sum())
    redrawn = int(line.slope.method.split(", ")[-1].removesuffix(" redrawn"))
    assert without > 80
    assert redrawn > without
    assert line.slope.high is not None
    assert line.slope.high < 100


def test_what_is_no_probability_and_other_resamples_are_refused() -> None:
    resamples = resample_patients(np.arange(3), draws=5, rng=generator(0))

    with pytest.raises(InvalidValue, match="1 of 3 do not"):
        calibration_line(np.array([0.1, 0.2, 1.2]), np.arange(3) < 1, resamples)
    with pytest.raises(Mismatch, match="of 3 images"):
        calibration_line(np.full(2, 0.2), np.arange(2) < 1, resamples)


@pytest.mark.parametrize("seed", [22, 51, 69])
def test_the_intercept_in_the_large_is_found_however_bold_the_probabilities_are(seed: int) -> None:
    """They part the classes by log odds of sixty, and all are far too low."""
    rng = generator(seed, "bold")
    target = rng.random(33) < 0.4
    odds = np.where(target, 60.0, -60.0) * rng.uniform(0.3, 1, 33) - rng.uniform(0, 60)
    resamples = resample_patients(np.arange(33) // 2, draws=100, rng=rng)

    line = calibration_line(1 / (1 + np.exp(-odds)), target, resamples)

    assert line.in_the_large.low is not None
    assert not line.slope.defined


def test_answers_surer_than_can_be_told_apart_have_an_intercept_too() -> None:
    target = np.arange(33) < 14
    sure = np.where(target, 1.0, 1e-27)
    resamples = resample_patients(np.arange(33), draws=50, rng=generator(0))
    large = calibration_line(sure, target, resamples).in_the_large

    assert large.value is not None
    assert abs(large.value) < 36

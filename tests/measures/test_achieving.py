"""What a threshold achieves elsewhere, and what its answers mean at another prevalence."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import binomtest

from carina.core import InvalidValue, Mismatch, generator
from carina.measures import (
    Achieved,
    achieved,
    interval,
    predictive_values,
    resample_patients,
)


@pytest.fixture
def decided() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Decisions, targets and patients of one to several images."""
    rng = generator(1, "achieved")
    target = rng.random(120) < 0.3
    return rng.random(120) < 0.2 + 0.5 * target, target, rng.integers(50, size=120)


def test_shares_have_the_interval_of_a_plain_loop_and_wilsons(
    decided: tuple[np.ndarray, ...], is_looped: Callable[..., bool]
) -> None:
    predicted, target, patients = decided
    resamples = resample_patients(patients, draws=60, rng=generator(0))

    shares = achieved(predicted, target, resamples)

    assert is_looped(
        shares.sensitivity, resamples, lambda rows: predicted[rows][target[rows]].mean()
    )
    assert is_looped(
        shares.specificity, resamples, lambda rows: (~predicted[rows][~target[rows]]).mean()
    )
    for wilson, right, count in (
        (shares.sensitivity_wilson, (predicted & target).sum(), target.sum()),
        (shares.specificity_wilson, (~predicted & ~target).sum(), (~target).sum()),
    ):
        reference = binomtest(int(right), int(count)).proportion_ci(method="wilson")
        assert wilson.value == pytest.approx(right / count)
        assert (wilson.low, wilson.high) == pytest.approx(tuple(reference))
        assert wilson.method == f"Wilson, {count} images"
        assert (wilson.n, wilson.positives) == (120, target.sum())


def test_they_are_the_measures_of_that_name(decided: tuple[np.ndarray, ...]) -> None:
    predicted, target, patients = decided
    known = generator(2, "achieved").random(120) < 0.8
    resamples = resample_patients(patients, draws=60, rng=generator(0))

    shares = achieved(predicted, target, resamples, known=known)

    assert shares.sensitivity == interval("sensitivity", predicted, target, resamples, known=known)
    assert shares.specificity == interval("specificity", predicted, target, resamples, known=known)


def test_where_all_are_found_wilson_still_doubts() -> None:
    target = np.arange(30) < 6
    resamples = resample_patients(np.arange(30), draws=50, rng=generator(0))

    shares = achieved(target, target, resamples)

    assert (shares.sensitivity.low, shares.sensitivity.high) == (1, 1)
    assert shares.sensitivity_wilson.low == pytest.approx(0.6097, abs=1e-4)


def test_a_missing_class_is_the_reason() -> None:
    resamples = resample_patients(np.arange(5), draws=10, rng=generator(0))
    none = np.zeros(5, dtype=bool)

    shares = achieved(none, none, resamples)

    assert shares.sensitivity.why_undefined == "no positive image among 5"
    assert shares.sensitivity_wilson.why_undefined == "no positive image among 5"
    assert shares.specificity.value == 1
    values = predictive_values(none, none, resamples, prevalence=0.1)
    assert values.npv.why_undefined == "no positive image among 5"


def test_predictive_values_by_hand(is_looped: Callable[..., bool]) -> None:
    # 8 of 10 positives flagged, 9 of 90 negatives: at a prevalence of 0.02
    target = np.arange(100) < 10
    predicted = (np.arange(100) < 8) | (np.arange(100) >= 91)
    resamples = resample_patients(np.arange(100), draws=80, rng=generator(3))

    values = predictive_values(predicted, target, resamples, prevalence=0.02)

    assert values.ppv.value == pytest.approx(0.8 * 0.02 / (0.8 * 0.02 + 0.1 * 0.98))
    assert values.npv.value == pytest.approx(0.9 * 0.98 / (0.9 * 0.98 + 0.2 * 0.02))

    def npv(rows: np.ndarray) -> float:
        flagged, there = predicted[rows], target[rows]
        right = (~flagged)[~there].mean() * 0.98
        return float(right / (right + (~flagged)[there].mean() * 0.02))

    assert is_looped(values.npv, resamples, npv)


def test_at_their_own_prevalence_they_are_shares_of_answers(
    decided: tuple[np.ndarray, ...],
) -> None:
    predicted, target, patients = decided
    resamples = resample_patients(patients, draws=20, rng=generator(0))

    values = predictive_values(predicted, target, resamples, prevalence=float(target.mean()))

    assert values.ppv.value == pytest.approx(target[predicted].mean())
    assert values.npv.value == pytest.approx((~target[~predicted]).mean())


def test_an_answer_nobody_got_has_no_value(decided: tuple[np.ndarray, ...]) -> None:
    _, target, patients = decided
    resamples = resample_patients(patients, draws=20, rng=generator(0))
    none = np.zeros(120, dtype=bool)

    nobody = predictive_values(none, target, resamples, prevalence=0.1)
    everybody = predictive_values(~none, target, resamples, prevalence=0.1)

    assert nobody.ppv.why_undefined == "no image is flagged"
    assert nobody.npv.value == pytest.approx(0.9)
    assert everybody.npv.why_undefined == "no image is left alone"
    assert everybody.ppv.value == pytest.approx(0.1)


def test_draws_without_the_answer_are_drawn_again() -> None:
    target = np.arange(20) < 8
    predicted = np.arange(20) < 1
    resamples = resample_patients(np.arange(20), draws=200, rng=generator(4))

    ppv = predictive_values(predicted, target, resamples, prevalence=0.1).ppv

    lacking = int((resamples.weights()[:, 0] == 0).sum())
    assert int(ppv.method.split(", ")[-1].removesuffix(" redrawn")) >= lacking > 50
    assert (ppv.low, ppv.value, ppv.high) == (1, 1, 1)


def test_other_resamples_and_prevalences_that_cannot_be_are_refused(
    decided: tuple[np.ndarray, ...],
) -> None:
    predicted, target, patients = decided
    resamples = resample_patients(patients, draws=5, rng=generator(0))

    for prevalence in (0.0, 1.0, np.nan):
        with pytest.raises(InvalidValue, match="lies between 0 and 1"):
            predictive_values(predicted, target, resamples, prevalence=prevalence)
    with pytest.raises(Mismatch, match="of 120 images, the values of 119"):
        achieved(predicted[1:], target[1:], resamples)
    assert isinstance(achieved(predicted, target, resamples), Achieved)

"""Differences of two readers are paired, and their p values are those of the draws."""

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from carina.core import generator
from carina.measures import (
    bootstrap_test,
    brier_over_prevalence,
    delong_test,
    difference,
    macro,
    resample_patients,
)

Read = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@pytest.fixture
def read() -> Read:
    """Scores of two readers for three findings, targets, and patients of one to several images."""
    rng = generator(1, "paired")
    target = rng.random((60, 3)) < 0.35
    one = np.clip(np.round(0.3 * rng.random(target.shape) + 0.4 * target, 1), 0, 1)
    other = np.clip(one + 0.2 * rng.normal(size=one.shape), 0, 1)
    return one, other, target, rng.integers(20, size=60) * 7


def test_a_difference_is_that_of_the_means_in_the_same_draws(
    read: Read, is_looped: Callable[..., bool]
) -> None:
    one, other, target, patients = read
    resamples = resample_patients(patients, draws=60, rng=generator(0))

    gap = difference("auroc", one, other, target, resamples)

    def mean(scores: np.ndarray, rows: np.ndarray) -> float:
        return float(np.mean([roc_auc_score(target[rows, k], scores[rows, k]) for k in range(3)]))

    assert is_looped(gap, resamples, lambda rows: mean(one, rows) - mean(other, rows))
    assert gap.method.startswith("mean of 3 of 3 findings, paired patient bootstrap")
    whole = [macro("auroc", each, target, resamples).value for each in (one, other)]
    assert gap.value == pytest.approx((whole[0] or 0) - (whole[1] or 0), abs=1e-12)


def test_readers_who_are_one_differ_by_nothing(read: Read) -> None:
    one, _, target, patients = read

    same = bootstrap_test(
        "auroc", one, one, target, resample_patients(patients, draws=60, rng=generator(0))
    )

    assert (same.difference.low, same.difference.value, same.difference.high) == (0, 0, 0)
    assert same.p.value == 1


def test_the_p_value_counts_the_draws_on_the_far_side_of_0() -> None:
    # only of patient 0 do they say different things: the difference is how often it is drawn
    target = np.arange(3)[:, None] < 1
    resamples = resample_patients(np.arange(3), draws=199, rng=generator(2))
    held = resamples.weights()[:, 0] > 0

    test = bootstrap_test("brier", 1.0 - target, np.ones((3, 1)), target, resamples)

    below = int((~held).sum())  # draws without patient 0 tell no difference
    assert test.p.value == pytest.approx(min(1, 2 * (below + 1) / 200))


def test_the_p_value_is_never_0_and_is_undefined_with_its_difference(read: Read) -> None:
    one, _, target, patients = read
    resamples = resample_patients(patients, draws=99, rng=generator(0))

    certain = bootstrap_test("auroc", 1.0 * target, one - target, target, resamples)
    nothing = bootstrap_test("auroc", one, one, np.zeros_like(target), resamples)

    assert certain.p.value == pytest.approx(2 / 100)
    assert certain.p.method == certain.difference.method
    assert nothing.p.why_undefined == nothing.difference.why_undefined
    assert nothing.p.why_undefined == "none of 3 findings: no positive image among 60"


def test_with_many_patients_the_p_value_is_delongs() -> None:
    rng = generator(4, "paired")
    target = rng.random(600) < 0.3
    shared = rng.normal(size=600)
    one, other = (target + shared + noise * rng.normal(size=600) for noise in (0.5, 1.0))
    patients = rng.integers(400, size=600)
    resamples = resample_patients(patients, draws=4000, rng=rng)

    drawn = bootstrap_test("auroc", one[:, None], other[:, None], target[:, None], resamples).p
    normal = delong_test(one, other, target, patients).p

    assert drawn.value is not None
    assert normal.value is not None
    assert 0.001 < normal.value < 0.5
    assert drawn.value == pytest.approx(normal.value, rel=0.25)


def test_brier_over_prevalence_is_against_the_prevalence_of_elsewhere(
    read: Read, is_looped: Callable[..., bool]
) -> None:
    _, said, target, patients = read
    elsewhere = np.array([0.1, 0.3, 0.5])
    resamples = resample_patients(patients, draws=60, rng=generator(0))

    gap = brier_over_prevalence(said, elsewhere, target, resamples)

    def loop(rows: np.ndarray) -> float:
        return float(
            np.mean(
                [
                    brier_score_loss(target[rows, k], said[rows, k])
                    - np.mean((target[rows, k] - elsewhere[k]) ** 2)
                    for k in range(3)
                ]
            )
        )

    assert is_looped(gap, resamples, loop)

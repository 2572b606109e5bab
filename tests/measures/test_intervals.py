"""Intervals by resampling patients equal a plain loop over the same resamples."""

from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)

from carina.core import Estimate, InvalidValue, Mismatch, generator
from carina.measures import (
    Measure,
    PatientResamples,
    auroc,
    brier,
    exact_match,
    exact_match_interval,
    expected_calibration_error,
    interval,
    macro,
    resample_patients,
)

PLAIN: dict[Measure, Callable[[np.ndarray, np.ndarray], float]] = {
    "auroc": lambda values, target: roc_auc_score(target, values),
    "average_precision": lambda values, target: average_precision_score(target, values),
    "f1": lambda values, target: f1_score(target, values),
    "precision": lambda values, target: precision_score(target, values, zero_division=0),
    "sensitivity": lambda values, target: recall_score(target, values),
    "specificity": lambda values, target: recall_score(target, values, pos_label=False),
    "brier": brier,
    "log_loss": lambda values, target: log_loss(target, values, labels=[False, True]),
    "ece": expected_calibration_error,
}


DECISIONS = ("f1", "precision", "sensitivity", "specificity")


def rng(seed: int = 0) -> np.random.Generator:
    """A generator a test may use up."""
    return generator(seed, "test intervals")


def readings(
    measure: Measure, findings: int = 3, images: int = 60
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values with ties of a measure's kind, targets, and patients of one to several images."""
    draw = rng(1)
    target = draw.random((images, findings)) < 0.35
    values = np.clip(np.round(0.3 * draw.random(target.shape) + 0.4 * target, 1), 0, 1)
    return (
        values > 0.4 if measure in DECISIONS else values,
        target,
        draw.integers(20, size=images) * 7,
    )


def repeated(resamples: PatientResamples, draw: int) -> np.ndarray:
    """The rows of one draw, each as often as its patient was picked."""
    return np.repeat(np.arange(len(resamples.patient)), resamples.weights()[draw])


def ends(values: list[float]) -> tuple[float, float]:
    """The 2.5th and the 97.5th percentile."""
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def close(estimate: Estimate, low: float, high: float) -> bool:
    """Whether an interval is another to 1e-12."""
    assert estimate.low is not None
    assert estimate.high is not None
    return abs(estimate.low - low) < 1e-12 and abs(estimate.high - high) < 1e-12


@pytest.mark.parametrize("measure", get_args(Measure))
def test_an_interval_is_that_of_a_plain_loop(measure: Measure) -> None:
    values, target, patients = readings(measure)
    resamples = resample_patients(patients, draws=50, rng=rng())
    rows = [repeated(resamples, draw) for draw in range(50)]

    one = interval(measure, values[:, 0], target[:, 0], resamples)
    mean = macro(measure, values, target, resamples)

    loop = [[PLAIN[measure](values[r, k], target[r, k]) for k in range(3)] for r in rows]
    assert close(one, *ends([row[0] for row in loop]))
    assert close(mean, *ends([float(np.mean(row)) for row in loop]))
    assert one.value == pytest.approx(PLAIN[measure](values[:, 0], target[:, 0]), abs=1e-12)
    assert (one.n, one.positives, one.patients) == (
        60,
        int(target[:, 0].sum()),
        len(np.unique(patients)),
    )
    assert one.method == "patient bootstrap, 50 draws, 0 redrawn"
    assert mean.method == "mean of 3 of 3 findings, patient bootstrap, 50 draws, 0 redrawn"
    assert mean.positives == int(target.sum())


def test_exact_match_has_an_interval_too() -> None:
    predicted, target, patients = readings("f1")
    known = rng(4).random(target.shape) < 0.7
    known[:4] = False
    resamples = resample_patients(patients, draws=40, rng=rng())
    rows = [repeated(resamples, draw) for draw in range(40)]

    share = exact_match_interval(predicted, target, known, resamples)

    assert share.value == exact_match(predicted, target, known)
    assert close(share, *ends([exact_match(predicted[r], target[r], known[r]) for r in rows]))
    assert share.n == int(known.any(axis=1).sum())
    nothing = exact_match_interval(predicted, target, np.zeros_like(known), resamples)
    assert nothing.why_undefined == "no known image"


def test_only_known_images_are_measured() -> None:
    values, target, patients = readings("auroc")
    known = rng(9).random(60) < 0.6
    resamples = resample_patients(patients, draws=50, rng=rng())
    spoilt = np.where(known, values[:, 0], 99.0)
    rows = [r[known[r]] for r in (repeated(resamples, draw) for draw in range(50))]

    seen = interval("auroc", spoilt, target[:, 0], resamples, known=known)

    assert close(seen, *ends([roc_auc_score(target[r, 0], values[r, 0]) for r in rows]))
    assert seen.n == known.sum()
    assert seen.patients == len(np.unique(patients[known]))


def test_a_draw_without_a_class_is_drawn_again_and_counted() -> None:
    target = np.arange(12) < 1
    resamples = resample_patients(np.arange(12), draws=400, rng=rng())
    lacking = int((resamples.weights()[:, 0] == 0).sum())

    one = interval("auroc", rng(2).random(12), target, resamples)

    redrawn = int(one.method.split(", ")[-1].removesuffix(" redrawn"))
    assert lacking > 100
    assert lacking < redrawn < 2.5 * lacking  # some of the fresh draws lack it too
    again = interval("auroc", rng(2).random(12), target, resamples)
    assert again == one
    certain = interval("brier", rng(2).random(12), target, resamples)
    assert certain.method.endswith("400 draws, 0 redrawn")


def test_redrawing_gives_draws_given_that_both_classes_are_there() -> None:
    # one positive of four: given that it is drawn, how often it is drawn is a truncated binomial
    target = np.arange(4) < 1
    decided = np.array([True, True, False, False])
    resamples = resample_patients(np.arange(4), draws=4000, rng=rng())

    score = interval("f1", decided, target, resamples)

    fresh = rng(8).multinomial(4, [0.25] * 4, size=40_000)
    fresh = fresh[fresh[:, 0] > 0]
    scores = 2 * fresh[:, 0] / (2 * fresh[:, 0] + fresh[:, 1])
    assert close(score, *ends(scores.tolist()))


def test_findings_hopeless_to_draw_together_are_left_out_draw_by_draw() -> None:
    images, findings, draws = 14, 7, 300
    target = np.eye(images, findings, dtype=bool)  # one positive patient each
    values = rng(3).random((images, findings))
    resamples = resample_patients(np.arange(images), draws=draws, rng=rng())
    held = resamples.weights()[:, :findings] > 0
    rows = [repeated(resamples, draw) for draw in range(draws)]

    mean = macro("auroc", values, target, resamples)

    loop = [
        [auroc(values[r, k], target[r, k]) for k in np.flatnonzero(held[draw])]
        for draw, r in enumerate(rows)
    ]
    assert 0 < held.all(axis=1).mean() < 1 / 50
    assert close(mean, *ends([float(np.mean(row)) for row in loop]))
    assert mean.method.endswith("0 redrawn, a draw's mean over findings defined in it")
    fewer = macro("auroc", values[:, :3], target[:, :3], resamples)
    assert fewer.method.endswith(" redrawn")


@pytest.mark.parametrize(
    ("positive", "why"),
    [
        ([], "no positive image among 6"),
        (range(6), "no negative image among 6"),
    ],
)
def test_a_class_missing_altogether_is_the_reason(positive: range, why: str) -> None:
    target = np.isin(np.arange(6), list(positive))
    resamples = resample_patients(np.arange(6), draws=10, rng=rng())

    one = interval("auroc", np.arange(6.0), target, resamples)

    assert one.value is None
    assert one.why_undefined == why
    assert (one.n, one.positives, one.patients) == (6, len(positive), 6)
    assert interval("brier", np.full(6, 0.5), target, resamples).defined
    decided = np.zeros(6, dtype=bool)
    assert interval("sensitivity", decided, target, resamples).defined == bool(positive)
    assert interval("specificity", decided, target, resamples).defined == (len(positive) < 6)


def test_nothing_known_and_a_single_patient_are_reasons_too() -> None:
    values, target = np.arange(4.0), np.arange(4) < 2
    alone = resample_patients(np.zeros(4, dtype=int), draws=10, rng=rng())
    several = resample_patients(np.arange(4), draws=10, rng=rng())

    assert interval("auroc", values, target, alone).why_undefined == (
        "one patient only: nothing to resample"
    )
    unknown = interval("auroc", values, target, several, known=np.zeros(4, dtype=bool))
    assert unknown.why_undefined == "no known image"


def test_undefined_findings_are_left_out_of_a_mean_and_counted() -> None:
    values, target, patients = readings("auroc")
    target[:, 1] = False
    resamples = resample_patients(patients, draws=30, rng=rng())

    mean = macro("auroc", values, target, resamples)
    rest = macro("auroc", values[:, [0, 2]], target[:, [0, 2]], resamples)

    assert (mean.value, mean.low, mean.high, mean.n) == (rest.value, rest.low, rest.high, 120)
    assert mean.method.startswith("mean of 2 of 3 findings, ")
    target[:] = False
    none = macro("auroc", values, target, resamples)
    assert none.why_undefined == "none of 3 findings: no positive image among 60"


def test_patients_not_images_are_resampled() -> None:
    draw = rng(6)
    target = np.repeat(draw.random(40) < 0.4, 10)
    scores = np.repeat(draw.normal(size=40), 10) + target  # ten images of a patient agree
    of_patients = resample_patients(np.repeat(np.arange(40), 10), draws=300, rng=rng())
    of_images = resample_patients(np.arange(400), draws=300, rng=rng())

    wide, narrow = (interval("auroc", scores, target, each) for each in (of_patients, of_images))

    assert wide.low is not None
    assert wide.high is not None
    assert narrow.low is not None
    assert narrow.high is not None
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    draw, truth, covered = rng(7), 0.7602499389, 0  # of two normals one deviation apart
    for _ in range(150):
        target = np.repeat(draw.random(60) < 0.4, 2)
        scores = np.repeat(draw.normal(size=60), 2) + target
        resamples = resample_patients(np.repeat(np.arange(60), 2), draws=150, rng=draw)
        one = interval("auroc", scores, target, resamples)
        assert one.low is not None
        assert one.high is not None
        covered += one.low <= truth <= one.high

    assert 132 <= covered <= 149  # 0.95 less what percentiles lack at this size


def test_values_of_another_kind_or_size_are_refused() -> None:
    target = np.array([True, False, True])
    resamples = resample_patients(np.arange(3), draws=5, rng=rng())

    with pytest.raises(InvalidValue, match=r"f1 takes decisions \(bool\); got float64"):
        interval("f1", np.zeros(3), target, resamples)
    with pytest.raises(InvalidValue, match="auroc takes numbers"):
        interval("auroc", target, target, resamples)
    with pytest.raises(Mismatch, match="of 3 images, the values of 2"):
        interval("auroc", np.zeros(2), target[:2], resamples)

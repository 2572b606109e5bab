"""DeLong's variance is that of its definition, and by patient it is Obuchowski's."""

from itertools import product
from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from carina.core import Estimate, InvalidValue, generator
from carina.measures import delong, delong_test, interval, resample_patients

quick = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**32)
Z = 1.959963984540054


def error_of(estimate: Estimate) -> float:
    """The standard error behind a symmetric interval."""
    assert estimate.low is not None
    assert estimate.high is not None
    return (estimate.high - estimate.low) / (2 * Z)


def readings(seed: int, readers: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores with ties, targets with two patients of either class, and patients of several images."""
    rng = np.random.default_rng(seed)
    images = int(rng.integers(8, 25))
    target = rng.random(images) < 0.4
    target[:4] = [True, True, False, False]
    patients = rng.integers(0, max(4, images // 2), size=images)
    patients[:4] = [0, 1, 2, 3]
    return np.round(rng.normal(size=(readers, images)) + target, 1), target, patients


def kernel(x: float, y: float) -> float:
    """1 where the positive outscores the negative, ties half."""
    return 1.0 if x > y else 0.5 if x == y else 0.0


def covariance_by_pairs(
    one: np.ndarray, other: np.ndarray, target: np.ndarray, patients: np.ndarray
) -> float:
    """Obuchowski 1997, written out over all pairs of images and all patients."""
    m, n = int(target.sum()), int((~target).sum())
    areas, v10, v01 = [], [], []
    for scores in (one, other):
        pairs = {
            (i, j): kernel(scores[i], scores[j])
            for i, j in product(np.flatnonzero(target), np.flatnonzero(~target))
        }
        areas.append(sum(pairs.values()) / (m * n))
        v10.append({i: sum(p for (a, _), p in pairs.items() if a == i) / n for i, _ in pairs})
        v01.append({j: sum(p for (_, b), p in pairs.items() if b == j) / m for _, j in pairs})
    sums = []
    for patient in np.unique(patients):
        of = np.flatnonzero(patients == patient)
        sums.append(
            [
                (
                    sum(v10[r][i] - areas[r] for i in of if target[i]),
                    sum(v01[r][i] - areas[r] for i in of if not target[i]),
                )
                for r in (0, 1)
            ]
        )
    i10, i01 = len(np.unique(patients[target])), len(np.unique(patients[~target]))
    every = len(sums)
    s10 = i10 / ((i10 - 1) * m) * sum(a[0] * b[0] for a, b in sums)
    s01 = i01 / ((i01 - 1) * n) * sum(a[1] * b[1] for a, b in sums)
    s11 = every / (every - 1) * sum(a[0] * b[1] for a, b in sums)
    s11_turned = every / (every - 1) * sum(b[0] * a[1] for a, b in sums)
    return s10 / m + s01 / n + (s11 + s11_turned) / (m * n)


def test_a_small_example_by_hand() -> None:
    # placements of the positives 1, 1, 3/4; of the negatives 5/6, 1
    scores = np.array([2.0, 3.0, 1.0, 1.0, 0.0])
    target = np.array([True, True, True, False, False])

    plain = delong(scores, target, scale="plain")
    logit = delong(scores, target)

    error = sqrt((1 / 48) / 3 + (1 / 72) / 2)
    assert plain.value == pytest.approx(11 / 12)
    assert plain.low == pytest.approx(11 / 12 - Z * error)
    assert plain.high == 1
    reach = Z * error / (11 / 12 * 1 / 12)
    assert logit.low == pytest.approx(1 / (1 + np.exp(reach) / 11))
    assert logit.high == pytest.approx(1 / (1 + np.exp(-reach) / 11))
    assert (logit.n, logit.positives, logit.patients) == (5, 3, 5)
    assert (plain.method, logit.method) == ("DeLong, plain scale", "DeLong, logit scale")


@quick
@given(seeds)
def test_the_error_is_that_of_all_pairs_with_images_of_one_patient_together(seed: int) -> None:
    (one, other), target, patients = readings(seed)

    gap = delong_test(one, other, target, patients)

    variance = (
        covariance_by_pairs(one, one, target, patients)
        + covariance_by_pairs(other, other, target, patients)
        - 2 * covariance_by_pairs(one, other, target, patients)
    )
    if variance > 1e-12:
        assert error_of(gap.difference) == pytest.approx(sqrt(variance), abs=1e-10)
    areas = [roc_auc_score(target, scores) for scores in (one, other)]
    assert gap.difference.value == pytest.approx(areas[0] - areas[1], abs=1e-12)
    assert gap.difference.patients == len(np.unique(patients))


@quick
@given(seeds)
def test_by_patient_is_plain_where_every_patient_has_one_image(seed: int) -> None:
    (one, other), target, _ = readings(seed)
    own = np.random.default_rng(seed).permutation(len(target)) * 3

    plain, by_patient = (delong_test(one, other, target, each) for each in (None, own))

    if plain.p.value is None:
        assert by_patient.p.value is None
        return
    assert by_patient.p.value is not None
    assert by_patient.p.value == pytest.approx(plain.p.value, abs=1e-9)
    assert error_of(by_patient.difference) == pytest.approx(error_of(plain.difference), abs=1e-12)
    assert plain.difference.method == "paired DeLong"
    assert by_patient.difference.method == "paired DeLong by patient (Obuchowski)"


@quick
@given(seeds)
def test_swapping_the_readers_turns_the_difference_round(seed: int) -> None:
    (one, other), target, patients = readings(seed)

    here, there = delong_test(one, other, target, patients), delong_test(other, one, target)

    assert here.difference.value is not None
    assert there.difference.value is not None
    assert here.difference.value == pytest.approx(-there.difference.value, abs=1e-15)
    turned = delong_test(other, one, target, patients)
    assert turned.p == here.p or turned.p.value == pytest.approx(here.p.value or 0)


@quick
@given(seeds)
def test_only_the_order_of_scores_and_the_known_images_count(seed: int) -> None:
    (one, other), target, patients = readings(seed)
    known = np.r_[np.ones(4, dtype=bool), np.random.default_rng(seed).random(len(target) - 4) < 0.7]
    spoilt = np.where(known, np.exp(one), 99.0)

    masked = delong_test(spoilt, other, target, patients, known=known)

    assert masked == delong_test(one[known], other[known], target[known], patients[known])


def test_images_that_agree_make_a_wider_interval() -> None:
    rng = generator(0, "delong")
    target = np.repeat(rng.random(60) < 0.4, 5)
    scores = np.repeat(rng.normal(size=60), 5) + target
    patients = np.repeat(np.arange(60), 5)

    by_patient = delong(scores, target, patients, scale="plain")
    naive = delong(scores, target, scale="plain")
    bootstrap = interval("auroc", scores, target, resample_patients(patients, draws=2000, rng=rng))

    assert error_of(by_patient) == pytest.approx(sqrt(5) * error_of(naive), rel=0.02)
    assert error_of(by_patient) == pytest.approx(error_of(bootstrap), rel=0.1)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng, truth = generator(1, "delong"), 0.7602499389  # of two normals one deviation apart
    covered = 0
    for _ in range(400):
        target = np.repeat(rng.random(50) < 0.4, 2)
        scores = np.repeat(rng.normal(size=50), 2) + target
        one = delong(scores, target, np.repeat(np.arange(50), 2))
        assert one.low is not None
        assert one.high is not None
        covered += one.low <= truth <= one.high

    assert 366 <= covered <= 394


def test_of_readers_who_are_equally_good_one_in_twenty_differs_at_0_05() -> None:
    rng, values = generator(2, "delong"), []
    for _ in range(400):
        target = rng.random(80) < 0.4
        shared = rng.normal(size=80)
        one, other = (target + shared + rng.normal(size=80) for _ in range(2))
        value = delong_test(one, other, target).p.value
        assert value is not None
        values.append(value)

    assert np.mean(np.array(values) < 0.05) == pytest.approx(0.05, abs=0.025)
    assert np.mean(values) == pytest.approx(0.5, abs=0.05)


def test_readers_who_rank_alike_differ_by_nothing_for_certain() -> None:
    (one, _), target, patients = readings(3)

    same = delong_test(one, 2 * one + 1, target, patients)

    assert (same.difference.low, same.difference.value, same.difference.high) == (0, 0, 0)
    assert same.p.value == 1


def test_what_does_not_vary_has_no_interval() -> None:
    target = np.array([True, True, True, False, False])
    perfect, other_perfect = np.array([3.0, 4, 5, 1, 2]), np.array([4.0, 3, 5, 2, 1])
    worst = -perfect

    alone = delong(perfect, target)
    assert alone.value == 1
    assert alone.low is None
    assert alone.method == "DeLong, no interval: the placements show no variance"
    for other in (other_perfect, worst):
        pair = delong_test(perfect, other, target)
        assert pair.difference.low is None
        assert pair.p.why_undefined == (
            "the readers rank otherwise, and the placements show no variance"
        )


def test_one_patient_of_a_class_has_no_variance() -> None:
    target = np.array([True, True, False, False, False])
    scores, patients = np.array([3.0, 1.5, 1.0, 2.0, 0.0]), np.array([7, 7, 1, 2, 3])

    alone = delong(scores, target, patients)

    assert alone.value == pytest.approx(5 / 6)
    assert alone.low is None
    assert alone.method.endswith("no interval: one patient with a positive image")
    pair = delong_test(scores, -scores, target, patients)
    assert pair.p.why_undefined == "one patient with a positive image"
    assert delong(scores, target).low is not None


def test_a_missing_class_and_bad_scores_are_told() -> None:
    target = np.array([True, True])

    assert delong(np.zeros(2), target).why_undefined == "no negative image among 2"
    pair = delong_test(np.zeros(2), np.ones(2), target)
    assert pair.p.why_undefined == pair.difference.why_undefined == "no negative image among 2"
    with pytest.raises(InvalidValue, match="1 of 2 are NaN"):
        delong(np.array([np.nan, 1.0]), np.array([True, False]))


def test_many_images_take_no_time() -> None:
    rng = generator(3, "delong")
    target = rng.random(200_000) < 0.1
    one, other = rng.normal(size=(2, 200_000)) + target

    pair = delong_test(one, other, target, rng.integers(60_000, size=200_000))

    assert pair.difference.low is not None  # a form over pairs would take 3.6e9 of them

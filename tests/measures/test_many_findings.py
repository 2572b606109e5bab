"""The six multi-label measures are scikit-learn's averages, over known cells."""

from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    precision_recall_fscore_support,
    precision_score,
    recall_score,
)

from carina.core import InvalidValue, Mismatch, generator
from carina.measures import (
    MultiLabel,
    macro,
    mean_average_precision,
    multilabel,
    multilabel_difference,
    multilabel_interval,
    resample_patients,
    weighted_multilabel,
)

quick = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**32)
NAMES = [field.name for field in fields(MultiLabel)]


def drawn(seed: int, images: int = 30, findings: int = 4) -> tuple[np.ndarray, ...]:
    """Decisions, targets with a known positive in each column, and known cells."""
    rng = np.random.default_rng(seed)
    predicted, target = rng.random((2, images, findings)) < 0.4
    known = rng.random((images, findings)) < 0.8
    target[0], known[0] = True, True
    return predicted, target, known


def by_column(
    score: Callable[..., float], predicted: np.ndarray, target: np.ndarray, known: np.ndarray
) -> float:
    """Mean over findings of scikit-learn's score of the known cells."""
    columns = zip(predicted.T, target.T, known.T, strict=True)
    return float(np.mean([score(t[k], p[k], zero_division=0) for p, t, k in columns]))


@quick
@given(seeds)
def test_they_are_scikit_learns_over_known_cells(seed: int) -> None:
    predicted, target, known = drawn(seed)

    ours = multilabel(predicted, target, known)

    assert ours.cp == pytest.approx(by_column(precision_score, predicted, target, known))
    assert ours.cr == pytest.approx(by_column(recall_score, predicted, target, known))
    assert ours.cf1 * (ours.cp + ours.cr) == pytest.approx(2 * ours.cp * ours.cr)
    pooled = precision_recall_fscore_support(
        target[known], predicted[known], average="binary", zero_division=0
    )
    assert (ours.op, ours.or_, ours.of1) == pytest.approx(pooled[:3])


@quick
@given(seeds)
def test_where_all_is_known_they_are_macro_and_micro(seed: int) -> None:
    predicted, target, known = drawn(seed)

    ours = multilabel(predicted, target, np.ones_like(known))

    for average, mine in (("macro", (ours.cp, ours.cr)), ("micro", (ours.op, ours.or_))):
        theirs = precision_recall_fscore_support(
            target, predicted, average=average, zero_division=0
        )
        assert mine == pytest.approx(theirs[:2])
    assert ours.of1 == pytest.approx(f1_score(target, predicted, average="micro"))


def test_an_example_by_hand() -> None:
    # finding 1: one of two flagged is right, one of two positives found; finding 2: none flagged
    predicted = np.array([[True, False], [True, False], [False, False], [True, True]])
    target = np.array([[True, True], [False, False], [True, False], [True, True]])
    known = np.array([[True, True], [True, True], [True, True], [False, False]])

    ours = multilabel(predicted, target, known)

    assert (ours.cp, ours.cr, ours.cf1) == pytest.approx((0.25, 0.25, 0.25))
    assert (ours.op, ours.or_, ours.of1) == pytest.approx((1 / 2, 1 / 3, 0.4))


def test_a_finding_without_positives_counts_in_the_pool_alone() -> None:
    predicted, target, known = drawn(1)
    empty = target & (np.arange(4) != 3)
    predicted[:, 3] = True

    with_it = multilabel(predicted, empty, known)
    without = multilabel(predicted[:, :3], empty[:, :3], known[:, :3])

    assert (with_it.cp, with_it.cr, with_it.cf1) == pytest.approx(
        (without.cp, without.cr, without.cf1)
    )
    assert with_it.or_ == without.or_
    assert with_it.op < without.op


@quick
@given(seeds)
def test_a_whole_weight_is_a_repetition(seed: int) -> None:
    predicted, target, known = drawn(seed, images=8)
    weights = np.random.default_rng(seed).integers(0, 3, size=(6, 8))

    ours = weighted_multilabel(predicted, target, known, weights)

    for at, draw in enumerate(weights):
        rows = np.repeat(np.arange(8), draw)
        if not (target & known)[rows].any():
            assert np.isnan(ours.cp[at])
            assert np.isnan(ours.of1[at])
            continue
        once = multilabel(predicted[rows], target[rows], known[rows])
        for name in NAMES:
            assert getattr(ours, name)[at] == pytest.approx(getattr(once, name), abs=1e-12)


def test_intervals_are_those_of_a_plain_loop(is_looped: Callable[..., bool]) -> None:
    predicted, target, known = drawn(5, images=60)
    other = drawn(6, images=60)[0]
    patients = generator(5, "multilabel").integers(25, size=60)
    resamples = resample_patients(patients, draws=50, rng=generator(0))

    one = multilabel_interval(predicted, target, resamples, known=known)
    gap = multilabel_difference(predicted, other, target, resamples, known=known)

    def once(decided: np.ndarray, rows: np.ndarray, name: str) -> float:
        return float(getattr(multilabel(decided[rows], target[rows], known[rows]), name))

    for name in NAMES:
        assert is_looped(
            getattr(one, name), resamples, lambda rows, n=name: once(predicted, rows, n)
        )
        assert is_looped(
            getattr(gap, name),
            resamples,
            lambda rows, n=name: once(predicted, rows, n) - once(other, rows, n),
        )
    assert one.cp.n == known.sum()
    assert one.cp.positives == (target & known).sum()
    assert "paired" in gap.of1.method
    assert one.of1.method.startswith("4 of 4 findings have positives, patient bootstrap")


def test_class_averages_are_those_of_macro() -> None:
    predicted, target, known = drawn(7, images=60)
    resamples = resample_patients(np.arange(60), draws=80, rng=generator(1))

    six = multilabel_interval(predicted, target, resamples, known=known)

    for ours, measure in ((six.cp, "precision"), (six.cr, "sensitivity")):
        mean = macro(measure, predicted, target, resamples, known=known)  # type: ignore[arg-type]
        assert (ours.value, ours.low, ours.high) == pytest.approx((mean.value, mean.low, mean.high))


def test_findings_hopeless_to_draw_together_are_averaged_where_they_are() -> None:
    target = np.eye(20, 10, dtype=bool)  # one positive patient each
    predicted = generator(3, "multilabel").random(target.shape) < 0.5
    resamples = resample_patients(np.arange(20), draws=200, rng=generator(3))

    recall = multilabel_interval(predicted, target, resamples).cr

    held = resamples.weights()[:, :10] > 0
    loop = [predicted[target].reshape(10)[draw].mean() for draw in held]
    assert 0 < held.all(axis=1).mean() + 1e-9 < 1 / 50
    assert (recall.low, recall.high) == pytest.approx(tuple(np.quantile(loop, [0.025, 0.975])))
    assert recall.method.endswith("0 redrawn, C over the findings with positives in it")


def test_nothing_positive_and_a_single_patient_are_reasons() -> None:
    predicted, target, _ = drawn(8)
    several = resample_patients(np.arange(30), draws=10, rng=generator(0))
    alone = resample_patients(np.zeros(30, dtype=int), draws=10, rng=generator(0))

    nothing = multilabel_interval(predicted, np.zeros_like(target), several)
    assert nothing.of1.why_undefined == "no positive cell"
    assert multilabel_interval(predicted, target, alone).cp.why_undefined == (
        "one patient only: nothing to resample"
    )
    with pytest.raises(InvalidValue, match="none among 120"):
        multilabel(predicted, np.zeros_like(target), np.ones_like(target))
    with pytest.raises(Mismatch, match="of 30 images, the values of 29"):
        multilabel_interval(predicted[1:], target[1:], several)


def test_map_is_the_mean_of_average_precision_over_findings_with_both_classes() -> None:
    rng = generator(9, "multilabel")
    scores, target, known = rng.normal(size=(40, 4)), rng.random((40, 4)) < 0.4, rng.random((40, 4))
    seen = known < 0.8
    target[:, 2], target[:, 3] = False, True

    ours = mean_average_precision(scores, target, seen)

    both = [average_precision_score(target[seen[:, k], k], scores[seen[:, k], k]) for k in (0, 1)]
    assert ours == pytest.approx(np.mean(both), abs=1e-12)
    resamples = resample_patients(np.arange(40), draws=20, rng=rng)
    assert macro("average_precision", scores, target, resamples, known=seen).value == ours
    with pytest.raises(InvalidValue, match="none of 4"):
        mean_average_precision(scores, np.ones_like(target), seen)

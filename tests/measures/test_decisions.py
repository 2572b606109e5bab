"""F1, precision, sensitivity, specificity and exact match."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from carina.core import InvalidValue
from carina.measures import (
    exact_match,
    f1,
    precision,
    sensitivity,
    specificity,
    weighted_exact_match,
    weighted_f1,
    weighted_precision,
    weighted_sensitivity,
    weighted_specificity,
)

quick = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**32)


@quick
@given(seeds)
def test_f1_is_scikit_learns(seed: int) -> None:
    predicted, target = np.random.default_rng(seed).random((2, 20)) < 0.4
    target[0] = True

    assert f1(predicted, target) == pytest.approx(f1_score(target, predicted), abs=1e-15)


@quick
@given(seeds)
def test_weighted_f1_is_scikit_learns_and_undefined_without_positives(seed: int) -> None:
    rng = np.random.default_rng(seed)
    predicted, target = rng.random((2, 6)) < 0.4
    weights = rng.integers(0, 3, size=(8, 6))

    for draw, score in zip(weights, weighted_f1(predicted, target, weights), strict=True):
        if not (draw * target).any():
            assert np.isnan(score)
        else:
            reference = f1_score(target, predicted, sample_weight=draw)
            assert score == pytest.approx(reference, abs=1e-15)


@quick
@given(seeds)
def test_shares_of_decisions_are_scikit_learns(seed: int) -> None:
    predicted, target = np.random.default_rng(seed).random((2, 20)) < 0.2
    target[:2] = [True, False]

    assert precision(predicted, target) == precision_score(target, predicted, zero_division=0)
    assert sensitivity(predicted, target) == recall_score(target, predicted)
    assert specificity(predicted, target) == recall_score(target, predicted, pos_label=False)


@quick
@given(seeds)
def test_a_whole_weight_repeats_an_image_in_shares(seed: int) -> None:
    rng = np.random.default_rng(seed)
    predicted, target = rng.random((2, 6)) < 0.4
    weights = rng.integers(0, 3, size=(8, 6))

    for once, drawn, needed in (
        (precision, weighted_precision, target),
        (sensitivity, weighted_sensitivity, target),
        (specificity, weighted_specificity, ~target),
    ):
        for draw, share in zip(weights, drawn(predicted, target, weights), strict=True):
            if not (draw * needed).any():
                assert np.isnan(share)
            else:
                plain = once(np.repeat(predicted, draw), np.repeat(target, draw))
                assert share == pytest.approx(plain, abs=1e-15)


def test_a_share_of_nothing_is_refused_but_for_precision_of_nothing_flagged() -> None:
    target = np.array([True, False])

    assert precision(np.zeros(2, dtype=bool), target) == 0
    for share in (precision, sensitivity):
        with pytest.raises(InvalidValue, match="needs a positive image; none among 2"):
            share(target, np.zeros(2, dtype=bool))
    with pytest.raises(InvalidValue, match="Specificity needs a negative image; none among 2"):
        specificity(target, np.ones(2, dtype=bool))


@quick
@given(seeds)
def test_exact_match_of_fully_known_labels_is_subset_accuracy(seed: int) -> None:
    predicted, target = np.random.default_rng(seed).random((2, 15, 3)) < 0.5

    ours = exact_match(predicted, target, np.ones((15, 3), dtype=bool))

    assert ours == pytest.approx(accuracy_score(target, predicted), abs=1e-15)


def test_exact_match_looks_at_known_labels_only() -> None:
    target = np.array([[True, False], [True, True], [False, False]])
    predicted = np.array([[True, True], [False, True], [True, True]])
    known = np.array([[True, False], [True, True], [False, False]])

    assert exact_match(predicted, target, known) == 0.5


@quick
@given(seeds)
def test_a_whole_weight_repeats_an_image_in_exact_match(seed: int) -> None:
    rng = np.random.default_rng(seed)
    predicted, target, known = rng.random((3, 6, 2)) < 0.5
    weights = rng.integers(0, 3, size=(5, 6))

    scores = weighted_exact_match(predicted, target, known, weights)

    for draw, score in zip(weights, scores, strict=True):
        rows = [np.repeat(each, draw, axis=0) for each in (predicted, target, known)]
        if not rows[2].any():
            assert np.isnan(score)
        else:
            assert score == pytest.approx(exact_match(*rows), abs=1e-15)


def test_what_cannot_be_measured_is_refused() -> None:
    nothing = np.zeros(4, dtype=bool)

    with pytest.raises(InvalidValue, match="none among 4"):
        f1(~nothing, nothing)
    with pytest.raises(InvalidValue, match="none in 4 images"):
        exact_match(nothing[:, None], nothing[:, None], nothing[:, None])

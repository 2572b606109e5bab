"""AUROC and average precision: scikit-learn's numbers, ties included, in one draw or many."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.metrics import roc_curve as reference_curve

from carina.core import InvalidValue
from carina.measures import (
    auroc,
    average_precision,
    roc_curve,
    weighted_auroc,
    weighted_average_precision,
)
from carina.measures import weights as weights_module
from carina.measures.weights import Weights

quick = settings(max_examples=60, deadline=None)
Scored = tuple[np.ndarray, np.ndarray]


@st.composite
def scored(draw: st.DrawFn) -> Scored:
    """Scores with many ties and a target that holds both classes."""
    size = draw(st.integers(2, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    target = rng.random(size) < draw(st.floats(0.1, 0.9))
    target[:2] = [True, False]
    return rng.integers(0, draw(st.integers(1, 30)), size=size) / 8.0, target


@quick
@given(scored())
def test_auroc_is_scikit_learns_with_ties(data: Scored) -> None:
    scores, target = data

    assert auroc(scores, target) == pytest.approx(roc_auc_score(target, scores), abs=1e-12)


@quick
@given(scored())
def test_average_precision_is_scikit_learns_with_ties(data: Scored) -> None:
    scores, target = data

    ours = average_precision(scores, target)

    assert ours == pytest.approx(average_precision_score(target, scores), abs=1e-12)


@quick
@given(scored())
def test_the_roc_curve_is_scikit_learns(data: Scored) -> None:
    scores, target = data

    ours = roc_curve(scores, target)
    alarms, found, thresholds = reference_curve(target, scores, drop_intermediate=False)

    np.testing.assert_allclose(ours.false_positive_rate, alarms, atol=1e-15)
    np.testing.assert_allclose(ours.sensitivity, found, atol=1e-15)
    np.testing.assert_array_equal(ours.thresholds, thresholds)


@quick
@given(scored())
def test_auroc_does_not_see_a_strictly_increasing_map(data: Scored) -> None:
    scores, target = data

    assert auroc(np.arctan(scores), target) == auroc(scores, target)


@quick
@given(scored())
def test_turning_scores_round_turns_auroc_round(data: Scored) -> None:
    scores, target = data

    assert auroc(-scores, target) == pytest.approx(1 - auroc(scores, target), abs=1e-15)


@quick
@given(scored(), st.integers(0, 2**32))
def test_a_whole_weight_is_a_repetition(data: Scored, seed: int) -> None:
    scores, target = data
    weights = np.random.default_rng(seed).integers(0, 4, size=(3, len(scores)))

    areas = weighted_auroc(scores, target, weights)
    precisions = weighted_average_precision(scores, target, weights)

    for draw, area, precision in zip(weights, areas, precisions, strict=True):
        repeated, outcome = np.repeat(scores, draw), np.repeat(target, draw)
        if len(set(outcome.tolist())) < 2:
            assert np.isnan(area)
            assert np.isnan(precision)
        else:
            assert area == auroc(repeated, outcome)
            assert precision == pytest.approx(average_precision(repeated, outcome), abs=1e-12)


@quick
@given(scored(), st.integers(0, 2**32))
def test_any_weight_is_scikit_learns_sample_weight(data: Scored, seed: int) -> None:
    scores, target = data
    weights = np.random.default_rng(seed).random(size=(2, len(scores))) + 0.01

    areas = weighted_auroc(scores, target, weights)
    precisions = weighted_average_precision(scores, target, weights)

    for draw, area, precision in zip(weights, areas, precisions, strict=True):
        assert area == pytest.approx(roc_auc_score(target, scores, sample_weight=draw), abs=1e-12)
        assert precision == pytest.approx(
            average_precision_score(target, scores, sample_weight=draw), abs=1e-12
        )


@quick
@given(scored(), st.integers(0, 2**32), st.sampled_from([2, 12, 5000]))
def test_in_half_the_bytes_areas_have_the_same_bits(data: Scored, seed: int, most: int) -> None:
    scores, target = data
    weights = np.random.default_rng(seed).integers(0, most, size=(3, len(scores)))

    found = weighted_auroc(scores, target, weights)

    np.testing.assert_array_equal(found, weighted_auroc(scores, target, weights.astype(float)))
    exact = 2 * len(scores) * int(weights.max()) ** 2 < 2**24
    assert Weights.of(weights).pairs_type is (np.float32 if exact else np.float64)


def test_scores_of_single_precision_rank_alike() -> None:
    scores = np.array([0.1, 0.4, 0.35, 0.8], dtype=np.float32)
    target = np.array([False, False, True, True])

    assert auroc(scores, target) == 0.75
    assert weighted_auroc(scores, target, np.ones((1, 4)))[0] == 0.75


def test_many_draws_come_in_blocks_and_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    scores, target = rng.normal(size=30), rng.random(30) < 0.4
    weights = rng.integers(0, 3, size=(25, 30))
    whole = weighted_auroc(scores, target, weights)

    monkeypatch.setattr(weights_module, "_CELLS", 100)

    np.testing.assert_array_equal(weighted_auroc(scores, target, weights), whole)


@pytest.mark.parametrize("measure", [auroc, average_precision, roc_curve])
@pytest.mark.parametrize(("outcome", "missing"), [(True, "negative"), (False, "positive")])
def test_a_missing_class_is_named(measure: object, outcome: bool, missing: str) -> None:
    assert callable(measure)
    with pytest.raises(InvalidValue, match=f"no {missing} among 3 images"):
        measure(np.zeros(3), np.full(3, outcome))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_that_are_no_numbers_are_refused(bad: float) -> None:
    scores, target = np.array([0.1, bad]), np.array([True, False])

    with pytest.raises(InvalidValue, match="1 of 2"):
        auroc(scores, target)
    with pytest.raises(InvalidValue, match="1 of 2"):
        weighted_average_precision(scores, target, np.ones((1, 2)))


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_weights_that_weigh_nothing_sensible_are_refused(bad: float) -> None:
    with pytest.raises(InvalidValue, match="not negative"):
        weighted_auroc(np.zeros(2), np.array([True, False]), np.array([[1.0, bad]]))

"""Maps from scores to probabilities, their fitters, and how much those take."""

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from carina.core import InvalidValue, generator, read_json, write_json
from carina.measures import (
    MINIMUM_OF_CLASS,
    BetaMap,
    CalibrationMap,
    FittedTo,
    IsotonicMap,
    Sigmoid,
    brier,
    fit_beta,
    fit_isotonic,
    fit_sigmoid,
    log_loss,
    not_enough_data,
)

quick = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**32)
FITTERS = (fit_sigmoid, fit_beta, fit_isotonic)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Something on disk that holds maps of any kind."""

    maps: tuple[CalibrationMap, ...]


def scored(seed: int, images: int = 80) -> tuple[np.ndarray, np.ndarray]:
    """Scores with a few ties, at any scale and place, and outcomes that rise with them."""
    rng = np.random.default_rng(seed)
    target = rng.random(images) < rng.uniform(0.1, 0.6)
    scores = np.round(rng.normal(size=images) + rng.uniform(0, 2) * target, 1)
    return scores * 10 ** rng.uniform(-3, 3) + rng.normal(), target


def drawn_in(target: np.ndarray) -> np.ndarray:
    """Platt's outcomes."""
    positives, negatives = target.sum(), (~target).sum()
    return np.asarray(np.where(target, (positives + 1) / (positives + 2), 1 / (negatives + 2)))


def cross_entropy(probabilities: np.ndarray, outcome: np.ndarray) -> float:
    return float(
        -np.mean(outcome * np.log(probabilities) + (1 - outcome) * np.log1p(-probabilities))
    )


@quick
@given(seeds)
def test_every_map_rises_keeps_the_prevalence_and_answers_neither_0_nor_1(seed: int) -> None:
    scores, target = scored(seed)

    for fit in FITTERS:
        probabilities = fit(scores, target)(scores)

        assert (np.diff(probabilities[np.argsort(scores)]) >= 0).all()
        assert probabilities.mean() == pytest.approx(drawn_in(target).mean(), abs=1e-6)
        assert 0 < probabilities.min() <= probabilities.max() < 1


def test_a_map_comes_back_from_json_as_it_went(tmp_path: Path) -> None:
    scores, target = scored(4)
    kept = Kept(maps=tuple(fit(scores, target) for fit in FITTERS))

    write_json(tmp_path / "maps.json", kept)
    back = read_json(tmp_path / "maps.json", Kept)

    assert back == kept
    assert [type(one) for one in back.maps] == [Sigmoid, BetaMap, IsotonicMap]
    for one, other in zip(back.maps, kept.maps, strict=True):
        np.testing.assert_array_equal(one(scores), other(scores))


@quick
@given(seeds, st.floats(0.01, 100), st.floats(-50, 50))
def test_the_scale_of_scores_does_not_matter(seed: int, scale: float, shift: float) -> None:
    scores, target = scored(seed)
    scores = np.round(scores - scores.mean(), 6) / scores.std()

    for fit in FITTERS:
        here, there = fit(scores, target), fit(scores * scale + shift, target)
        np.testing.assert_allclose(there(scores * scale + shift), here(scores), atol=1e-5)


@quick
@given(seeds, st.floats(0.01, 100), st.floats(-50, 50))
def test_the_sigmoid_is_scikit_learns_on_outcomes_drawn_in(
    seed: int, scale: float, shift: float
) -> None:
    rng = np.random.default_rng(seed)
    target = np.arange(60) < rng.integers(5, 40)
    scores = (rng.normal(size=60) + target) * scale + shift
    outcome = drawn_in(target)
    reference = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(
        np.tile((scores - shift) / scale, 2)[:, None],
        np.repeat([True, False], 60),
        sample_weight=np.r_[outcome, 1 - outcome],
    )

    fitted = fit_sigmoid(scores, target)

    if reference.coef_[0, 0] < 1e-4:
        assert fitted.slope < 1e-3 / scale
    else:
        expected = reference.predict_proba(((scores - shift) / scale)[:, None])[:, 1]
        np.testing.assert_allclose(fitted(scores), expected, atol=1e-4)


def test_on_many_images_drawing_in_does_not_matter() -> None:
    rng = np.random.default_rng(2)
    target = rng.random(5000) < 0.3
    scores = rng.normal(size=5000) + target
    reference = LogisticRegression(C=np.inf, tol=1e-10).fit(scores[:, None], target)

    fitted = fit_sigmoid(scores, target)

    assert fitted.slope == pytest.approx(reference.coef_[0, 0], rel=0.01)
    assert fitted.intercept == pytest.approx(reference.intercept_[0], rel=0.01)


def test_separable_scores_still_have_a_finite_fit() -> None:
    scores = np.r_[np.linspace(-1, 0, 50), np.linspace(10, 11, 50)]

    for fit in FITTERS:
        ends = fit(scores, scores > 5)(np.array([0.0, 10.0]))
        assert ends == pytest.approx([1 / 52, 51 / 52], abs=0.01)


def test_scores_the_wrong_way_round_fall_back_to_the_prevalence() -> None:
    target = np.arange(1000) < 300

    for scores in (-1.0 * target + np.arange(1000) % 7, np.full(1000, 0.1)):
        for fit in (fit_sigmoid, fit_beta):
            assert fit(scores, target)(scores) == pytest.approx(np.full(1000, 0.3), abs=0.002)
    assert fit_sigmoid(-1.0 * target, target).slope == 0
    assert fit_isotonic(-1.0 * target, target).edges == ()


@pytest.mark.parametrize("outcome", [True, False])
def test_one_class_alone_says_so_with_little_doubt(outcome: bool) -> None:
    scores, target = np.linspace(0, 1, 8), np.full(8, outcome)

    for fit in FITTERS:
        assert fit(scores, target)(np.zeros(1))[0] == pytest.approx(0.9 if outcome else 0.1)


@quick
@given(seeds)
def test_the_beta_map_is_the_best_with_a_and_b_at_least_0(seed: int) -> None:
    scores, target = scored(seed)
    outcome = drawn_in(target)

    fitted = fit_beta(scores, target)

    ours = cross_entropy(fitted(scores), outcome)
    sigmoid = cross_entropy(fit_sigmoid(scores, target)(scores), outcome)
    assert ours <= sigmoid + 1e-12  # a = b is a sigmoid

    def loss(at: np.ndarray) -> float:
        other = BetaMap(sigmoid=fitted.sigmoid, a=max(at[0], 0), b=max(at[1], 0), c=at[2])
        return cross_entropy(np.clip(other(scores), 1e-300, 1 - 1e-16), outcome)

    start = np.array([fitted.a, fitted.b, fitted.c])
    bounds = [(0, None), (0, None), (None, None)]
    for move in (0.0, 0.3):
        reference = minimize(loss, start + move, bounds=bounds, method="L-BFGS-B")
        assert ours <= reference.fun + 1e-8


def test_the_beta_map_bends_where_a_sigmoid_cannot() -> None:
    rng = generator(1, "maps")
    scores = rng.normal(size=20_000) * 2 - 1
    truth = BetaMap(sigmoid=Sigmoid(slope=1.0, intercept=1.0), a=0.2, b=2.0, c=-3.0)
    target = rng.random(20_000) < truth(scores)

    beta, sigmoid = fit_beta(scores, target), fit_sigmoid(scores, target)

    assert np.abs(beta(scores) - truth(scores)).max() < 0.03
    assert np.abs(sigmoid(scores) - truth(scores)).max() > 0.06
    assert log_loss(beta(scores), target) < log_loss(sigmoid(scores), target)


def test_the_slopes_of_a_beta_map_meet_between_the_classes_however_rare_the_finding() -> None:
    rng = generator(2, "maps")
    target = rng.random(5000) < 0.02
    scores = rng.normal(size=5000) + 1.5 * target

    meet = fit_beta(scores, target).sigmoid

    assert meet(np.array([scores[~target].mean()]))[0] < 0.4
    assert meet(np.array([scores[target].mean()]))[0] > 0.6


def test_a_beta_map_with_equal_slopes_is_its_sigmoid() -> None:
    sigmoid, scores = Sigmoid(slope=2.0, intercept=-1.0), np.linspace(-300, 300, 99)

    same = BetaMap(sigmoid=sigmoid, a=1.0, b=1.0, c=0.0)

    np.testing.assert_allclose(same(scores), sigmoid(scores), atol=1e-14)


@quick
@given(seeds)
def test_the_steps_are_scikit_learns_at_the_scores_themselves(seed: int) -> None:
    scores, target = scored(seed)
    reference = IsotonicRegression().fit(scores, drawn_in(target))

    fitted = fit_isotonic(scores, target)

    np.testing.assert_allclose(fitted(scores), reference.predict(scores), atol=1e-12)
    assert (
        brier(fitted(scores), target) <= brier(fit_sigmoid(scores, target)(scores), target) + 0.02
    )


def test_an_edge_lies_midway_and_scores_beyond_all_keep_the_last_step() -> None:
    scores, target = np.array([1.0, 2.0, 4.0, 5.0]), np.array([False, False, True, True])

    fitted = fit_isotonic(scores, target)

    assert fitted.edges == (3.0,)
    assert fitted.steps == pytest.approx((0.25, 0.75))
    assert fitted(np.array([[-9.0, 2.9], [3.0, 9.0]])).tolist() == [
        [fitted.steps[0]] * 2,
        [fitted.steps[1]] * 2,
    ]
    nearest = np.array([1.0, np.nextafter(1.0, 2.0)])
    close_by = fit_isotonic(nearest, np.array([False, True]))
    assert close_by(nearest)[0] < close_by(nearest)[1]


def test_a_sigmoid_is_finite_at_any_score_and_keeps_the_shape() -> None:
    scores = np.array([[-1e300, 0.0], [1.0, 1e300]])

    probabilities = Sigmoid(slope=2.0, intercept=0.0)(scores)

    np.testing.assert_allclose(probabilities, [[0, 0.5], [1 / (1 + np.exp(-2)), 1]])


def test_maps_that_cannot_be_are_refused() -> None:
    sigmoid = Sigmoid(slope=1.0, intercept=0.0)
    for slope, intercept in ((-1.0, 0.0), (np.nan, 0.0), (1.0, np.inf)):
        with pytest.raises(InvalidValue, match="at least 0"):
            Sigmoid(slope=slope, intercept=intercept)
    for a, c in ((-1.0, 0.0), (1.0, np.inf)):
        with pytest.raises(InvalidValue, match="A beta map has"):
            BetaMap(sigmoid=sigmoid, a=a, b=1.0, c=c)
    for edges, steps, why in (
        ((1.0,), (0.1,), "one step more"),
        ((), (1.5,), "in \\[0, 1\\]"),
        ((np.inf,), (0.1, 0.2), "finite edges"),
        ((1.0,), (0.2, 0.1), "rise"),
        ((1.0, 1.0), (0.1, 0.2, 0.3), "rise"),
    ):
        with pytest.raises(InvalidValue, match=why):
            IsotonicMap(edges=edges, steps=steps)
    for fit in FITTERS:
        with pytest.raises(InvalidValue, match="one finite score or more"):
            fit(np.array([np.nan]), np.array([True]))
        with pytest.raises(InvalidValue, match="one finite score or more"):
            fit(np.empty(0), np.empty(0, dtype=bool))


@pytest.mark.parametrize("fit", get_args(FittedTo))
def test_too_few_of_either_class_is_a_reason_without_a_number(fit: FittedTo) -> None:
    enough = MINIMUM_OF_CLASS[fit]

    assert not_enough_data(fit, positives=enough, negatives=enough) is None
    for positives, negatives in ((enough - 1, 900), (900, enough - 1)):
        assert not_enough_data(fit, positives=positives, negatives=negatives) == (
            f"not enough data: {positives} positive and {negatives} negative, "
            f"{fit} from {enough} of each"
        )


def test_isotonic_takes_a_hundred_positives_and_a_threshold_twenty() -> None:
    assert MINIMUM_OF_CLASS["isotonic"] == 100
    assert MINIMUM_OF_CLASS["threshold"] == 20

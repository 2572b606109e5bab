"""Two runs on the same films."""

from dataclasses import replace

import numpy as np
import pytest

from carina.core import Estimate, Mismatch
from carina.evaluation import METRICS, Scores, cells_of, compare, compare_findings

NAMES = ("Cardiomegaly", "Edema")


def compared(first: Scores, second: Scores, **given: str) -> Estimate:
    return compare(first, second, names=NAMES, draws=40, rng=np.random.default_rng(2), **given)


@pytest.mark.parametrize("metric", METRICS)
def test_a_run_differs_from_itself_by_exactly_nothing(metric: str, scores: Scores) -> None:
    same = compared(scores, scores, metric=metric)

    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)


def test_a_difference_is_that_of_the_means(scores: Scores, others: Scores) -> None:
    first, second = (
        cells_of(table, draws=10, rng=np.random.default_rng(0)).mean("auroc", 3, [0, 1]).value
        for table in (scores, others)
    )
    there, back = compared(scores, others), compared(others, scores)

    assert first is not None
    assert second is not None
    assert there.value == pytest.approx(first - second)
    assert back.value == pytest.approx(second - first)


def test_films_may_stand_in_another_order(scores: Scores) -> None:
    turned = np.arange(60)[::-1]
    part = replace(
        scores.part,
        images=tuple(scores.part.images[row] for row in turned),
        patients=scores.part.patients[turned],
        target=scores.part.target[turned],
        known=scores.part.known[turned],
        unseen=None,
    )
    arrays = {
        name: getattr(scores, name)[:, turned]
        for name in ("difference", "positive", "probability", "decision")
    }

    assert compared(scores, replace(scores, part=part, **arrays)).value == 0.0


@pytest.mark.parametrize("metric", ["f1", "brier", "ece"])
def test_what_was_fitted_to_the_answers_out_of_fold_is_not_compared_there(
    metric: str, scores: Scores, others: Scores
) -> None:
    outside, besides = (
        replace(table, part=replace(table.part, name="out-of-fold")) for table in (scores, others)
    )

    assert compared(scores, others, metric=metric).defined
    assert not compared(outside, besides, metric=metric).defined
    assert compared(outside, besides).defined


def test_a_film_that_is_listed_twice_is_compared_with_itself(scores: Scores) -> None:
    images = (scores.part.images[1], *scores.part.images[1:])
    twice = replace(scores, part=replace(scores.part, images=images))
    difference = compared(twice, twice)

    assert difference.value == difference.low == difference.high == 0


def test_findings_that_one_run_does_not_score_do_not_count(scores: Scores, others: Scores) -> None:
    others.difference[-1, :, 1] = np.nan
    one = compare(scores, others, names=("Cardiomegaly",), draws=40, rng=np.random.default_rng(2))

    assert compared(scores, others).value == one.value


def test_runs_that_score_nothing_in_common_have_no_difference(
    scores: Scores, others: Scores
) -> None:
    others.difference[-1] = np.nan

    assert compared(scores, others).why_undefined == "no finding is scored by both runs"


def test_runs_on_other_films_are_not_compared(scores: Scores) -> None:
    fewer = scores.limited_to(np.arange(60) < 50)

    with pytest.raises(Mismatch, match="60 and 50 films"):
        compared(scores, fewer)


def test_runs_on_other_labels_are_not_compared(scores: Scores) -> None:
    part = replace(scores.part, target=~scores.part.target)

    with pytest.raises(Mismatch, match="other labels"):
        compared(scores, replace(scores, part=part))


def test_runs_that_take_other_cells_for_known_are_not_compared(scores: Scores) -> None:
    """Not known and known to be absent have the same target."""
    part = replace(scores.part, known=np.ones_like(scores.part.known))

    with pytest.raises(Mismatch, match="other labels"):
        compared(scores, replace(scores, part=part))


def test_each_finding_has_its_own_test_and_the_mean_is_theirs(
    scores: Scores, others: Scores
) -> None:
    found = compare_findings(scores, others, names=NAMES, draws=40, rng=np.random.default_rng(2))

    assert tuple(found.resampled) == tuple(found.delong) == NAMES
    for name in NAMES:
        alone = compare(scores, others, names=(name,), draws=40, rng=np.random.default_rng(2))
        assert found.resampled[name].difference == alone
        assert found.delong[name].difference.value == pytest.approx(alone.value)
    values = [found.resampled[name].difference.value or 0.0 for name in NAMES]
    assert found.mean.difference.value == pytest.approx(np.mean(values))


@pytest.mark.parametrize("way", ["resampled", "delong"])
def test_p_values_of_findings_are_holms_by_hand(way: str, scores: Scores, others: Scores) -> None:
    def adjusted(*names: str) -> list[float]:
        found = compare_findings(
            scores, others, names=names, draws=400, rng=np.random.default_rng(2)
        )
        return [getattr(found, way)[name].p.value for name in names]

    alone = [*adjusted(NAMES[0]), *adjusted(NAMES[1])]
    least, most = sorted(alone)

    assert sorted(adjusted(*NAMES)) == pytest.approx(
        [min(1.0, 2 * least), min(1.0, max(2 * least, most))]
    )
    assert 2 * least < 1
    assert np.argsort(adjusted(*NAMES)).tolist() == np.argsort(alone).tolist()


def test_delong_tests_nothing_but_auroc(scores: Scores, others: Scores) -> None:
    found = compare_findings(
        scores, others, names=NAMES, metric="brier", draws=40, rng=np.random.default_rng(2)
    )

    assert tuple(found.resampled) == NAMES
    assert found.delong == {}

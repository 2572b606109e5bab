"""Runs of several seeds and orders: one interval for patients and runs together."""

from collections.abc import Sequence
from dataclasses import replace
from math import erf, sqrt

import numpy as np
import pytest

from carina.core import Estimate, InvalidValue, Mismatch
from carina.evaluation import (
    Part,
    Quantity,
    Replicate,
    Scores,
    cells_of,
    compare,
    replicated,
    replicated_difference,
)
from carina.studies import LabelSpace

NAMES = ("Cardiomegaly", "Edema")
SHOWN = np.eye(3, dtype=bool)


def alone(scores: Scores, **levels: int) -> Replicate:
    return Replicate(scores=scores, shown=SHOWN, levels=levels)


def told(runs: Sequence[Replicate], **given: object) -> Estimate:
    wanted = {"names": NAMES, "draws": 50, "rng": np.random.default_rng(5), **given}
    return replicated(runs, **wanted)  # type: ignore[arg-type]


@pytest.mark.parametrize("levels", [{}, {"seed": 1}, {"seed": 1, "order": 7}])
@pytest.mark.parametrize("quantity", ["mean", "backward_transfer", "forgetting"])
def test_one_seed_and_one_order_have_the_interval_of_the_patients(
    levels: dict[str, int], quantity: Quantity, scores: Scores
) -> None:
    cells = cells_of(scores, draws=50, rng=np.random.default_rng(5))
    matrix = cells.matrix("auroc", SHOWN)
    wanted = {
        "mean": matrix.mean_after(3, [0, 1]),
        "backward_transfer": matrix.backward_transfer(),
        "forgetting": matrix.forgetting(),
    }[quantity]
    one, patients = (
        told([alone(scores, **levels)], quantity=quantity),
        cells.combined("auroc", wanted),
    )

    assert one.value == pytest.approx(patients.value, abs=1e-15)
    assert (one.low, one.high) == (patients.low, patients.high)
    assert one.patients == patients.patients


def test_a_run_told_twice_has_the_interval_of_the_patients_too(scores: Scores) -> None:
    twice = told([alone(scores, seed=1), alone(scores, seed=2)])
    once = told([alone(scores)])

    assert (twice.value, twice.low, twice.high) == pytest.approx((once.value, once.low, once.high))


def test_the_value_is_the_mean_over_runs_and_other_seeds_widen_it(
    scores: Scores, others: Scores
) -> None:
    both = told([alone(scores, seed=1), alone(others, seed=2)])
    each = [told([alone(one)]) for one in (scores, others)]

    assert both.value == pytest.approx((each[0].value + each[1].value) / 2)  # type: ignore[operator]
    assert width(both) > max(map(width, each))
    assert both.method.startswith("mean of 2 runs (2 seed)")


def width(estimate: Estimate) -> float:
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.high - estimate.low


def test_the_order_of_films_and_of_runs_does_not_matter(scores: Scores, others: Scores) -> None:
    turned = others.taken(np.arange(60)[::-1])
    turned = replace(turned, part=replace(turned.part, patients=turned.part.patients[::-1] * 7))
    runs = [alone(scores, seed=1), alone(others, seed=2)]
    moved = [alone(scores, seed=1), alone(turned, seed=2)]

    assert told(moved) == told(runs)
    # of a run in another order of films the patients are drawn in another order
    assert told(moved[::-1]).value == pytest.approx(told(runs).value)


def test_a_difference_of_single_runs_is_that_of_two_runs(scores: Scores, others: Scores) -> None:
    paired = replicated_difference(
        [alone(scores)], [alone(others)], names=NAMES, draws=50, rng=np.random.default_rng(5)
    )
    wanted = compare(scores, others, names=NAMES, draws=50, rng=np.random.default_rng(5))

    assert paired.value == pytest.approx(wanted.value)
    assert width(paired) == pytest.approx(width(wanted), rel=0.15)  # other draws are drawn again


def test_a_family_less_itself_is_nothing_for_certain(scores: Scores, others: Scores) -> None:
    runs = [alone(scores, seed=1), alone(others, seed=2)]
    none = replicated_difference(
        runs, runs[::-1], names=NAMES, draws=50, rng=np.random.default_rng(5)
    )

    assert (none.value, none.low, none.high) == (0.0, 0.0, 0.0)


def test_one_run_without_orders_is_the_partner_of_all(scores: Scores, others: Scores) -> None:
    runs = [alone(scores, seed=1, order=1), alone(others, seed=1, order=2)]
    paired = replicated_difference(
        runs, [alone(others, seed=1)], names=NAMES, draws=50, rng=np.random.default_rng(5)
    )
    each = compare(scores, others, names=NAMES, draws=50, rng=np.random.default_rng(5))

    assert each.value is not None
    assert paired.value == pytest.approx(each.value / 2)  # the other run is its own partner


def test_repeats_of_cross_validation_are_one_more_factor(scores: Scores, others: Scores) -> None:
    """Every film is scored once in each repeat, by a learner of other folds."""
    repeats = [
        alone(replace(one, part=replace(one.part, name="out-of-fold")), repeat=at)
        for at, one in enumerate((scores, others))
    ]

    assert told(repeats).method.startswith("mean of 2 runs (2 repeat)")


def test_a_finding_that_one_run_does_not_score_counts_in_none(
    scores: Scores, others: Scores
) -> None:
    others.difference[-1, :, 1] = np.nan
    both = told([alone(scores, seed=1), alone(others, seed=2)])
    one = told([alone(scores, seed=1), alone(others, seed=2)], names=NAMES[:1])

    assert both.value == pytest.approx(one.value)


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        ([{"seed": 1}, {"seed": 1}], "Of 1 crossings of 1 seed there are 1, in 2 runs"),
        ([{"seed": 1, "order": 1}, {"seed": 2, "order": 2}], "Of 4 crossings of 2 order x 2 seed"),
        ([{"seed": 1}, {"order": 1}], "all with the same factors"),
    ],
)
def test_levels_that_do_not_cross_are_refused(
    levels: list[dict[str, int]], said: str, scores: Scores
) -> None:
    with pytest.raises(InvalidValue, match=said):
        told([alone(scores, **one) for one in levels])


def test_no_run_and_runs_without_a_partner_are_refused(scores: Scores) -> None:
    with pytest.raises(InvalidValue, match="one run or more"):
        told([])
    with pytest.raises(Mismatch, match="The run of seed 1 has 0 partners"):
        replicated_difference(
            [alone(scores, seed=1)],
            [alone(scores, seed=2)],
            names=NAMES,
            draws=50,
            rng=np.random.default_rng(5),
        )


def world(rng: np.random.Generator, spread: float) -> tuple[list[Replicate], float]:
    """Three seeds and orders of one true quality, each better or worse by luck; and its AUROC."""
    films, count, mean = 80, 3, 1.0
    target = rng.random((films, 1)) < 0.4
    part = Part(
        name="test",
        images=tuple(map(str, range(films))),
        patients=np.arange(films),
        target=target,
        known=np.ones_like(target),
    )
    luck = spread * rng.normal(size=(2, count))
    shared, runs = 0.8 * rng.normal(size=(films, 1)), []
    for seed, order in np.ndindex(count, count):
        quality = mean + luck[0, seed] + luck[1, order]
        answers = quality * target + shared + 0.6 * rng.normal(size=(films, 1))
        table = np.stack([np.full_like(answers, np.nan), answers])
        scores = Scores(
            part=part,
            space=LabelSpace(names=("Edema",)),
            experiences=("only",),
            difference=table,
            positive=table,
            probability=table,
            decision=table,
        )
        levels = {"seed": seed, "order": order}
        runs.append(Replicate(scores=scores, shown=np.ones((1, 1), dtype=bool), levels=levels))
    truth = mean / sqrt(2 + 2 * spread**2)
    return runs, (1 + erf(truth / sqrt(2))) / 2


def test_the_interval_holds_the_truth_and_that_of_the_patients_does_not() -> None:
    held = {"all": 0, "patients": 0}
    for seed in range(20):
        runs, truth = world(np.random.default_rng(seed), 0.5)
        for name, some in (("all", runs), ("patients", [replace(runs[0], levels={})])):
            estimate = told(some, names=("Edema",), draws=80)
            assert estimate.low is not None
            assert estimate.high is not None
            held[name] += estimate.low <= truth <= estimate.high

    assert held["all"] >= 18
    assert held["patients"] <= 16

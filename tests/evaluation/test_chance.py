"""Forgetting that nobody forgot: what scatter alone makes of a maximum."""

from dataclasses import replace

import numpy as np
import pytest

from carina.evaluation import Part, Scores, cells_of
from carina.evaluation.chance import forgetting_by_chance
from carina.studies import LabelSpace

STEPS = tuple("abcde")
SHOWN = np.arange(5)[:, None] == np.zeros(2)


def reader(seed: int, *, fading: float = 0.0, patients: int = 60) -> Scores:
    """Five steps that answer by chance differently, each as well as the last but for what fades."""
    rng = np.random.default_rng(seed)
    target = rng.random((patients, 2)) < 0.4
    signal = 1.2 - fading * np.arange(6)[:, None, None]
    difference = (
        signal * target + rng.normal(size=(patients, 2)) + rng.normal(size=(6, patients, 2))
    )
    none = np.full_like(difference, np.nan)
    return Scores(
        part=Part(
            name="test",
            images=tuple(f"{row:03}" for row in range(patients)),
            patients=np.arange(patients),
            target=target,
            known=np.ones_like(target),
        ),
        space=LabelSpace(names=("Edema", "Hernia")),
        experiences=STEPS,
        difference=difference,
        positive=none,
        probability=none,
        decision=none,
    )


def forgetting(scores: Scores, *, with_last: bool = False) -> tuple[float, float, float]:
    """Observed, expected by chance, and the upper end of that."""
    cells = cells_of(scores, draws=40, rng=np.random.default_rng(0))
    matrix = cells.matrix("auroc", SHOWN)
    chance = forgetting_by_chance(cells, "auroc", matrix, with_last=with_last)
    assert chance.value is not None
    assert chance.high is not None
    return matrix.forgetting(with_last=with_last).value(matrix), chance.value, chance.high


@pytest.mark.parametrize("with_last", [False, True])
def test_a_reader_of_constant_quality_forgets_by_chance_as_much_as_is_said(with_last: bool) -> None:
    told = np.array([forgetting(reader(seed), with_last=with_last) for seed in range(30)])
    seen, chance = told[:, 0], told[:, 1]
    error = seen.std() / np.sqrt(len(seen))

    assert seen.mean() > 3 * error  # forgetting by its formula, where nothing is forgotten
    assert abs(seen.mean() - chance.mean()) < 3 * error
    assert 0.85 <= np.mean(seen <= told[:, 2]) <= 1.0


def test_forgetting_lies_above_chance_where_something_is_forgotten() -> None:
    seen, _, high = forgetting(reader(1, fading=0.3, patients=200))

    assert seen > high


def test_answers_that_never_change_forget_nothing_by_chance_either() -> None:
    scores = reader(2)
    still = replace(scores, difference=np.repeat(scores.difference[-1:], 6, axis=0))

    assert forgetting(still) == (0.0, 0.0, 0.0)

"""What the transfer matrix says of learning and forgetting, on matrices made by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carina.core import InvalidValue
from carina.evaluation import TransferMatrix

NAN = float("nan")


def transfer(values: list[list[float]], *taught: int) -> TransferMatrix:
    """A matrix of findings that are each shown by one step alone; chance is 0.5."""
    table = np.array(values)
    steps = np.arange(1, len(table))
    return TransferMatrix(
        values=table,
        shown=np.equal.outer(steps, np.array(taught)),
        chance=np.full(len(taught), 0.5),
    )


MATRIX = transfer(
    [
        [0.50, 0.60, 0.40],  # before any step
        [0.90, 0.55, 0.50],  # teaches the first finding
        [0.80, 0.75, 0.45],  # the second
        [0.70, 0.85, 0.95],  # the third
    ],
    *(1, 2, 3),
)


def test_gain_is_the_last_step_less_zero_shot() -> None:
    assert MATRIX.gain_over_zero_shot().value(MATRIX) == pytest.approx((0.20 + 0.25 + 0.55) / 3)


def test_backward_transfer_is_the_last_step_less_the_one_that_taught() -> None:
    assert MATRIX.backward_transfer().value(MATRIX) == pytest.approx((-0.20 + 0.10) / 2)


def test_forward_transfer_is_the_step_before_teaching_less_zero_shot() -> None:
    assert MATRIX.forward_transfer().value(MATRIX) == pytest.approx((-0.05 + 0.05) / 2)


def test_forgetting_is_the_best_step_from_the_one_that_taught_less_the_last() -> None:
    assert MATRIX.forgetting().value(MATRIX) == pytest.approx((0.20 + -0.10) / 2)


def test_forgetting_with_the_last_step_among_the_best_is_never_a_gain() -> None:
    assert MATRIX.forgetting(with_last=True).value(MATRIX) == pytest.approx((0.20 + 0.0) / 2)


def test_a_finding_that_only_got_better_is_forgotten_less_than_nothing() -> None:
    matrix = transfer([[0.5], [0.6], [0.7], [0.9]], 1)

    assert matrix.forgetting().value(matrix) == pytest.approx(-0.2)
    assert matrix.forgetting(with_last=True).value(matrix) == 0.0
    assert matrix.backward_transfer().value(matrix) == pytest.approx(0.3)


def test_what_was_scored_before_a_finding_was_taught_cannot_be_forgotten() -> None:
    matrix = transfer([[0.9], [0.9], [0.6], [0.6]], 2)

    assert matrix.forgetting().value(matrix) == 0.0


def test_findings_without_both_scores_are_left_out_of_a_mean() -> None:
    values = MATRIX.values.copy()
    values[0, 1], values[2, 1] = NAN, NAN
    matrix = transfer(values.tolist(), 1, 2, 3)

    assert matrix.backward_transfer().findings.tolist() == [0]
    assert matrix.gain_over_zero_shot().findings.tolist() == [0, 2]
    assert matrix.backward_transfer().value(matrix) == pytest.approx(-0.20)


def test_findings_nobody_taught_count_in_nothing() -> None:
    matrix = transfer(MATRIX.values.tolist(), 1, 0, 0)

    assert matrix.gain_over_zero_shot().findings.tolist() == [0]
    assert matrix.forgetting().findings.tolist() == [0]


def test_one_step_compares_nothing_with_anything_later() -> None:
    matrix = transfer([[NAN, 0.5], [0.8, 0.7]], 1, 1)

    assert math.isnan(matrix.backward_transfer().value(matrix))
    assert math.isnan(matrix.forgetting().value(matrix))
    assert math.isnan(matrix.forward_transfer().value(matrix))
    assert matrix.gain_over_zero_shot().value(matrix) == pytest.approx(0.2)


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 6), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_counting_the_last_step_never_makes_forgetting_smaller(
    steps: int, labels: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    matrix = transfer(
        rng.random((steps + 1, labels)).tolist(), *rng.integers(0, steps + 1, labels).tolist()
    )
    sound, lenient = matrix.forgetting(), matrix.forgetting(with_last=True)

    assert sound.findings.tolist() == lenient.findings.tolist()
    if len(sound.findings):
        assert lenient.value(matrix) >= max(0.0, sound.value(matrix))
        assert sound.value(matrix) >= -matrix.backward_transfer().value(matrix) - 1e-12


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 6), st.floats(0, 1))
def test_where_nothing_changes_there_is_no_transfer(steps: int, value: float) -> None:
    matrix = transfer([[value, value]] * (steps + 1), 1, 2)
    contrasts = (
        matrix.gain_over_zero_shot(),
        matrix.backward_transfer(),
        matrix.forward_transfer(),
        matrix.forgetting(),
        matrix.forgetting(with_last=True),
    )

    assert [contrast.value(matrix) for contrast in contrasts] == [0.0] * 5


def test_learning_potential_and_retention_are_those_of_the_published_example() -> None:
    """Three models on three data sets: the test case of VIGILANT, by the authors of the measures."""
    matrix = transfer([[NAN, NAN, NAN], [0.5, 0.4, 0.3], [0.4, 0.7, 0.4], [0.2, 0.4, 0.6]], 1, 2, 3)
    said = [
        [
            each.value(matrix)
            for each in (matrix.learning(t), matrix.potential(t), matrix.retention(t))
        ]
        for t in (2, 3)
    ]

    np.testing.assert_allclose(said, [[0.3, 0.1, 0.4], [0.2, 0.3, 0.3245]], atol=5e-5)


def test_a_step_that_shows_several_findings_is_judged_by_their_mean() -> None:
    matrix = TransferMatrix(
        values=np.array([[0.5, 0.5], [0.9, 0.6], [0.8, 0.8]]),
        shown=np.array([[True, False], [True, True]]),
        chance=np.array([0.5, 0.5]),
    )

    assert matrix.learning(1).value(matrix) == pytest.approx(0.4)
    assert matrix.learning(2).value(matrix) == pytest.approx((0.8 + 0.8) / 2 - (0.9 + 0.6) / 2)
    assert matrix.potential(2).value(matrix) == pytest.approx(0.9 - (0.9 + 0.6) / 2)
    assert matrix.retention(2).value(matrix) == pytest.approx(0.8)
    assert matrix.taught.tolist() == [1, 2]


def test_a_finding_nobody_had_met_scores_by_chance_before_and_is_counted() -> None:
    matrix = transfer([[NAN, NAN], [0.9, NAN], [0.8, 0.7]], 1, 2)
    learning, potential = matrix.learning(2), matrix.potential(2)

    assert learning.value(matrix) == pytest.approx(0.7 - 0.5)
    assert potential.value(matrix) == pytest.approx(0.9 - 0.5)
    assert (learning.by_chance, potential.by_chance) == (1, 1)
    assert matrix.learning(1).value(matrix) == pytest.approx(0.9 - 0.5)


def test_a_finding_that_can_never_be_scored_counts_as_nothing_and_not_as_chance() -> None:
    matrix = transfer([[NAN, NAN], [0.9, NAN], [0.8, NAN]], 1, 2)

    assert math.isnan(matrix.learning(2).value(matrix))
    assert math.isnan(matrix.potential(2).value(matrix))
    assert matrix.retention(2).value(matrix) == pytest.approx(0.8)


def test_means_over_steps_run_over_the_steps_that_have_a_value() -> None:
    matrix = transfer([[NAN, NAN], [0.9, NAN], [0.8, 0.6]], 1, 2)

    assert matrix.mean_over_steps([0, 1]).value(matrix) == pytest.approx((0.9 + 0.7) / 2)
    assert matrix.mean([matrix.learning(1), matrix.learning(2)]).value(matrix) == pytest.approx(
        (0.4 + 0.1) / 2
    )
    assert math.isnan(matrix.mean([]).value(matrix))


def test_a_matrix_of_other_steps_than_were_shown_is_refused() -> None:
    with pytest.raises(InvalidValue, match=r"\(4, 2\) for 2 experiences of 2 findings"):
        TransferMatrix(
            values=np.zeros((4, 2)), shown=np.ones((2, 2), dtype=bool), chance=np.zeros(2)
        )

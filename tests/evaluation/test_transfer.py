"""What the transfer matrix says of learning and forgetting, on matrices made by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carina.core import InvalidValue
from carina.evaluation import TransferMatrix

NAN = float("nan")
TAUGHT = np.array([1, 2, 3])
MATRIX = TransferMatrix(
    values=np.array(
        [
            [0.50, 0.60, 0.40],  # before any step
            [0.90, 0.55, 0.50],  # teaches the first finding
            [0.80, 0.75, 0.45],  # the second
            [0.70, 0.85, 0.95],  # the third
        ]
    ),
    taught=TAUGHT,
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
    matrix = TransferMatrix(values=np.array([[0.5], [0.6], [0.7], [0.9]]), taught=np.array([1]))

    assert matrix.forgetting().value(matrix) == pytest.approx(-0.2)
    assert matrix.forgetting(with_last=True).value(matrix) == 0.0
    assert matrix.backward_transfer().value(matrix) == pytest.approx(0.3)


def test_what_was_scored_before_a_finding_was_taught_cannot_be_forgotten() -> None:
    matrix = TransferMatrix(values=np.array([[0.9], [0.9], [0.6], [0.6]]), taught=np.array([2]))

    assert matrix.forgetting().value(matrix) == 0.0


def test_findings_without_both_scores_are_left_out_of_a_mean() -> None:
    values = MATRIX.values.copy()
    values[0, 1], values[2, 1] = NAN, NAN
    matrix = TransferMatrix(values=values, taught=TAUGHT)

    assert matrix.backward_transfer().labels.tolist() == [0]
    assert matrix.gain_over_zero_shot().labels.tolist() == [0, 2]
    assert matrix.backward_transfer().value(matrix) == pytest.approx(-0.20)


def test_findings_nobody_taught_count_in_nothing() -> None:
    matrix = TransferMatrix(values=MATRIX.values, taught=np.array([1, 0, 0]))

    assert matrix.gain_over_zero_shot().labels.tolist() == [0]
    assert matrix.forgetting().labels.tolist() == [0]


def test_one_step_compares_nothing_with_anything_later() -> None:
    matrix = TransferMatrix(values=np.array([[NAN, 0.5], [0.8, 0.7]]), taught=np.array([1, 1]))

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
    matrix = TransferMatrix(
        values=rng.random((steps + 1, labels)), taught=rng.integers(0, steps + 1, labels)
    )
    sound, lenient = matrix.forgetting(), matrix.forgetting(with_last=True)

    assert sound.labels.tolist() == lenient.labels.tolist()
    if len(sound.labels):
        assert lenient.value(matrix) >= max(0.0, sound.value(matrix))
        assert sound.value(matrix) >= -matrix.backward_transfer().value(matrix) - 1e-12


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 6), st.floats(0, 1))
def test_where_nothing_changes_there_is_no_transfer(steps: int, value: float) -> None:
    matrix = TransferMatrix(values=np.full((steps + 1, 2), value), taught=np.array([1, 2]))
    contrasts = (
        matrix.gain_over_zero_shot(),
        matrix.backward_transfer(),
        matrix.forward_transfer(),
        matrix.forgetting(),
        matrix.forgetting(with_last=True),
    )

    assert [contrast.value(matrix) for contrast in contrasts] == [0.0] * 5


def test_a_finding_taught_after_the_last_step_is_refused() -> None:
    with pytest.raises(InvalidValue, match=r"taught at steps \[1, 4\]"):
        TransferMatrix(values=np.zeros((4, 2)), taught=np.array([1, 4]))

"""Rules after an update: what is made anew, what stays, and which answers change."""

import numpy as np
import pytest

from carina.bundles import AnswerRule
from carina.core import generator
from carina.measures import Sigmoid, best_f1, fit_sigmoid
from carina.recipes.updating.answering import flips, ruled

OLD = AnswerRule(label="Edema", slope=2.0, intercept=-1.0, threshold=0.5, rule="best F1")
OWN = Sigmoid(slope=3.0, intercept=-2.0)


def films(positives: int, negatives: int) -> tuple[np.ndarray, np.ndarray]:
    rng = generator(positives, "films", negatives)
    present = np.r_[np.ones(positives, dtype=bool), np.zeros(negatives, dtype=bool)]
    return rng.normal(size=len(present)) + present, present


@pytest.mark.parametrize("size", [(20, 20), (50, 200)])
def test_enough_films_make_a_threshold_and_the_sums_a_calibration(size: tuple[int, int]) -> None:
    scores, present = films(*size)
    found = ruled("Edema", OLD, OWN, scores, present, when="update 3")

    assert found.rule == AnswerRule(
        label="Edema",
        slope=3.0,
        intercept=-2.0,
        threshold=best_f1(scores, present).threshold,
        rule="best F1 out of fold, update 3",
    )
    assert (found.calibration, found.anew) == ("from the sums", True)
    assert found.threshold == f"from {size[0]} positive films held out"


@pytest.mark.parametrize("size", [(19, 200), (200, 19), (0, 0)])
def test_too_few_films_leave_the_threshold_where_it_was(size: tuple[int, int]) -> None:
    found = ruled("Edema", OLD, OWN, *films(*size), when="update 3")

    assert found.rule is not None
    assert (found.rule.threshold, found.rule.rule) == (OLD.threshold, OLD.rule)
    assert (found.rule.slope, found.threshold, found.anew) == (3.0, "as before", False)


@pytest.mark.parametrize(
    ("positives", "calibration"), [(9, "as before"), (10, "from 10 positive films held out")]
)
def test_without_sums_ten_films_of_either_class_make_a_calibration(
    positives: int, calibration: str
) -> None:
    scores, present = films(positives, 100)
    found = ruled("Edema", OLD, None, scores, present, when="update 3")
    made = fit_sigmoid(scores, present) if positives == 10 else OLD.sigmoid

    assert found.rule is not None
    assert (found.rule.slope, found.rule.intercept) == (made.slope, made.intercept)
    assert (found.calibration, found.threshold) == (calibration, "as before")


@pytest.mark.parametrize(("positives", "there"), [(19, False), (20, True)])
def test_a_new_finding_has_a_score_only_until_films_are_enough(positives: int, there: bool) -> None:
    found = ruled("Edema", None, OWN, *films(positives, 100), when="update 3")

    assert (found.rule is not None) == there
    assert there or (found.calibration, found.threshold) == ("none", "none")


def test_answers_that_change_are_counted_with_what_is_known_of_them() -> None:
    new = AnswerRule(label="Edema", slope=1.0, intercept=0.0, threshold=0.3, rule="other")
    found = flips(
        "Edema",
        np.array([0.4, 0.4, 0.6, 0.9, 0.4, np.nan]),
        np.array([0.4, 0.2, 0.1, 0.9, 0.5, 0.9]),
        {"Edema": (OLD, new)},
        np.array([True, False, True, False, False, True]),
        np.array([True, True, True, True, False, True]),
    )

    assert found is not None
    assert (found.films, found.to_yes, found.to_no) == (5, 2, 1)
    assert (found.to_yes_absent, found.to_no_present) == (0, 1)


def test_without_two_rules_no_answer_changes() -> None:
    nothing = np.zeros(3)
    some = np.zeros(3, dtype=bool)

    assert flips("Edema", nothing, nothing, {"Edema": (OLD, None)}, some, some) is None
    assert flips("Edema", nothing, nothing, {"Edema": (None, OLD)}, some, some) is None

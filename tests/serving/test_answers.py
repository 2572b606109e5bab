"""One answer for several views."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carina.bundles import AnswerRule
from carina.serving import FindingAnswer, Prediction
from carina.serving.answers import answered, by_study

SCORES = st.lists(st.floats(-5, 5), min_size=2, max_size=6)
RULES = st.builds(
    AnswerRule,
    label=st.just("Edema"),
    slope=st.floats(0, 4),
    intercept=st.floats(-3, 3),
    threshold=st.floats(-5, 5),
    rule=st.just("best F1"),
)


def study(scores: list[float], rule: AnswerRule | None) -> FindingAnswer:
    """The one answer for images of these scores."""
    images = [
        Prediction(image=Path(f"{index}"), study=1, findings={"Edema": answered(score, rule)})
        for index, score in enumerate(scores)
    ]
    (together,) = by_study(images, {} if rule is None else {"Edema": rule})
    return together.findings["Edema"]


@settings(max_examples=60, deadline=None)
@given(scores=SCORES, rule=RULES)
def test_the_log_odds_of_a_study_are_the_mean_of_its_images(
    scores: list[float], rule: AnswerRule
) -> None:
    odds = [rule.slope * score + rule.intercept for score in scores]
    wanted = 1 / (1 + np.exp(-np.mean(odds)))

    assert study(scores, rule).probability == pytest.approx(wanted, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(scores=SCORES, rule=RULES)
def test_views_that_agree_are_not_overruled_and_their_order_is_no_matter(
    scores: list[float], rule: AnswerRule
) -> None:
    each = {answered(score, rule).present for score in scores}
    present = study(scores, rule).present

    assert present in each or len(each) == 1
    assert study(scores[::-1], rule).score == pytest.approx(study(scores, rule).score)


def test_a_study_of_a_finding_without_a_rule_has_a_score_and_the_reason() -> None:
    answer = study([1.0, 2.0], None)

    assert (answer.score, answer.probability, answer.present) == (1.5, None, None)
    assert answer.why_undefined == "not calibrated"


def test_single_images_and_images_of_no_study_make_no_study() -> None:
    said = {"Edema": answered(1.0, None)}
    images = [
        Prediction(image=Path(f"{index}"), study=study, findings=said)
        for index, study in enumerate([1, None, 2, None])
    ]

    assert by_study(images, {}) == ()

"""Decisions on many findings, at the threshold and at the sign of the trained quantity."""

import numpy as np
import pytest

from carina.evaluation import DECIDED, Assessment, Scores, assess, cells_of
from carina.measures import exact_match, mean_average_precision, multilabel

NAMES = ("Cardiomegaly", "Edema")


def judged(scores: Scores) -> Assessment:
    cells = cells_of(scores, draws=30, rng=np.random.default_rng(1))
    return assess(cells, groups={"two": NAMES}, shown=np.eye(3, dtype=bool))


@pytest.mark.parametrize(("metric", "which"), [("f1", "decision"), ("f1_at_zero", "sign")])
def test_each_step_counts_the_findings_decided_by_then(
    metric: str, which: str, scores: Scores
) -> None:
    told, part = judged(scores).decisions[metric], scores.part
    for step, columns in ((1, [0]), (2, [0, 1]), (3, [0, 1])):  # Edema is met in the second
        answers = scores.of(which)[step]
        whole = multilabel(answers[:, columns] > 0, part.target[:, columns], part.known[:, columns])
        said = [told[name][step - 1].value for name in DECIDED[:-1]]
        every = [*columns, 2]

        assert said == [whole.cp, whole.cr, whole.cf1, whole.op, whole.or_, whole.of1]
        assert told["exact_match"][step - 1].value == exact_match(
            answers[:, every] > 0, part.target[:, every], part.known[:, every]
        )


def test_the_summary_is_of_the_last_step_and_of_the_mean_over_steps(scores: Scores) -> None:
    assessment = judged(scores)
    for metric in ("f1", "f1_at_zero"):
        for name in DECIDED:
            steps = assessment.decisions[metric][name]
            mean = assessment.summary[metric][f"mean_{name}"]

            assert assessment.summary[metric][name] == steps[-1]
            assert mean.value == pytest.approx(np.mean([step.value for step in steps]))
            assert mean.low is not None
            assert mean.high is not None
            assert mean.low <= mean.high


def test_the_mean_average_precision_is_the_macro_average_precision(scores: Scores) -> None:
    part = scores.part
    mean = judged(scores).macro["average_precision"]["two"][-1]

    assert mean.value == pytest.approx(
        mean_average_precision(scores.difference[-1, :, :2], part.target[:, :2], part.known[:, :2])
    )


def test_what_decides_nothing_has_no_measure(scores: Scores) -> None:
    scores.decision[:] = np.nan
    assessment = judged(scores)

    assert not assessment.summary["f1"]["cf1"].defined
    assert not assessment.summary["f1"]["mean_exact_match"].defined
    assert assessment.summary["f1_at_zero"]["cf1"].defined

"""Tables of estimates equal the measures they are made of, and say what has no value."""

from dataclasses import replace

import numpy as np
import pytest
from jaxtyping import Bool, Float

from carina.core import InvalidValue
from carina.evaluation import (
    METRICS,
    Assessment,
    Scores,
    TransferMatrix,
    assess,
    cells_of,
)
from carina.measures import (
    auroc,
    average_precision,
    brier,
    exact_match,
    expected_calibration_error,
    f1,
)

SHOWN = np.eye(3, dtype=bool)
GROUPS = {"2 findings": ("Cardiomegaly", "Edema"), "all 3": ("Cardiomegaly", "Edema", "Hernia")}


def judged(scores: Scores, **given: tuple[str, ...]) -> Assessment:
    cells = cells_of(scores, draws=30, rng=np.random.default_rng(1))
    return assess(cells, groups=GROUPS, shown=SHOWN, **given)


def once(
    metric: str, values: Float[np.ndarray, " images"], target: Bool[np.ndarray, " images"]
) -> float:
    """The measure itself."""
    match METRICS[metric][0]:
        case "auroc":
            return auroc(values, target)
        case "average_precision":
            return average_precision(values, target)
        case "f1":
            return f1(values.astype(bool), target)
        case "brier":
            return brier(values, target)
        case "ece":
            return expected_calibration_error(values, target)
        case other:
            raise AssertionError(f"No run is judged by {other} yet.")


@pytest.mark.parametrize("metric", METRICS)
def test_every_cell_is_the_measure_of_the_known_films(metric: str, scores: Scores) -> None:
    assessment, part = judged(scores), scores.part
    for column, name in enumerate(("Cardiomegaly", "Edema")):
        known = part.known[:, column]
        values = scores.of(METRICS[metric][1])[3, known, column]
        estimate = assessment.scores[metric][2][name]

        assert estimate.value == pytest.approx(once(metric, values, part.target[known, column]))
        assert (estimate.n, estimate.positives) == (
            known.sum(),
            part.target[known, column].sum(),
        )
        assert estimate.low is not None


@pytest.mark.parametrize("metric", METRICS)
def test_a_mean_over_findings_is_the_mean_of_their_cells(metric: str, scores: Scores) -> None:
    assessment = judged(scores)
    cells = [assessment.scores[metric][2][name].value for name in GROUPS["2 findings"]]
    mean = assessment.macro[metric]["2 findings"][2]

    assert mean.value == pytest.approx(np.mean([value for value in cells if value is not None]))
    assert assessment.summary[metric]["2 findings"] == mean


def test_the_two_aurocs_score_by_two_quantities(scores: Scores) -> None:
    assessment, part = judged(scores), scores.part
    known = part.known[:, 0]
    for metric, values in (("auroc", scores.difference), ("auroc_authors", scores.positive)):
        wanted = auroc(values[3, known, 0], part.target[known, 0])
        assert assessment.scores[metric][2]["Cardiomegaly"].value == pytest.approx(wanted)


def test_baseline_is_what_was_answered_before_any_step(scores: Scores) -> None:
    known = scores.part.known[:, 1]
    wanted = auroc(scores.difference[0, known, 1], scores.part.target[known, 1])

    assert judged(scores).baseline["auroc"]["Edema"].value == pytest.approx(wanted)


def test_what_has_no_score_says_why(scores: Scores) -> None:
    assessment = judged(scores)

    assert assessment.scores["auroc"][0]["Edema"].why_undefined == "not met by this step"
    assert (
        assessment.baseline["brier"]["Edema"].why_undefined
        == "not calibrated before any experience"
    )
    hernia = assessment.scores["auroc"][2]["Hernia"]
    assert hernia.why_undefined == f"no positive image among {scores.part.known[:, 2].sum()}"


def test_a_method_without_prompts_has_no_authors_score(scores: Scores) -> None:
    blind = replace(scores, positive=np.full_like(scores.positive, np.nan))
    assessment = judged(blind)
    reasons = {
        assessment.scores["auroc_authors"][2]["Edema"].why_undefined,
        assessment.macro["auroc_authors"]["2 findings"][2].why_undefined,
    }

    assert reasons == {"no positive prompt in this method"}
    assert assessment.scores["auroc"][2]["Edema"].defined


def test_a_method_without_prompts_has_no_authors_score_after_zero_shot_had_one(
    scores: Scores,
) -> None:
    positive = scores.positive.copy()
    positive[1:] = np.nan
    assessment = judged(replace(scores, positive=positive))

    assert assessment.baseline["auroc_authors"]["Edema"].defined
    assert (
        assessment.scores["auroc_authors"][2]["Edema"].why_undefined
        == "no positive prompt in this method"
    )


@pytest.mark.parametrize("metric", ["f1", "brier", "ece"])
def test_a_finding_met_without_one_of_its_classes_is_said_to_be_not_calibrated(
    metric: str, scores: Scores
) -> None:
    probability, decision = scores.probability.copy(), scores.decision.copy()
    probability[2, :, 1] = decision[2, :, 1] = np.nan
    assessment = judged(replace(scores, probability=probability, decision=decision))
    why = [step["Edema"].why_undefined or "" for step in assessment.scores[metric]]

    assert why[0] == "not met by this step"
    assert why[1].startswith("not calibrated: no experience by this step showed both classes")


def test_a_mean_leaves_out_findings_not_met_and_undefined_ones(scores: Scores) -> None:
    first = judged(scores).macro["auroc"]["all 3"][0]

    assert first.value == judged(scores).scores["auroc"][0]["Cardiomegaly"].value
    assert first.method.startswith("mean of 1 of 2 findings")  # Hernia has no positive film
    assert first.method.endswith("; 1 more without a score")  # Edema is not met yet


def test_transfer_of_the_summary_is_that_of_the_matrix(scores: Scores) -> None:
    assessment = judged(scores)
    for metric in ("auroc", "auroc_authors", "average_precision"):
        cells = [assessment.baseline[metric], *assessment.scores[metric]]
        values = [[np.nan if e.value is None else e.value for e in row.values()] for row in cells]
        matrix = TransferMatrix(values=np.array(values), shown=SHOWN, chance=np.zeros(3))
        wanted = {
            "gain_over_zero_shot": matrix.gain_over_zero_shot(),
            "backward_transfer": matrix.backward_transfer(),
            "forward_transfer": matrix.forward_transfer(),
            "forgetting": matrix.forgetting(),
            "forgetting_with_last": matrix.forgetting(with_last=True),
        }
        for name, contrast in wanted.items():
            estimate = assessment.summary[metric][name]
            if len(contrast.findings):
                assert estimate.value == pytest.approx(contrast.value(matrix)), name
            else:
                assert estimate.why_undefined == "no finding has both scores"
    assert set(assessment.summary["brier"]) == {*GROUPS, "mean_over_steps"}


def test_exact_match_is_the_share_of_films_decided_right_throughout(scores: Scores) -> None:
    part = scores.part
    wanted = exact_match(scores.decision[-1].astype(bool), part.target, part.known)

    assert judged(scores).summary["f1"]["exact_match"].value == pytest.approx(wanted)


def test_only_the_metrics_asked_for_are_measured(scores: Scores) -> None:
    assert set(judged(scores, metrics=("auroc",)).macro) == {"auroc"}


def test_the_same_generator_gives_the_same_intervals(scores: Scores) -> None:
    assert judged(scores) == judged(scores)


def test_a_part_without_films_is_refused(scores: Scores) -> None:
    with pytest.raises(InvalidValue, match="'test' has no image"):
        judged(scores.limited_to(np.zeros(60, dtype=bool)))

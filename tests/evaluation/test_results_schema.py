"""results.json keeps its published form."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from carina.core import ConfigError, Estimate
from carina.evaluation import (
    CRITERIA,
    DECIDED,
    METRICS,
    PROGRESS,
    SCHEMA_VERSION,
    Calibration,
    CalibrationWay,
    Drift,
    EncoderUsed,
    ExperienceResult,
    Fitted,
    Language,
    Lived,
    Operation,
    PartResults,
    Results,
    Scores,
    Subgroups,
    assess,
    calibration_way,
    cells_of,
    judge_calibration,
    operated,
    read_results,
    subgroups,
    write_results,
)
from carina.measures import best_f1, delong

SCHEMA = Path(__file__).parents[2] / "docs" / "reference" / "results.schema.json"


@pytest.fixture
def schema() -> dict[str, Any]:
    return json.loads(SCHEMA.read_text())  # type: ignore[no-any-return]


@pytest.fixture
def results(scores: Scores) -> Results:
    groups = {"2 findings": ("Cardiomegaly", "Edema"), "all 3": scores.space.names}
    cells = cells_of(scores, draws=20, rng=np.random.default_rng(0))
    numbers = assess(cells, groups=groups, shown=np.eye(3, dtype=bool))
    draws, seen, known = cells.draws.resamples, scores.part.target[:, 0], scores.part.known[:, 0]
    answers = scores.difference[-1, :, 0]
    judged = judge_calibration(
        scores.probability[-1, :, 0],
        seen,
        known,
        draws,
        fitted=Fitted(way="own", positives=40, negatives=60),
        rng=np.random.default_rng(0),
    )
    assert judged is not None
    point = best_f1(answers[known], seen[known])
    points = operated((point,), answers, seen, known, draws, prevalence=0.1, stated=True)
    way = calibration_way(
        cells, scores.probability[-1], np.full(3, 0.4), draws, names=groups["2 findings"]
    )
    part = PartResults(images=60, patients=30, macro=numbers.macro, summary=numbers.summary)
    return Results(
        run="0123456789abcdef",
        recipe="small",
        strategy="Ridge",
        source="squares",
        plan_kind="by-class",
        plan_variant="all-rows",
        plan_id="plan-one",
        seed=27,
        labels=scores.space.names,
        taught=(1, 2, 3),
        positives={"Cardiomegaly": 40, "Edema": 30, "Hernia": 0},
        groups=groups,
        headline="2 findings",
        experiences=tuple(
            ExperienceResult(
                name=name,
                visible=(name,),
                images=100,
                patients=50,
                marks=("no negative of it",),
                lived=Lived(
                    seconds=1.5,
                    optimiser_steps=0,
                    kept_bytes={"head": 900},
                    fewest_patients=None,
                    single_patients=False,
                    patient_rows=0,
                ),
            )
            for name in scores.experiences
        ),
        zero_shot=False,
        why_no_zero_shot="image and text share no space",
        scores=numbers.scores,
        baseline=numbers.baseline,
        macro=numbers.macro,
        progress=numbers.progress,
        decisions=numbers.decisions,
        summary=numbers.summary,
        delong={"Cardiomegaly": delong(answers, seen, scores.part.patients, known=known)},
        calibration={"Cardiomegaly": judged},
        over_prevalence=(judged.over_prevalence,) * 3,
        calibration_ways={"own": way},
        operating={"Cardiomegaly": points},
        subgroups=subgroups(cells, {"sex": ["F", "M"] * 30}, names=groups["2 findings"]),
        drift={
            "Edema": Drift(
                positive=(None, 1.0, 0.9), negative=(None, 1.0, 0.8), opposition=(None, -1.0, 0.2)
            )
        },
        language={"random": Language(auroc=judged.ece, lost=judged.slope)},
        test_images=60,
        test_patients=30,
        out_of_fold=part,
        unseen=part,
        encoders=(
            EncoderUsed(
                name="toy-image",
                fingerprint="f",
                weights="w",
                modality="image",
                dim=8,
                licence="Apache-2.0",
                citation="",
            ),
        ),
        set_aside={"truncated PNG": 3},
        leaks="rows were drawn, not patients",
        seconds={"total": 2.0},
        peak_memory_bytes=445_554_688,
        citations=("Somebody, 1993",),
    )


def test_the_schema_is_one(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)


def test_written_results_have_the_published_form_and_read_back(
    schema: dict[str, Any], results: Results, tmp_path: Path
) -> None:
    write_results(tmp_path / "results.json", results)
    Draft202012Validator(schema).validate(json.loads((tmp_path / "results.json").read_text()))

    assert read_results(tmp_path / "results.json") == results


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Results", Results),
        ("estimate", Estimate),
        ("experience", ExperienceResult),
        ("encoder", EncoderUsed),
        ("part", PartResults),
        ("lived", Lived),
        ("fitted", Fitted),
        ("calibration", Calibration),
        ("calibration_way", CalibrationWay),
        ("operation", Operation),
        ("subgroups", Subgroups),
        ("drift", Drift),
        ("language", Language),
    ],
)
def test_the_schema_names_every_field(name: str, value: type, schema: dict[str, Any]) -> None:
    form = schema if name == "Results" else schema["$defs"][name]
    names = {field.name for field in fields(value)}

    assert set(form["properties"]) == set(form["required"]) == names
    assert form["additionalProperties"] is False


def test_the_schema_names_every_metric_and_the_version(schema: dict[str, Any]) -> None:
    form, parts = schema["properties"], schema["$defs"]

    assert form["scores"]["propertyNames"]["enum"] == list(METRICS)
    assert form["progress"]["additionalProperties"]["propertyNames"]["enum"] == list(PROGRESS)
    assert form["decisions"]["additionalProperties"]["propertyNames"]["enum"] == list(DECIDED)
    assert parts["calibration"]["properties"]["holds"]["required"] == list(CRITERIA)
    assert schema["properties"]["schema_version"]["const"] == SCHEMA_VERSION


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("schema_version",), 1),
        (("seed",), "27"),
        (("unknown",), 1),
        (("experiences", 0, "lived", "kept_bytes", "head"), -1),
        (("calibration", "Cardiomegaly", "holds", "ece"), "perhaps"),
        (("operating", "Cardiomegaly", 0, "prevalence"), 0),
        (("drift", "Edema", "positive", 2), 1.5),
        (("language", "random", "lost"), 0.1),
        (("scores", "accuracy"), []),
        (("scores", "auroc", 2, "Hernia", "why_undefined"), None),
        (("scores", "auroc", 2, "Edema", "why_undefined"), "no reason"),
        (("scores", "auroc", 2, "Edema", "value"), None),
        (("unseen", "images"), "many"),
    ],
)
def test_what_is_not_of_this_form_is_refused(
    place: tuple[str | int, ...],
    value: Any,
    schema: dict[str, Any],
    results: Results,
    tmp_path: Path,
) -> None:
    write_results(tmp_path / "results.json", results)
    plain = json.loads((tmp_path / "results.json").read_text())
    inner = plain
    for part in place[:-1]:
        inner = inner[part]
    inner[place[-1]] = value

    assert not Draft202012Validator(schema).is_valid(plain)


def test_a_key_too_many_is_told(results: Results, tmp_path: Path) -> None:
    write_results(tmp_path / "results.json", results)
    text = (tmp_path / "results.json").read_text()
    (tmp_path / "results.json").write_text(
        text.replace('"headline":', '"headlines": "x", "headline":')
    )

    with pytest.raises(ConfigError, match="no key 'headlines'"):
        read_results(tmp_path / "results.json")


@pytest.mark.parametrize("version", [1, 3])
def test_results_of_another_version_are_one_clear_line(
    version: int, results: Results, tmp_path: Path
) -> None:
    path = tmp_path / "results.json"
    write_results(path, results)
    path.write_text(path.read_text().replace('"schema_version": 2', f'"schema_version": {version}'))

    with pytest.raises(
        ConfigError, match=f"of form {version}, and this carina reads form 2"
    ) as said:
        read_results(path)
    assert "run the recipe again" in str(said.value)
    assert "\n" not in str(said.value)

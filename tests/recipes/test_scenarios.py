"""Every scenario through a whole run: what is taken back, told in words, or cannot be."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from carina.core import InvalidValue, Mismatch, write_json
from carina.encoders import load_image_encoder
from carina.evaluation import read_scores
from carina.features import Store, encode
from carina.learning import Heads, RETune, Ridge, StrategyConfig, ZeroShot
from carina.recipes import Continual, Finished, Prepared, find_recipe, prepare, run
from carina.streams import (
    AllAtOnce,
    ByClass,
    ByData,
    BySite,
    ByTime,
    CellMatched,
    ClassRows,
    Confounded,
    Corrected,
    Deletion,
    NewFromText,
    NewInstancesAndClasses,
    Planned,
    StreamPlan,
    Task,
)
from carina.studies import LabelSpace, Manifest, read_folder

NO_TAKING_BACK = "this strategy cannot take back"


def finished(recipe: Continual, prepared: Prepared, out: Path) -> Finished:
    last = list(run(recipe, prepared, out))[-1]
    assert isinstance(last, Finished)
    return last


def last(done: Finished, name: str, *, back: int = 0) -> np.ndarray:
    """What a run answers for its test films after its last step, or some steps before."""
    steps = tuple(one.name for one in done.results.experiences)
    space = LabelSpace(names=done.results.labels)
    scores = read_scores(done.folder / "scores.parquet", steps, space)["test"]
    answers: np.ndarray = getattr(scores, name)[-1 - back]
    return answers


def slopes(done: Finished) -> list[float]:
    """Of the calibration of each finding after the last step."""
    return [rule["to_probability"]["slope"] for rule in rules(done)[-1]]


def placed(prepared: Prepared, *, every: int = 3) -> Prepared:
    """The films with sites and days that have nothing to do with what is on them."""
    rows = range(len(prepared.digests))
    patients = prepared.labelled.patients
    labelled = replace(
        prepared.labelled,
        sites=tuple(f"site {patients[row] % every}" for row in rows),
        dates=tuple(f"2019-01-{1 + patients[row] % 28:02}" for row in rows),
    )
    return replace(prepared, labelled=labelled, groups={})


SCENARIOS: tuple[StreamPlan, ...] = (
    BySite(),
    ByTime(parts=2),
    NewInstancesAndClasses(
        tasks=(
            Task(findings=("Cardiomegaly", "Edema"), site="site 0"),
            Task(findings=("Edema", "Pneumothorax"), site="site 1"),
        )
    ),
    Corrected(share=0.3),
    NewFromText(finding="Edema", films=2, negatives=4),
    Deletion(of=ByClass(), share=0.2),
    Confounded(of=AllAtOnce(), finding="Edema", site="site 0", exceptions=0.3),
)


@pytest.mark.parametrize("plan", SCENARIOS, ids=lambda plan: plan.kind)
def test_every_scenario_runs_and_has_its_bound(
    plan: Any, recipe: Continual, prepared: Prepared, tmp_path: Path
) -> None:
    chosen, films = replace(recipe, plan=plan), placed(prepared)
    results = finished(chosen, films, tmp_path).results
    bound = finished(replace(chosen, plan=CellMatched(of=plan)), films, tmp_path).results

    assert results.plan_kind == plan.kind
    assert results.summary["auroc"][results.headline].defined
    assert len(bound.experiences) == 1
    assert not bound.experiences[0].retracts


@pytest.mark.parametrize("inner", [ByClass(), ByData(parts=2)], ids=lambda plan: plan.kind)
def test_a_ridge_head_ends_as_one_that_never_saw_who_left(
    inner: ByClass | ByData, recipe: Continual, prepared: Prepared, tmp_path: Path
) -> None:
    plan = Deletion(of=inner, share=0.25)
    left = finished(replace(recipe, plan=plan), prepared, tmp_path)
    never = finished(replace(recipe, plan=CellMatched(of=plan)), prepared, tmp_path)
    before = finished(replace(recipe, plan=inner), prepared, tmp_path)

    assert left.results.experiences[-1].retracts
    assert last(left, "difference") == pytest.approx(last(never, "difference"), abs=1e-8)
    assert np.abs(last(left, "difference") - last(before, "difference")).max() > 1e-3
    assert slopes(left) == pytest.approx(slopes(never), rel=1e-6)
    assert slopes(left) != pytest.approx(slopes(before), rel=1e-6)


def test_corrected_labels_leave_a_ridge_head_that_was_never_told_wrong(
    recipe: Continual, prepared: Prepared, tmp_path: Path
) -> None:
    corrected = finished(replace(recipe, plan=Corrected(share=0.4)), prepared, tmp_path)
    never = finished(replace(recipe, plan=AllAtOnce()), prepared, tmp_path)

    assert last(corrected, "difference") == pytest.approx(last(never, "difference"), abs=1e-8)
    assert np.abs(last(corrected, "difference", back=2) - last(never, "difference")).max() > 1e-3


def test_who_cannot_take_back_stays_as_he_is_and_says_so(
    recipe: Continual, prepared: Prepared, tmp_path: Path
) -> None:
    chosen = replace(recipe, plan=Corrected(share=0.3))
    *_, back, right = finished(
        replace(chosen, strategy=Heads()), prepared, tmp_path
    ).results.experiences
    able = finished(chosen, prepared, tmp_path).results.experiences

    assert NO_TAKING_BACK in back.lived.marks
    assert NO_TAKING_BACK not in right.lived.marks
    assert not any(NO_TAKING_BACK in one.lived.marks for one in able)


def test_a_finding_in_words_has_a_score_where_prompts_mean_something(
    recipe: Continual, prepared: Prepared, tmp_path: Path
) -> None:
    plan = NewFromText(finding="Edema", films=2, negatives=4)
    reads = finished(replace(recipe, plan=plan, strategy=ZeroShot()), prepared, tmp_path).results
    ridge = finished(replace(recipe, plan=plan), prepared, tmp_path).results

    assert reads.scores["auroc"][1]["Edema"] == reads.baseline["auroc"]["Edema"]
    assert ridge.scores["auroc"][1]["Edema"].defined
    assert not any("prompts" in mark for one in reads.experiences for mark in one.marks)


@pytest.mark.parametrize("strategy", [Ridge(), Heads()], ids=["ridge", "heads"])
def test_a_finding_in_words_is_undefined_where_no_prompt_is_read(
    strategy: StrategyConfig,
    recipe: Continual,
    manifest: Manifest,
    store: Store,
    tmp_path: Path,
) -> None:
    plan = NewFromText(finding="Edema", films=2, negatives=4)
    chosen = replace(recipe, plan=plan, text_encoder="", strategy=strategy)
    results = finished(chosen, prepare(chosen, manifest, store), tmp_path).results
    words = results.scores["auroc"][1]["Edema"]

    assert not words.defined
    assert "not met" in (words.why_undefined or "")
    assert results.scores["auroc"][2]["Edema"].defined
    assert any("words alone teach nothing" in mark for mark in results.experiences[1].lived.marks)


def test_heads_say_that_they_read_no_prompts(
    recipe: Continual, prepared: Prepared, tmp_path: Path
) -> None:
    plan = NewFromText(finding="Edema", films=2, negatives=4)
    results = finished(replace(recipe, plan=plan, strategy=Heads()), prepared, tmp_path).results

    assert "this strategy reads no prompts" in results.experiences[1].lived.marks


def test_without_any_known_label_an_experience_is_refused(
    recipe: Continual, prepared: Prepared, tmp_path: Path
) -> None:
    known = prepared.labelled.known.copy()
    known[:, 1] = False
    silent = replace(
        prepared,
        labelled=replace(prepared.labelled, known=known, target=prepared.labelled.target & known),
    )

    with pytest.raises(InvalidValue, match=r"'Edema' has no known label of Edema on .* policy"):
        list(run(replace(recipe, plan=ByClass()), silent, tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("strategy", [Heads(), Ridge(betas=(0.0,))], ids=["heads", "ridge"])
def test_positives_alone_are_refused_by_who_needs_negatives(
    strategy: StrategyConfig, recipe: Continual, prepared: Prepared, tmp_path: Path
) -> None:
    plan = ByClass(variant=ClassRows.POSITIVES_ONLY)
    with pytest.raises(InvalidValue, match=r"positives only, and (Heads|Ridge) needs negatives"):
        list(run(replace(recipe, plan=plan, strategy=strategy), prepared, tmp_path))


@pytest.mark.parametrize(
    "strategy", [Ridge(), ZeroShot(), RETune(steps=2, epochs=None)], ids=["ridge", "zero", "retune"]
)
def test_positives_alone_are_taken_by_who_reads_prompts(
    strategy: StrategyConfig, recipe: Continual, prepared: Prepared, tmp_path: Path
) -> None:
    plan = ByClass(variant=ClassRows.POSITIVES_ONLY)

    done = finished(replace(recipe, plan=plan, strategy=strategy), prepared, tmp_path)

    assert len(done.results.experiences) == 3


def told(folder: Path) -> dict[str, Any]:
    """Everything a run says but for its name and what it took."""
    plain: dict[str, Any] = json.loads((folder / "results.json").read_text())
    for took in ("seconds", "peak_memory_bytes"):
        plain.pop(took)
    for experience in plain["experiences"]:
        experience["lived"].pop("seconds")
    return plain


@pytest.mark.parametrize(
    "plan", [Deletion(of=ByClass()), Corrected(share=0.3)], ids=lambda plan: plan.kind
)
def test_a_plan_from_a_file_gives_the_same_numbers_elsewhere(
    plan: StreamPlan,
    recipe: Continual,
    prepared: Prepared,
    hospital: Path,
    tmp_path: Path,
) -> None:
    """The data are copied, encoded anew, and the run's own files are all that goes along."""
    first = finished(replace(recipe, plan=plan), prepared, tmp_path / "first").folder
    carried = tmp_path / "carried"
    carried.mkdir()
    shutil.copy(first / "plan.json", carried / "plan.json")
    write_json(carried / "recipe.json", replace(recipe, plan=Planned(file="plan.json")))
    chosen = find_recipe(str(carried / "recipe.json"), {})
    here = finished(chosen, prepared, tmp_path / "here").folder

    shutil.copytree(hospital, tmp_path / "elsewhere")
    manifest, store = read_folder(tmp_path / "elsewhere"), Store(tmp_path / "store")
    for _ in encode(manifest, load_image_encoder("toy-image"), store):
        pass
    there = finished(chosen, prepare(chosen, manifest, store), tmp_path / "there").folder

    assert here.name == there.name
    assert told(here) == told(there)
    for same in ("plan.json", "recipe.json", "scores.parquet", "rules.json"):
        assert (here / same).read_bytes() == (there / same).read_bytes()
    assert (here / "plan.json").read_bytes() == (first / "plan.json").read_bytes()
    assert {**told(here), "run": ""} == {**told(first), "run": ""}


def test_a_run_of_a_plan_from_a_file_holds_all_it_takes_to_run_again(
    recipe: Continual, prepared: Prepared, tmp_path: Path
) -> None:
    first = finished(recipe, prepared, tmp_path / "first").folder
    shutil.copy(first / "plan.json", tmp_path / "taken.json")
    chosen = replace(recipe, plan=Planned(file=str(tmp_path / "taken.json")))
    second = finished(chosen, prepared, tmp_path / "second").folder
    (tmp_path / "taken.json").unlink()
    third = finished(find_recipe(str(second / "recipe.json"), {}), prepared, tmp_path / "third")

    assert str(tmp_path) not in (second / "recipe.json").read_text()
    assert third.folder.name == second.name
    assert told(third.folder) == told(second)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda r: replace(r, salt="another"), "`salt`"),
        (lambda r: replace(r, findings=("Edema",)), "Set `findings`"),
    ],
)
def test_a_recipe_that_reads_otherwise_is_refused_before_any_work(
    change: Callable[[Continual], Continual],
    says: str,
    recipe: Continual,
    manifest: Manifest,
    prepared: Prepared,
    store: Store,
    tmp_path: Path,
) -> None:
    first = finished(recipe, prepared, tmp_path / "first").folder
    chosen = change(replace(recipe, plan=Planned(file=str(first / "plan.json"))))

    with pytest.raises(Mismatch, match=says):
        list(run(chosen, prepare(chosen, manifest, store), tmp_path / "other"))
    assert not (tmp_path / "other").exists()


def test_thresholds_and_calibration_know_what_was_told_not_what_is(
    recipe: Continual, prepared: Prepared, tmp_path: Path
) -> None:
    """Zero-shot scores are the same whatever is told, so only what is made of them can differ."""
    chosen = replace(recipe, strategy=ZeroShot())
    corrected = finished(replace(chosen, plan=Corrected(share=0.5)), prepared, tmp_path)
    at_once = finished(replace(chosen, plan=AllAtOnce()), prepared, tmp_path)
    wrong, back, end = rules(corrected)[1:]
    (right,) = rules(at_once)[1:]

    assert len(wrong) == 3
    assert any(
        told["to_probability"] != true["to_probability"]
        for told, true in zip(wrong, right, strict=True)
    )
    assert wrong == back == end  # those told right at last were picked for being wrong


def rules(done: Finished) -> list[list[dict[str, Any]]]:
    """By step, how each finding's scores become answers."""
    steps: list[list[dict[str, Any]]] = json.loads((done.folder / "rules.json").read_text())[
        "steps"
    ]
    return steps

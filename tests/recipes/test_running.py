"""What a run leaves behind, and that nothing it does depends on where it was cut."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count as count_from
from pathlib import Path

import numpy as np
import pytest

from carina.adaptors import Linear, Sides
from carina.core import UnreadableFile
from carina.evaluation import Results, read_results, read_scores
from carina.learning import Heads, RETune, Ridge, StrategyConfig, ZeroShot
from carina.recipes import Continual, Finished, Prepared, run, run_name
from carina.streams import AllAtOnce, ByClass, ByData, ByLabel, CellMatched, StreamPlan

QUICK = RETune(sides=Sides(adaptor=Linear(out=8)), rate=1e-2, batch=32, steps=5, epochs=None)


def finished(recipe: Continual, prepared: Prepared, out: Path) -> Finished:
    last = list(run(recipe, prepared, out))[-1]
    assert isinstance(last, Finished)
    return last


def numbers(folder: Path) -> dict[str, object]:
    """Everything a run says but for what it took."""
    plain = json.loads((folder / "results.json").read_text())
    for took in ("seconds", "peak_memory_bytes"):
        plain.pop(took)
    for experience in plain["experiences"]:
        experience["lived"].pop("seconds")
    return plain  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "plan", [ByClass(), ByLabel(), ByData(parts=2), AllAtOnce(), CellMatched(of=ByClass())]
)
def test_every_scenario_runs_to_results_that_read_back(
    plan: StreamPlan, recipe: Continual, prepared: Prepared, tmp_path: Path
) -> None:
    done = finished(replace(recipe, plan=plan), prepared, tmp_path)

    assert read_results(done.folder / "results.json") == done.results
    assert done.results.plan_id == json.loads((done.folder / "plan.json").read_text())["plan_id"]


@pytest.mark.parametrize("strategy", [QUICK, Heads(), ZeroShot()])
def test_every_strategy_runs(
    strategy: StrategyConfig, recipe: Continual, prepared: Prepared, tmp_path: Path
) -> None:
    results = finished(replace(recipe, strategy=strategy), prepared, tmp_path).results

    assert results.summary["auroc"][results.headline].defined
    prompted = not isinstance(strategy, Heads)
    assert results.summary["auroc_authors"][results.headline].defined == prompted


def test_the_ridge_head_learns_what_is_drawn(
    recipe: Continual, prepared: Prepared, tmp_path: Path
) -> None:
    results = finished(recipe, prepared, tmp_path).results
    value = results.summary["auroc"][results.headline].value

    assert value is not None
    assert value > 0.9


def test_a_closed_form_stream_ends_where_joint_does_and_never_forgets(
    recipe: Continual, prepared: Prepared, tmp_path: Path
) -> None:
    stream = finished(recipe, prepared, tmp_path).results
    joint = finished(replace(recipe, plan=AllAtOnce()), prepared, tmp_path).results

    assert stream.summary["auroc"]["backward_transfer"].value == 0.0
    assert stream.scores["auroc"][-1] == joint.scores["auroc"][-1]
    assert stream.plan_id != joint.plan_id


def test_the_same_recipe_data_and_seed_give_the_same_numbers(
    recipe: Continual, prepared: Prepared, tmp_path: Path
) -> None:
    chosen = replace(recipe, strategy=QUICK)
    first = finished(chosen, prepared, tmp_path / "first").folder
    second = finished(chosen, prepared, tmp_path / "second").folder

    assert numbers(first) == numbers(second)
    assert (first / "scores.parquet").read_bytes() == (second / "scores.parquet").read_bytes()


class _Cut(Exception):
    pass


def cut_after(events: Iterator[object], count: int) -> None:
    for index, _ in enumerate(events):
        if index == count:
            raise _Cut


@pytest.mark.parametrize("count", [0, 3, 7, 12, 20])
def test_a_run_that_was_cut_goes_on_to_the_same_numbers(
    count: int, recipe: Continual, prepared: Prepared, tmp_path: Path
) -> None:
    chosen = replace(recipe, strategy=QUICK)
    whole = finished(chosen, prepared, tmp_path / "whole").folder
    with pytest.raises(_Cut):
        cut_after(run(chosen, prepared, tmp_path / "cut"), count)
    cut = finished(chosen, prepared, tmp_path / "cut").folder

    assert numbers(cut) == numbers(whole)
    assert [path.name for path in (tmp_path / "cut").iterdir()] == [cut.name]


def renames() -> Iterator[Callable[[Path, Path], Path]]:
    """`Path.rename`, cut before the n-th time it is called, for n one larger with each."""
    real = Path.rename
    for last in count_from(1):
        calls = count_from(1)

        def rename(
            self: Path, target: Path, *, last: int = last, calls: Iterator[int] = calls
        ) -> Path:
            if next(calls) >= last:  # a killed process renames nothing more, not even back
                raise _Cut
            return real(self, target)

        yield rename


def test_a_run_cut_at_any_rename_goes_on_to_the_same_numbers(
    recipe: Continual,
    prepared: Prepared,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen = replace(recipe, plan=AllAtOnce())
    whole = finished(chosen, prepared, tmp_path / "whole").folder
    cuts = 0
    for cuts, rename in enumerate(renames(), start=1):
        with monkeypatch.context() as patched:
            patched.setattr(Path, "rename", rename)
            patched.setattr(shutil, "rmtree", lambda *_, **__: None)  # nor removes anything
            try:
                finished(chosen, prepared, tmp_path / f"cut-{cuts}")
            except _Cut:
                pass
            else:
                break
        cut = finished(chosen, prepared, tmp_path / f"cut-{cuts}").folder
        assert numbers(cut) == numbers(whole)
        assert {p.name for p in (cut / "learners").iterdir()} == {
            p.name for p in (whole / "learners").iterdir()
        }

    assert cuts > 10


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX only: folders are locked")
def test_a_second_run_of_the_same_recipe_in_the_same_place_is_refused(
    recipe: Continual, prepared: Prepared, tmp_path: Path
) -> None:
    first = run(recipe, prepared, tmp_path)
    next(first)
    with pytest.raises(UnreadableFile, match="Another process is running this recipe here"):
        list(run(recipe, prepared, tmp_path))
    elsewhere = finished(recipe, prepared, tmp_path / "elsewhere")
    *_, last = first

    assert isinstance(last, Finished)
    assert numbers(last.folder) == numbers(elsewhere.folder)
    assert not list(tmp_path.glob("*.unfinished"))


def test_where_folders_cannot_be_locked_a_run_goes_on_without(
    recipe: Continual, prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: Path, *, wait: bool) -> int | None:
        raise NotADirectoryError(folder)

    monkeypatch.setattr("carina.recipes.standing.lock_folder", refuse)

    assert finished(recipe, prepared, tmp_path).folder.is_dir()


def test_a_run_killed_once_it_was_whole_leaves_nothing_unfinished(
    recipe: Continual, prepared: Prepared, tmp_path: Path
) -> None:
    done = finished(recipe, prepared, tmp_path)
    (tmp_path / f"{done.folder.name}.unfinished" / "refit").mkdir(parents=True)
    finished(recipe, prepared, tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == [done.folder.name]


def test_a_film_replaced_or_set_aside_makes_another_run(
    recipe: Continual, prepared: Prepared
) -> None:
    other = replace(prepared, digests=("0" * 40, *prepared.digests[1:]))

    assert run_name(recipe, other) != run_name(recipe, prepared)
    assert run_name(recipe, replace(prepared, digests=prepared.digests[1:])) != run_name(
        recipe, prepared
    )


@pytest.mark.parametrize("strategy", [QUICK, Heads(), Ridge()])
def test_before_any_experience_every_strategy_answers_as_zero_shot_does(
    strategy: StrategyConfig, recipe: Continual, prepared: Prepared, tmp_path: Path
) -> None:
    """And not as adaptors drawn at random do: learning is held against the frozen encoders."""
    chosen = replace(recipe, plan=AllAtOnce())
    frozen = finished(replace(chosen, strategy=ZeroShot()), prepared, tmp_path).results
    results = finished(replace(chosen, strategy=strategy), prepared, tmp_path).results
    last, gain = results.scores["auroc"][-1], results.summary["auroc"]["gain_over_zero_shot"]
    gained = [last[name].value - e.value for name, e in frozen.scores["auroc"][-1].items()]  # type: ignore[operator]

    assert results.baseline["auroc"] == frozen.scores["auroc"][-1]
    assert gain.value == pytest.approx(np.mean(gained))


def test_a_finished_run_is_shown_and_not_run_again(
    recipe: Continual, prepared: Prepared, tmp_path: Path
) -> None:
    first = finished(recipe, prepared, tmp_path)
    again = list(run(recipe, prepared, tmp_path))

    assert again == [first]


def test_no_patient_is_scored_out_of_fold_by_a_learner_that_saw_them(
    recipe: Continual, prepared: Prepared, tmp_path: Path
) -> None:
    """A head that memorises labels at random cannot know them out of fold."""
    rng = np.random.default_rng(0)
    target = rng.random(prepared.labelled.target.shape) < 0.5
    noise = replace(prepared, labelled=replace(prepared.labelled, target=target))
    results = finished(replace(recipe, plan=AllAtOnce()), noise, tmp_path).results
    outside = results.out_of_fold.summary["auroc"][results.headline]

    assert outside.low is not None
    assert outside.high is not None
    assert outside.low < 0.5 < outside.high


def test_scores_on_disk_are_those_of_the_results(
    recipe: Continual, prepared: Prepared, tmp_path: Path
) -> None:
    done = finished(recipe, prepared, tmp_path)
    names = tuple(experience.name for experience in done.results.experiences)
    tables = read_scores(done.folder / "scores.parquet", names, prepared.labelled.space)

    assert set(tables) == {"out-of-fold", "test"}
    assert len(tables["test"].part.images) == done.results.test_images == len(prepared.test)
    assert set(tables["test"].part.images) <= set(prepared.digests)


def test_nothing_a_run_leaves_names_a_patient_or_a_file(
    recipe: Continual, prepared: Prepared, tmp_path: Path
) -> None:
    folder = finished(recipe, prepared, tmp_path).folder
    left = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())

    assert b"Plantagenet" not in left
    assert b"film-" not in left


def test_sums_that_only_the_last_learner_on_disk_has_are_told_of_every_step(
    recipe: Continual, prepared: Prepared, tmp_path: Path
) -> None:
    results = finished(recipe, prepared, tmp_path).results

    assert [e.lived.kept_bytes.get("sums", 0) > 0 for e in results.experiences] == [True] * 3
    assert all(e.lived.fewest_patients is not None for e in results.experiences)


def test_undefined_says_why(recipe: Continual, prepared: Prepared, tmp_path: Path) -> None:
    results: Results = finished(recipe, prepared, tmp_path).results
    early = results.scores["auroc"][0]["Pneumothorax"]

    assert early.value is None
    assert early.why_undefined is not None
    assert "not met" in early.why_undefined


def test_the_environment_says_whose_numbers_were_checked(
    recipe: Continual, prepared: Prepared, tmp_path: Path
) -> None:
    folder = finished(recipe, prepared, tmp_path).folder
    checks = json.loads((folder / "environment.json").read_text())["self_checks"]

    assert set(checks) == {"toy-image", "toy-text"}
    assert all(check["status"] == "passed" for check in checks.values())
    assert all(check["worst"] < check["tolerance"] for check in checks.values())

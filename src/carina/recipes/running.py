"""Run a recipe: folds, one refit, scores, calibration, numbers with intervals, one folder.

Choices are made out of fold on train and val, or on val held apart; the test split is scored once,
by the refit.
"""

import resource
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
from jaxtyping import Bool, Int

from carina.bundles import write_taught
from carina.core import fingerprint, partial_folder, write_json
from carina.evaluation import (
    OUT_OF_FOLD,
    VALIDATION,
    Lived,
    Results,
    read_results,
    write_results,
    write_scores,
)
from carina.learning import load_learner, save_adaptor, save_setting
from carina.measures import Sigmoid
from carina.recipes.calibrate import Calibrator
from carina.recipes.judging import Answered, Steps, results_of, scores_of
from carina.recipes.passes import Pass, Progress, Walked, learners_left, walk, walked
from carina.recipes.preparation import Prepared
from carina.recipes.recipe import CalibrateBy, Continual, beside_its_plan
from carina.recipes.records import cards_used, environment, rules_of
from carina.recipes.standing import alone_in, tidy
from carina.recipes.steering import controls_walked, follow_controls
from carina.recipes.streaming import held_apart, refuse_unlearnable, told_and_shown
from carina.recipes.teaching import taught_by
from carina.streams import Ground, Stream, lay_out, written

__all__ = ["Finished", "run", "run_name"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The last event of a run: where it lies, and its numbers."""

    folder: Path
    results: Results


def run_name(recipe: Continual, prepared: Prepared) -> str:
    """Name of the run's folder: the same recipe, data, encoders and salt give the same name.

    The data are the manifest and the bytes of the films that could be read: a film replaced under
    its name, or readable at last, makes another run.
    """
    prompts = prepared.labelled.prompts
    return fingerprint(
        {
            "recipe": recipe.fingerprint,
            "manifest": prepared.manifest_digest,
            "images": prepared.digests,
            "encoders": [card.fingerprint for card in prepared.cards],
            "prompts": "" if prompts is None else prompts.bank,
            **({"adaptor": prepared.adaptor} if prepared.adaptor else {}),
        }
    )


def run(recipe: Continual, prepared: Prepared, out: Path) -> Iterator[Progress | Finished]:
    """Run a recipe into ``out/<name>``, from wherever an earlier attempt stood.

    Args:
        recipe: What to run.
        prepared: What `prepare` read for it.
        out: Folder of runs.

    Yields:
        How far it is; at last `Finished`.

    Raises:
        UnknownName: for a finding in the headline that there is none of.
        UnreadableFile: where another process is running the same recipe there.
    """
    name = run_name(recipe, prepared)
    whole = out / name / "results.json"
    if not whole.is_file():
        prepared.labelled.space.indices(recipe.headline)  # a misspelt one now, not after the work
        ground = prepared.ground()
        stream = lay_out(recipe.plan, ground)
        refuse_unlearnable(stream, ground, recipe.strategy, prepared.setting)
        with alone_in(out / f"{name}.unfinished"):
            if not whole.is_file():  # nobody finished it since
                yield from _worked(recipe, prepared, stream, ground, out, name)
    tidy(out, name)
    yield Finished(folder=out / name, results=read_results(whole))


def _worked(
    recipe: Continual, prepared: Prepared, stream: Stream, ground: Ground, out: Path, name: str
) -> Iterator[Progress]:
    """The whole run, up to its folder under its final name."""
    final, unfinished = out / name, out / f"{name}.unfinished"
    seconds: dict[str, float] = {}
    started = perf_counter()
    passes = [_fold(prepared, fold, of=recipe.folds) for fold in range(recipe.folds)]
    judged = np.concatenate([prepared.apart, prepared.test])
    for this in (*passes, Pass(name="refit", learn=prepared.learn, score=judged)):
        before = perf_counter()
        yield from walk(
            this,
            stream=stream,
            strategy=recipe.strategy,
            setting=prepared.setting,
            labelled=prepared.labelled,
            seed=recipe.seed,
            folder=unfinished / this.name,
        )
        seconds[this.name] = perf_counter() - before
    if recipe.controls:
        before = perf_counter()
        yield from follow_controls(recipe, prepared, stream, unfinished)
        seconds["controls"] = perf_counter() - before
    yield Progress(stage="intervals", experience="", done=0, of=1)
    before = perf_counter()
    steps = len(stream.experiences) + 1
    apart, refit = _parted(walked(unfinished / "refit", steps), len(prepared.apart))
    outside = _gathered(passes, unfinished, steps, prepared.learn) if passes else apart
    left = learners_left(unfinished / "refit", steps)
    learners = [load_learner(path, setting=prepared.setting) for path in left[1:]]
    own: list[Mapping[int, Sigmoid]] = [
        {stream.space.index(label): sigmoid for label, sigmoid in learner.calibration.items()}
        for learner in learners
    ]
    told, shown = told_and_shown(stream, prepared)
    chosen_on = (told, shown) if passes else held_apart(stream, prepared)
    ways: dict[CalibrateBy, Steps] = {
        by: Calibrator(
            by=by,
            keep=recipe.keep_validation,
            sensitivity=recipe.sensitivity,
            specificity=recipe.specificity,
        ).steps(outside.difference, *chosen_on, own)
        for by in CalibrateBy
    }
    calibration = ways[recipe.calibration]
    answered = Answered(
        recipe=recipe,
        prepared=prepared,
        stream=stream,
        ways=ways,
        outside=scores_of(
            OUT_OF_FOLD if passes else VALIDATION,
            prepared,
            stream,
            prepared.learn if passes else prepared.apart,
            outside,
            calibration,
        ),
        test=scores_of("test", prepared, stream, prepared.test, refit, calibration),
        lived=_with_rows_kept(recipe, prepared, chosen_on[1], _over_adaptor(prepared, refit.lived)),
        controls=controls_walked(recipe, unfinished, steps),
        readouts=[learner.readout for learner in learners],
        positives=_positives(told, shown, stream.space.names),
    )
    results = results_of(answered, name)
    seconds["intervals"] = perf_counter() - before
    seconds["total"] = perf_counter() - started
    results = replace(results, seconds=seconds, peak_memory_bytes=_peak_memory())
    with partial_folder(final) as folder:
        write_json(folder / "recipe.json", beside_its_plan(recipe))
        write_json(folder / "environment.json", environment(prepared.cards, prepared.checks))
        write_json(folder / "plan.json", written(stream, ground))
        write_json(folder / "rules.json", rules_of(calibration, stream.space.names))
        write_json(folder / "encoders.json", cards_used(prepared.cards))
        write_taught(folder / "taught.parquet", taught_by(stream, prepared.labelled, recipe.salt))
        save_setting(folder / "setting", prepared.setting)
        if prepared.pretrained is not None:
            save_adaptor(folder / "adaptor", prepared.pretrained)
        write_scores(folder / "scores.parquet", answered.outside, answered.test)
        write_results(folder / "results.json", results)
        for step, path in enumerate(left):  # copied: until the folder is whole, all can be redone
            shutil.copytree(path, folder / "learners" / f"{step:03}")


def _fold(prepared: Prepared, fold: int, *, of: int) -> Pass:
    mine = prepared.labelled.patients[prepared.learn] % of == fold
    return Pass(name=f"fold-{fold}", learn=prepared.learn[~mine], score=prepared.learn[mine])


def _parted(refit: Walked, apart: int) -> tuple[Walked, Walked]:
    """The refit's answers about the rows held apart, and about the test part."""
    whole = {name: getattr(refit, name) for name in ("difference", "positive")}
    return (
        Walked(**{name: answers[:, :apart] for name, answers in whole.items()}, lived=()),
        Walked(**{name: answers[:, apart:] for name, answers in whole.items()}, lived=refit.lived),
    )


def _gathered(
    passes: list[Pass], folder: Path, steps: int, rows: Int[np.ndarray, " rows"]
) -> Walked:
    """The folds' answers put together, in the order of the rows learned from."""
    parts = [walked(folder / this.name, steps) for this in passes]
    order = np.argsort(np.concatenate([this.score for this in passes]))
    placed = np.argsort(np.argsort(rows))
    arrays = {
        name: np.concatenate([getattr(part, name) for part in parts], axis=1)[:, order][:, placed]
        for name in ("difference", "positive")
    }
    return Walked(difference=arrays["difference"], positive=arrays["positive"], lived=())


def _positives(
    told: Sequence[Bool[np.ndarray, "learn labels"]],
    shown: Sequence[Bool[np.ndarray, "learn labels"]],
    names: tuple[str, ...],
) -> dict[str, int]:
    """Films that some experience showed with each finding."""
    cells = [said & seen for said, seen in zip(told, shown, strict=True)]
    counts = np.logical_or.reduce(cells).sum(axis=0)
    return dict(zip(names, counts.tolist(), strict=True))


def _with_rows_kept(
    recipe: Continual,
    prepared: Prepared,
    shown: list[Bool[np.ndarray, "validation labels"]],
    lived: tuple[Lived, ...],
) -> tuple[Lived, ...]:
    """What stays behind, and with it the validation rows where the recipe keeps them.

    With folds every row learned from is one of validation in its own; of each its features and labels
    stay.
    """
    if not recipe.keep_validation:
        return lived
    width = prepared.labelled.features.element_size() * prepared.labelled.features.shape[1]
    met = np.zeros(len(shown[0]), dtype=bool)
    told = []
    for cells, life in zip(shown, lived, strict=True):
        met = met | cells.any(axis=1)
        rows = int(met.sum())
        told.append(
            replace(
                life,
                kept_bytes={
                    **life.kept_bytes,
                    "validation": rows * (width + len(prepared.labelled.space)),
                },
                patient_rows=life.patient_rows + rows,
                single_patients=True,
            )
        )
    return tuple(told)


def _over_adaptor(prepared: Prepared, lived: tuple[Lived, ...]) -> tuple[Lived, ...]:
    """What stays behind, with the numbers of the Adaptor the run stands on, where there is one."""
    if prepared.pretrained is None:
        return lived
    beneath = {"pretrained": prepared.pretrained.bytes}
    return tuple(replace(life, kept_bytes={**life.kept_bytes, **beneath}) for life in lived)


def _peak_memory() -> int:
    """Bytes; Linux counts in KiB, macOS in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit

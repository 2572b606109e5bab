"""Run a recipe: folds, one refit, scores, calibration, numbers with intervals, one folder.

Choices are made out of fold on train and val; the test split is scored once, by the refit.
"""

import os
import platform
import resource
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from jaxtyping import Int

from carina.bundles import write_taught
from carina.core import PARTIAL, fingerprint, generator, partial_folder, read_json, write_json
from carina.evaluation import (
    OUT_OF_FOLD,
    EncoderUsed,
    ExperienceResult,
    Part,
    PartResults,
    Results,
    Scores,
    assess,
    write_results,
    write_scores,
)
from carina.learning import load_learner, save_setting
from carina.measures import Sigmoid
from carina.recipes.calibrate import Calibrated, calibrate, decided
from carina.recipes.citations import citations
from carina.recipes.passes import Lived, Pass, Progress, Walked, learners_left, walk, walked
from carina.recipes.preparation import Prepared
from carina.recipes.recipe import Continual, beside_its_plan
from carina.recipes.records import cards_used, rules_of
from carina.recipes.standing import alone_in
from carina.recipes.streaming import refuse_unlearnable, told_and_shown
from carina.recipes.teaching import taught_by
from carina.streams import Ground, Stream, lay_out, written

__all__ = ["Finished", "run", "run_name"]

_RANKED = ("auroc", "auroc_authors", "average_precision")


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
    _tidy(out, name)
    yield Finished(folder=out / name, results=read_json(whole, Results))


def _worked(
    recipe: Continual, prepared: Prepared, stream: Stream, ground: Ground, out: Path, name: str
) -> Iterator[Progress]:
    """The whole run, up to its folder under its final name."""
    final, unfinished = out / name, out / f"{name}.unfinished"
    seconds: dict[str, float] = {}
    started = perf_counter()
    folds = prepared.labelled.patients % recipe.folds
    passes = [_fold(prepared, folds, fold) for fold in range(recipe.folds)]
    passes.append(Pass(name="refit", learn=prepared.learn, score=prepared.test))
    for this in passes:
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
    yield Progress(stage="intervals", experience="", done=0, of=1)
    before = perf_counter()
    steps = len(stream.experiences) + 1
    outside = _gathered(passes[:-1], unfinished, steps, prepared.learn)
    refit = walked(unfinished / "refit", steps)
    left = learners_left(unfinished / "refit", steps)
    learners = [load_learner(path, setting=prepared.setting) for path in left[1:]]
    own: list[Mapping[int, Sigmoid]] = [
        {stream.space.index(label): sigmoid for label, sigmoid in learner.calibration.items()}
        for learner in learners
    ]
    told, shown = told_and_shown(stream, prepared)
    calibration = calibrate(outside.difference, told, shown, own)
    tables = {
        OUT_OF_FOLD: _scores(OUT_OF_FOLD, prepared, stream, prepared.learn, outside, calibration),
        "test": _scores("test", prepared, stream, prepared.test, refit, calibration),
    }
    results = _results(recipe, prepared, stream, tables, refit.lived, name)
    seconds["intervals"] = perf_counter() - before
    seconds["total"] = perf_counter() - started
    results = replace(results, seconds=seconds, peak_memory_bytes=_peak_memory())
    with partial_folder(final) as folder:
        write_json(folder / "recipe.json", beside_its_plan(recipe))
        write_json(folder / "environment.json", _environment(prepared))
        write_json(folder / "plan.json", written(stream, ground))
        write_json(folder / "rules.json", rules_of(calibration, stream.space.names))
        write_json(folder / "encoders.json", cards_used(prepared.cards))
        write_taught(folder / "taught.parquet", taught_by(stream, prepared.labelled, recipe.salt))
        save_setting(folder / "setting", prepared.setting)
        write_scores(folder / "scores.parquet", *tables.values())
        write_results(folder / "results.json", results)
        for step, path in enumerate(left):  # copied: until the folder is whole, all can be redone
            shutil.copytree(path, folder / "learners" / f"{step:03}")


def _tidy(out: Path, name: str) -> None:
    """Remove what this attempt, and killed ones before it, needed beside the run that is whole."""
    for path in (out / f"{name}.unfinished", *out.glob(f"{PARTIAL}*-{name}")):
        shutil.rmtree(path, ignore_errors=True)


def _fold(prepared: Prepared, folds: Int[np.ndarray, " images"], fold: int) -> Pass:
    mine = folds[prepared.learn] == fold
    return Pass(name=f"fold-{fold}", learn=prepared.learn[~mine], score=prepared.learn[mine])


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


def _taught(stream: Stream) -> Int[np.ndarray, " labels"]:
    """The step, from 1, that first showed each finding; 0 where none did."""
    return np.array([stream.taught.get(name, 0) for name in stream.space.names], dtype=np.int64)


def _scores(
    name: str,
    prepared: Prepared,
    stream: Stream,
    rows: Int[np.ndarray, " rows"],
    answers: Walked,
    calibration: tuple[dict[int, Calibrated], ...],
) -> Scores:
    probability, decision = decided(answers.difference, calibration)
    labelled = prepared.labelled
    return Scores(
        part=Part(
            name=name,
            images=tuple(prepared.digests[row] for row in rows),
            patients=_ordinals(labelled.patients, rows),
            target=labelled.target[rows] & prepared.certain[rows],
            known=prepared.certain[rows],
            unseen=None if prepared.unseen is None else prepared.unseen[rows],
        ),
        space=stream.space,
        experiences=tuple(experience.name for experience in stream.experiences),
        difference=answers.difference,
        positive=answers.positive,
        probability=probability,
        decision=decision,
        why_undefined=_why(prepared, stream),
    )


def _ordinals(
    patients: Int[np.ndarray, " images"], rows: Int[np.ndarray, " rows"]
) -> Int[np.ndarray, " rows"]:
    """Patients as 0, 1, ...: enough to resample them, and nothing that leads back to one."""
    return np.unique(patients[rows], return_inverse=True)[1].reshape(-1).astype(np.int64)


def _why(prepared: Prepared, stream: Stream) -> dict[str, str]:
    reason = prepared.why_no_zero_shot or "not met by this step"
    return dict.fromkeys(
        stream.space.names,
        f"not met by this step; {reason}" if prepared.why_no_zero_shot else reason,
    )


def _groups(recipe: Continual, prepared: Prepared) -> dict[str, tuple[str, ...]]:
    """Headline first, then all findings, then those with ten positive test patients or more."""
    labelled, names = prepared.labelled, prepared.labelled.space.names
    headline = recipe.headline or names
    positive = [
        len(np.unique(labelled.patients[prepared.test][labelled.target[prepared.test, column]]))
        for column in range(len(names))
    ]
    common = tuple(n for n, count in zip(names, positive, strict=True) if count >= 10)
    groups = {f"{len(headline)} findings": headline}
    if set(headline) != set(names):
        groups[f"all {len(names)}"] = names
    if common and set(common) != set(headline):
        groups[f"{len(common)} with 10 positive test patients or more"] = common
    return groups


def _results(
    recipe: Continual,
    prepared: Prepared,
    stream: Stream,
    tables: dict[str, Scores],
    lived: tuple[Lived, ...],
    name: str,
) -> Results:
    groups, taught = _groups(recipe, prepared), _taught(stream)

    def assessed(scores: Scores, purpose: str, **metrics: tuple[str, ...]) -> PartResults:
        rng = generator(recipe.seed, "resamples", purpose)
        numbers = assess(
            scores, groups=groups, taught=taught, draws=recipe.draws, rng=rng, **metrics
        )
        return PartResults(
            images=len(scores.part.images),
            patients=len(np.unique(scores.part.patients)),
            macro=numbers.macro,
            summary=numbers.summary,
        )

    test = tables["test"]
    numbers = assess(
        test,
        groups=groups,
        taught=taught,
        draws=recipe.draws,
        rng=generator(recipe.seed, "resamples", "test"),
    )
    unseen = test.part.unseen
    return Results(
        run=name,
        recipe=recipe.name,
        strategy=type(recipe.strategy).__name__,
        source=prepared.source,
        plan_kind=stream.kind,
        plan_variant=stream.variant,
        plan_id=stream.plan_id,
        seed=recipe.seed,
        labels=stream.space.names,
        taught=tuple(int(step) for step in taught),
        groups=groups,
        headline=next(iter(groups)),
        experiences=_experiences(prepared, stream, lived),
        zero_shot=not prepared.why_no_zero_shot,
        why_no_zero_shot=prepared.why_no_zero_shot,
        scores=numbers.scores,
        baseline=numbers.baseline,
        macro=numbers.macro,
        summary=numbers.summary,
        test_images=len(test.part.images),
        test_patients=len(np.unique(test.part.patients)),
        out_of_fold=assessed(tables[OUT_OF_FOLD], OUT_OF_FOLD, metrics=_RANKED),
        unseen=None
        if unseen is None or not unseen.any()
        else assessed(test.limited_to(unseen), "unseen"),
        encoders=tuple(
            EncoderUsed(
                name=card.name,
                fingerprint=card.fingerprint,
                weights=card.weights,
                modality=card.modality,
                dim=card.dim,
                licence=card.licence,
                citation=card.citation,
                exposed=exposed,
            )
            for card, exposed in zip(prepared.cards, prepared.exposed, strict=True)
        ),
        set_aside=dict(prepared.set_aside),
        leaks=prepared.leaks,
        seconds={},
        peak_memory_bytes=0,
        citations=citations(recipe, prepared.cards),
    )


def _experiences(
    prepared: Prepared, stream: Stream, lived: tuple[Lived, ...]
) -> tuple[ExperienceResult, ...]:
    patients = prepared.labelled.patients
    return tuple(
        ExperienceResult(
            name=experience.name,
            visible=experience.visible,
            images=len(experience.rows),
            patients=len(np.unique(patients[experience.rows])),
            retracts=experience.retracts,
            confounding=dict(experience.confounding),
            marks=(*experience.marks, *life.marks),
            seconds=life.seconds,
            optimiser_steps=life.optimiser_steps,
            kept_bytes=life.kept_bytes,
            fewest_patients=life.fewest_patients,
            single_patients=life.single_patients,
            patient_rows=life.patient_rows,
        )
        for experience, life in zip(stream.experiences, lived, strict=True)
    )


def _peak_memory() -> int:
    """Bytes; Linux counts in KiB, macOS in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _environment(prepared: Prepared) -> dict[str, object]:
    """What the numbers were made with; nothing that names the machine or its user."""
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "packages": {name: version(name) for name in ("carina", "numpy", "torch", "transformers")},
        "self_checks": {
            card.name: check
            for card, check in zip(prepared.cards, prepared.checks, strict=False)
            if check is not None
        },
    }

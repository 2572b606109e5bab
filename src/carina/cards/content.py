"""The tables of a run's card, made from its results."""

from carina.cards.tables import (
    Cell,
    Table,
    duration,
    estimated,
    plain,
    pointer,
    size,
    text,
    told,
)
from carina.core import Estimate
from carina.evaluation import ExperienceResult, PartResults, Results

__all__ = [
    "METRIC_NAMES",
    "chosen_where",
    "encoder_table",
    "encoders_of",
    "finding_rows",
    "finding_table",
    "groups_of",
    "kept_table",
    "macro_rows",
    "mean_table",
    "plan_table",
    "record_table",
    "set_aside_table",
    "step_table",
    "time_table",
]

METRIC_NAMES = {
    "auroc": "AUROC",
    "auroc_authors": "authors' AUROC",
    "average_precision": "AP",
    "f1": "F1",
    "brier": "Brier",
    "ece": "ECE",
}
"""What each metric is called at the head of a column."""

_NOT_OUTSIDE = "not measured here: probabilities and thresholds were fitted to these very answers"
_SMALLER = "AP is average precision. Of Brier and ECE smaller is better; the ECE of a resample tends upwards, so its interval may lie above its value."


def macro_rows(results: Results) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the headline after each experience."""
    return plain(step_table(results))


def finding_rows(results: Results) -> tuple[list[str], list[list[str]]]:
    """Header and rows of every finding after the last experience."""
    return plain(finding_table(results))


def groups_of(results: Results) -> tuple[str, ...]:
    """Names of the groups of findings, the headline first."""
    return tuple(dict.fromkeys([results.headline, *results.groups]))


def encoders_of(results: Results) -> str:
    """The encoders side by side, those that have seen films of this data set with a dagger."""
    return " + ".join(f"{e.name}{' †' if e.exposed else ''}" for e in results.encoders)


def chosen_where(results: Results) -> str:
    """On which films calibration and thresholds were chosen, to stand behind a verb."""
    return "on val, held apart" if results.held_apart else "out of fold"


def marked(caption: str, results: Results) -> str:
    """A caption, with a double dagger where the split leaks: then every figure under it is too good."""
    return f"{caption} ‡" if results.leaks else caption


def step_table(results: Results) -> Table:
    """The headline after each experience, and what it took."""
    rows = []
    for step, experience in enumerate(results.experiences):
        macros = [
            estimated(
                results.macro[metric][results.headline][step],
                *("macro", metric, results.headline, step),
            )
            for metric in METRIC_NAMES
        ]
        rows.append(
            (
                _experience(results, step),
                text(f"{_scored(results, step)} of {len(results.groups[results.headline])}"),
                *macros,
                _kept(experience, step),
                _seconds(experience.lived.seconds, "experiences", step, "lived", "seconds"),
            )
        )
    return Table(
        caption=marked(
            f"After each experience: mean over {results.headline}, of those scored by then", results
        ),
        header=("experience", "findings", *METRIC_NAMES.values(), "kept", "seconds"),
        rows=tuple(rows),
    )


def _scored(results: Results, step: int) -> int:
    names = results.groups[results.headline]
    return sum(results.scores["auroc"][step][name].defined for name in names)


def _experience(results: Results, step: int) -> Cell:
    return told(results.experiences[step].name, "experiences", step, "name")


def _kept(experience: ExperienceResult, step: int) -> Cell:
    kept = experience.lived.kept_bytes
    return _bytes(sum(kept.values()), "experiences", step, "lived", "kept_bytes", "*")


def _bytes(count: int, *place: str | int) -> Cell:
    return Cell(text=size(count), pointer=pointer(*place), form="size", detail=f"{count} bytes")


def _seconds(seconds: float, *place: str | int) -> Cell:
    return Cell(text=duration(seconds), pointer=pointer(*place), form="duration")


def finding_table(results: Results) -> Table:
    """Every finding after the last step: all metrics, and how many positives stand behind them."""
    last = len(results.experiences) - 1
    rows = []
    for name in results.labels:
        cells = [
            estimated(results.scores[metric][last][name], "scores", metric, last, name)
            for metric in METRIC_NAMES
        ]
        positives = results.scores["auroc"][last][name].positives
        rows.append(
            (text(name), told(positives, "scores", "auroc", last, name, "positives"), *cells)
        )
    return Table(
        caption=marked(
            f"Every finding after the last step, on {results.test_images} test films", results
        ),
        header=("finding", "positive films", *METRIC_NAMES.values()),
        rows=tuple(rows),
        notes=(_SMALLER,),
    )


def mean_table(results: Results) -> Table:
    """Means over groups of findings: on the test films, the unseen ones, and those of choices."""
    about = f"{results.test_images} films of {results.test_patients} patients"
    rows = _means(Cell(text="test", small=about), results.summary, ("summary",), results)
    if results.unseen is not None:
        rows += _part("test, surely unseen", results.unseen, "unseen", results)
    where = "val, held apart" if results.held_apart else "out of fold"
    rows += _part(where, results.out_of_fold, "out_of_fold", results)
    return Table(
        caption=marked("Means after the last step", results),
        header=("films", "findings", *METRIC_NAMES.values()),
        rows=tuple(rows),
        notes=(
            "Val, held apart: patients that no learner saw; calibration and thresholds are theirs."
            if results.held_apart
            else "Out of fold: the training patients, each scored by a learner that never saw them.",
        ),
        words=(1,),
    )


def _part(name: str, part: PartResults, place: str, results: Results) -> list[tuple[Cell, ...]]:
    about = f"{part.images} films of {part.patients} patients"
    return _means(Cell(text=name, small=about), part.summary, (place, "summary"), results)


def _means(
    name: Cell,
    summary: dict[str, dict[str, Estimate]],
    place: tuple[str, ...],
    results: Results,
) -> list[tuple[Cell, ...]]:
    rows = []
    for group in groups_of(results):
        cells = [
            estimated(summary[metric][group], *place, metric, group)
            if metric in summary
            else Cell(text="undefined", undefined=_NOT_OUTSIDE)
            for metric in METRIC_NAMES
        ]
        rows.append((name, text(group), *cells))
    return rows


def kept_table(results: Results) -> Table:
    """Bytes by kind after each experience, and how many patients stand behind any sum."""
    kinds = sorted({kind for e in results.experiences for kind in e.lived.kept_bytes})
    rows = []
    for step, experience in enumerate(results.experiences):
        place, lived = ("experiences", step, "lived"), experience.lived
        by_kind = [
            _bytes(lived.kept_bytes[kind], *place, "kept_bytes", kind)
            if kind in lived.kept_bytes
            else text("none")
            for kind in kinds
        ]
        fewest = lived.fewest_patients
        single = lived.single_patients
        rows.append(
            (
                _experience(results, step),
                *by_kind,
                _kept(experience, step),
                text("no sum") if fewest is None else told(fewest, *place, "fewest_patients"),
                Cell(text="yes" if single else "no", pointer=pointer(*place, "single_patients")),
                told(lived.patient_rows, *place, "patient_rows"),
            )
        )
    return Table(
        caption="What stays behind after each experience",
        header=(
            "experience",
            *kinds,
            "all",
            "fewest patients in a sum",
            "of single patients",
            "rows of patients",
        ),
        rows=tuple(rows),
    )


def plan_table(results: Results) -> Table:
    """The steps as they were lived."""
    rows = []
    for step, experience in enumerate(results.experiences):
        place = ("experiences", step)
        shown = len(experience.visible)
        names = ", ".join(experience.visible) if shown < 4 else f"{shown} findings"
        rows.append(
            (
                _experience(results, step),
                text(names),
                told(experience.images, *place, "images"),
                told(experience.patients, *place, "patients"),
                told(experience.lived.optimiser_steps, *place, "lived", "optimiser_steps"),
                _seconds(experience.lived.seconds, *place, "lived", "seconds"),
                text("; ".join((*experience.marks, *experience.lived.marks)) or "none"),
            )
        )
    return Table(
        caption=f"The plan: {results.plan_kind}, {results.plan_variant}",
        header=(
            "experience",
            "findings shown",
            "films",
            "patients",
            "optimiser steps",
            "seconds",
            "marks",
        ),
        rows=tuple(rows),
        words=(1, 6),
    )


def time_table(results: Results) -> Table:
    """Wall-clock time by stage and the largest memory."""
    stages = sorted(results.seconds, key=lambda stage: (stage == "total", stage))
    rows = [(text(s), _seconds(results.seconds[s], "seconds", s)) for s in stages]
    memory = _bytes(results.peak_memory_bytes, "peak_memory_bytes")
    return Table(
        caption="Time and memory",
        header=("stage", "seconds"),
        rows=(*rows, (text("largest resident memory"), memory)),
    )


def encoder_table(results: Results) -> Table:
    """The frozen encoders, with licence and what they have seen."""
    rows = [
        (
            Cell(text=encoder.name + (" †" if encoder.exposed else "")),
            told(encoder.modality, "encoders", index, "modality"),
            told(encoder.dim, "encoders", index, "dim"),
            told(encoder.licence, "encoders", index, "licence"),
            told(encoder.citation or "none stated", "encoders", index, "citation"),
            told(encoder.fingerprint, "encoders", index, "fingerprint"),
        )
        for index, encoder in enumerate(results.encoders)
    ]
    return Table(
        caption="Frozen encoders",
        header=("encoder", "modality", "width", "licence", "citation", "fingerprint"),
        rows=tuple(rows),
        words=(1, 3, 4, 5),
    )


def set_aside_table(results: Results) -> Table:
    """Films that could not be read, by reason."""
    return Table(
        caption="Films set aside",
        header=("reason", "films"),
        rows=tuple(
            (text(reason), told(count, "set_aside", reason))
            for reason, count in sorted(results.set_aside.items())
        ),
    )


def record_table(results: Results) -> Table:
    """What to ask for, to have the same run again."""
    rows = [
        ("run", told(results.run, "run")),
        ("recipe", told(results.recipe, "recipe")),
        ("strategy", told(results.strategy, "strategy")),
        ("data set", told(results.source, "source")),
        ("plan id", told(results.plan_id, "plan_id")),
        ("seed", told(results.seed, "seed")),
        ("form of results.json", told(results.schema_version, "schema_version")),
    ]
    return Table(
        caption="Reproducing it",
        header=("", ""),
        rows=tuple((text(name), cell) for name, cell in rows),
        words=(1,),
    )

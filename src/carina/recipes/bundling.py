"""From a run's folder to a bundle."""

from pathlib import Path

from carina.adaptors import pack_alignment
from carina.bundles import Bundle, Lesson, Taught, UpdateState, read_taught
from carina.core import InvalidValue, MissingFile, dump, read_json
from carina.evaluation import Results, read_results
from carina.learning import Learner, load_learner, load_setting
from carina.recipes.recipe import Continual
from carina.recipes.records import CardsUsed, Rules

__all__ = ["bundle_of", "state_of", "taught_in"]

_NEEDED = ("recipe.json", "rules.json", "encoders.json", "setting", "learners")


def bundle_of(
    folder: Path, *, after: int | None = None, updatable: bool = False
) -> tuple[Bundle, UpdateState | None]:
    """The bundle of a run as it stood after an experience, and what learning on from there needs.

    Args:
        folder: The run's.
        after: After how many experiences; all of them where not given.
        updatable: Whether to give the update state too. Only the last learner of a run has one.

    Raises:
        MissingFile: where the folder is no finished run, or one from before there were bundles.
        InvalidValue: where the run has no such step, or none of its findings can be scored by then.
    """
    results = read_results(folder / "results.json")
    if missing := [name for name in _NEEDED if not (folder / name).exists()]:
        raise MissingFile(
            f"The run {folder.name} has no {missing[0]!r}: an earlier carina made it. "
            "Move its folder away and run the recipe again."
        )
    last = len(results.experiences)
    step = last if after is None else after
    _check_step(results, step, updatable=updatable)
    learner = load_learner(
        folder / "learners" / f"{step:03}", setting=load_setting(folder / "setting")
    )
    if learner.readout is None or not learner.readout.labels:
        raise InvalidValue(
            f"After step {step} the run {folder.name} has nothing that predicts. Name a later one: "
            "--after K."
        )
    labels, cards = learner.readout.labels, read_json(folder / "encoders.json", CardsUsed)
    rules = {rule.label: rule for rule in read_json(folder / "rules.json", Rules).steps[step]}
    measured = results.scores["auroc"][step - 1]
    bundle = Bundle(
        readout=learner.readout,
        rules=tuple(rules[label] for label in labels if label in rules),
        encoders=cards.images,
        text_encoder=cards.text,
        lineage=(_lesson(results, step),),
        auroc={label: measured[label] for label in labels if label in measured},
        single_patients=learner.single_patients,
    )
    if not updatable:
        return bundle, None
    if learner.patient_rows:
        raise InvalidValue(
            f"The learner keeps {learner.patient_rows} rows of single patients' features, and those "
            "leave no house. Leave --updatable out, or run a strategy that keeps sums (Ridge)."
        )
    return bundle, state_of(learner, read_json(folder / "recipe.json", Continual))


def taught_in(folder: Path) -> Taught | None:
    """Which cells of which films a run taught; None where an earlier carina made it."""
    path = folder / "taught.parquet"
    return read_taught(path) if path.is_file() else None


def _check_step(results: Results, step: int, *, updatable: bool) -> None:
    last = len(results.experiences)
    if not 1 <= step <= last:
        raise InvalidValue(
            f"The run {results.run} has the steps 1 to {last}; got {step}. Name one of them, or "
            "leave --after out for the last."
        )
    if updatable and step < last:
        raise InvalidValue(
            f"Of step {step} of {last} a run keeps what predicts, not what learning on needs. "
            "Leave --after or --updatable out."
        )


def _lesson(results: Results, step: int) -> Lesson:
    return Lesson(
        recipe=results.recipe,
        strategy=results.strategy,
        source=results.source,
        run=results.run,
        plan_id=results.plan_id,
        seed=results.seed,
        after=step,
        experiences=tuple(experience.name for experience in results.experiences[:step]),
    )


def state_of(learner: Learner, recipe: Continual) -> UpdateState:
    """All of the learner but its readout, and the recipe that made it."""
    setting = learner.setting
    aligned, tensors = (
        (None, {}) if setting.alignment is None else pack_alignment(setting.alignment)
    )
    return UpdateState(
        tensors={
            **learner.carried,
            **{name.replace(".", "/", 1): tensor for name, tensor in tensors.items()},
        },
        notes={
            "learner": dict(learner.notes),
            "calibration": dump(dict(learner.calibration)),
            "recipe": dump(recipe),
            "shared_space": setting.shared_space,
            "alignment": aligned,
        },
        fewest_patients=learner.fewest_patients,
        single_patients=learner.single_patients,
    )

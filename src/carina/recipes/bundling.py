"""From a run's folder to a bundle."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from carina.adaptors import PretrainedAdaptor, pack_alignment
from carina.bundles import Bundle, Lesson, Taught, UpdateState, read_taught
from carina.core import InvalidValue, MissingFile, dump, read_json
from carina.evaluation import Results, read_results
from carina.learning import Learner, leaving, load_adaptor, load_learner, load_setting
from carina.recipes.preparation import one_space
from carina.recipes.recipe import Continual
from carina.recipes.records import CardsUsed, Rules, answer_rules
from carina.streams import AllAtOnce

__all__ = ["bundle_of", "home_of", "state_of", "taught_in"]

_NEEDED = ("recipe.json", "rules.json", "encoders.json", "setting", "learners")


def bundle_of(
    folder: Path, *, after: int | None = None, updatable: bool = False
) -> tuple[Bundle, UpdateState | None]:
    """The bundle of a run as it stood after an experience, and what learning on from there needs.

    With an update state the bundle holds what may leave with sums (`leaving`), and no more.

    Args:
        folder: The run's.
        after: After how many experiences; all of them where not given.
        updatable: Whether to give the update state too. Only the last learner of a run has one.

    Raises:
        MissingFile: where the folder is no finished run, or one from before there were bundles.
        InvalidValue: where the run has no such step, or none of its findings can be scored by then
            or may leave.
    """
    results = read_results(folder / "results.json")
    if missing := [name for name in _NEEDED if not (folder / name).exists()]:
        raise MissingFile(_made_before(folder, missing[0]))
    last = len(results.experiences)
    step = last if after is None else after
    _check_step(results, step, updatable=updatable)
    learner, withheld = _learner(folder, step, leaves=updatable)
    bundle = _bundle(folder, results, step, learner)
    if not updatable:
        return bundle, None
    if learner.patient_rows:
        raise InvalidValue(
            f"The learner keeps {learner.patient_rows} rows of single patients' features, and those "
            "leave no house. Leave --updatable out, or run a strategy that keeps sums (Ridge)."
        )
    recipe = read_json(folder / "recipe.json", Continual)
    return bundle, state_of(learner, recipe, withheld)


def _bundle(folder: Path, results: Results, step: int, learner: Learner) -> Bundle:
    if learner.readout is None or not learner.readout.labels:
        raise InvalidValue(
            f"After step {step} the run {folder.name} has nothing that predicts. Name a later one: "
            "--after K."
        )
    labels, cards = learner.readout.labels, read_json(folder / "encoders.json", CardsUsed)
    found = read_json(folder / "rules.json", Rules).steps[step]
    rules = answer_rules(found, chosen="on val" if results.held_apart else "out of fold")
    measured = results.scores["auroc"][step - 1]
    return Bundle(
        readout=learner.readout,
        rules=tuple(rules[label] for label in labels if label in rules),
        encoders=cards.images,
        text_encoder=cards.text,
        pretrained=_pretrained(folder, cards),
        lineage=(_lesson(results, step),),
        auroc={label: measured[label] for label in labels if label in measured},
        single_patients=learner.single_patients,
    )


def _pretrained(folder: Path, cards: CardsUsed) -> PretrainedAdaptor | None:
    """The Adaptor a run stood on; encoders of one space have none over them, whatever was named."""
    place = folder / "adaptor"
    if place.is_dir():
        return load_adaptor(place)
    aligned = read_json(folder / "recipe.json", Continual).align
    if aligned is not None and aligned.adaptor and not one_space(cards.images, cards.text):
        raise MissingFile(_made_before(folder, "adaptor"))
    return None


def home_of(folder: Path) -> tuple[Bundle, UpdateState] | None:
    """The reader of a run and its update state as they stay here; None where all of it may leave.

    Raises:
        MissingFile, InvalidValue: as `bundle_of`.
    """
    results = read_results(folder / "results.json")
    step = len(results.experiences)
    out = leaving(_kept(folder, step))
    if out.home is out.learner:
        return None
    recipe = read_json(folder / "recipe.json", Continual)
    return _bundle(folder, results, step, out.home), state_of(out.home, recipe, {})


def taught_in(folder: Path) -> Taught | None:
    """Which cells of which films a run taught; None where an earlier carina made it."""
    path = folder / "taught.parquet"
    return read_taught(path) if path.is_file() else None


def _kept(folder: Path, step: int) -> Learner:
    return load_learner(
        folder / "learners" / f"{step:03}", setting=load_setting(folder / "setting")
    )


def _learner(folder: Path, step: int, *, leaves: bool) -> tuple[Learner, Mapping[str, str]]:
    """The learner after a step, or what may leave of it with sums, and what is withheld then."""
    learner = _kept(folder, step)
    if not leaves:
        return learner, {}
    out = leaving(learner)
    if learner.labels.names and not out.learner.labels.names:
        told = "; ".join(f"{label}: {why}" for label, why in out.withheld.items())
        raise InvalidValue(
            f"No finding of the run {folder.name} may leave with its sums ({told}). Leave "
            "--updatable out."
        )
    return out.learner, out.withheld


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


def _made_before(folder: Path, missing: str) -> str:
    return (
        f"The run {folder.name} has no {missing!r}: an earlier carina made it. "
        "Move its folder away and run the recipe again."
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


def state_of(learner: Learner, recipe: Continual, withheld: Mapping[str, str]) -> UpdateState:
    """All of the learner but its readout, and the recipe that made it.

    Args:
        learner: What is to learn on.
        recipe: Of the run; what it streamed does not matter any more, and is left out.
        withheld: Findings whose sums stayed behind, and why.
    """
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
            "recipe": dump(_without_places(recipe)),
            "shared_space": setting.shared_space,
            "alignment": aligned,
        },
        fewest_patients=learner.fewest_patients,
        single_patients=learner.single_patients,
        withheld=withheld,
    )


def _without_places(recipe: Continual) -> Continual:
    """A recipe without its plan; of paths, what does not tell whose they are."""
    aligned = recipe.align
    return replace(
        recipe,
        plan=AllAtOnce(),
        prompts=Path(recipe.prompts).name,
        align=aligned and replace(aligned, adaptor=Path(aligned.adaptor).name),
    )

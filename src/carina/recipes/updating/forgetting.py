"""A patient is taken out of a reader in service, and of every version that is kept of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int

from carina.bundles import (
    Bundle,
    Digests,
    Forgot,
    History,
    Taught,
    cell_codes,
    commit,
    open_history,
)
from carina.core import InvalidValue, Mismatch, UnknownName, generator
from carina.features import Store
from carina.learning import Learned, Learner, Retracts, leaving
from carina.recipes.bundling import state_of
from carina.recipes.teaching import learnable, shares
from carina.recipes.updating.films import films_in_store
from carina.recipes.updating.new_cells import Read, read_labels
from carina.recipes.updating.prompting import prompts_of
from carina.recipes.updating.restoring import Restored, at_home
from carina.streams import View
from carina.studies import Manifest, patient_codes

__all__ = ["TakenOut", "take_out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOut:
    """What became of a reader's versions.

    Attributes:
        freed: Versions that were freed of the patient.
        removed: Versions that could not be, and are gone.
        films: Films of the patient that had taught it.
        before: Whether the patient had been taken out before.
        first_unknown: Whether nobody knows what taught version 1.
        pretrained_on: Of how many patients' pairs the frozen Adaptor it stands on was learned, which
            is left as it is; None where it stands on none.
    """

    freed: tuple[int, ...]
    removed: tuple[int, ...]
    films: int
    before: bool
    first_unknown: bool
    pretrained_on: int | None


def take_out(folder: Path, patient: str, data: Manifest, store: Store) -> TakenOut:
    """Take back what a patient taught, in every version; the reader in service is freed, too.

    The patient's films and labels must be there as they were when they taught; whether they are,
    the history tells. Versions that cannot be freed are removed; where that would be the one in
    service, nothing is done. The patient is kept out of later updates.

    Args:
        folder: The bundle's.
        patient: The identifier, as the data's table has it.
        data: Where the patient's rows are.
        store: Where their features are.

    Raises:
        UnknownName: where the history knows of nothing that the patient taught.
        Mismatch: where films or labels are not those that taught.
        InvalidValue: where the reader in service cannot be freed, with what can be done.
        MissingFile, UnreadableFile: where bundle or history is missing, damaged or in use.
    """
    with open_history(folder) as history:
        history.check_serving()
        reader = at_home(history, history.lineage.serving)
        salt = reader.recipe.salt
        code = int(history.codes(patient_codes([patient], salt))[0])
        unknown = not history.lineage.taught_known
        beneath = reader.home.pretrained and reader.home.pretrained.patients
        if f"{code:016x}" in history.lineage.forgotten:
            return TakenOut(
                freed=(),
                removed=(),
                films=0,
                before=True,
                first_unknown=unknown,
                pretrained_on=beneath,
            )
        lessons = _lessons(history, code)
        if not lessons:
            raise UnknownName(
                "Nothing in the history says that this patient taught the reader. The identifier "
                "is compared letter by letter with the table's column of patients."
                + (" What taught version 1 is not known to it." if unknown else "")
            )
        rows = np.flatnonzero([name == patient for name in data.patient])
        films = films_in_store(data.take(rows), store, reader.home)
        known = tuple(dict.fromkeys(n for one in lessons.values() for n in one.labels))
        read = read_labels(films, reader.recipe, known)
        views = {
            number: _views(lesson, read, history, reader, number)
            for number, lesson in lessons.items()
        }
        freed, removed = _freed(history, views, code)
        serving = history.lineage.serving
        if serving in removed:
            raise InvalidValue(_cannot(history, removed, reader))
        event = Forgot(patient=f"{code:016x}", freed=freed, removed=tuple(removed))
        held = serving if str(serving) in freed else None
        commit(history, event, serve=held, remove=tuple(removed))
        return TakenOut(
            freed=tuple(int(number) for number in freed),
            removed=tuple(removed),
            films=len({int(image) for lesson in lessons.values() for image in lesson.images}),
            before=False,
            first_unknown=unknown,
            pretrained_on=beneath,
        )


def _lessons(history: History, code: int) -> dict[int, Taught]:
    """By version, what the patient taught in the lesson that made it."""
    found = {}
    for version in history.lineage.versions:
        lesson = history.lesson(version)
        if lesson is not None and (mine := lesson.patients == code).any():
            found[version] = lesson.limited_to(mine)
    return found


def _views(
    lesson: Taught, read: Read, history: History, reader: Restored, number: int
) -> tuple[View, ...]:
    """What the patient taught in a lesson, once for each time a cell was learned."""
    labelled, salt = read.labelled, reader.recipe.salt
    place = {code: row for row, code in enumerate(history.codes(labelled.images).tolist())}
    missing = sum(image not in place for image in lesson.images.tolist())
    if missing or not set(lesson.labels) <= set(labelled.space.names):
        raise Mismatch(_other_data(number, missing, len(lesson.images)))
    rows = np.array([place[image] for image in lesson.images.tolist()], dtype=np.int64)
    columns = labelled.space.indices(lesson.labels)
    share = shares(labelled)[rows][:, columns]
    there = learnable(labelled)[rows][:, columns]
    said = history.codes(cell_codes(labelled.images[rows], share, lesson.times, salt))
    changed = (said != lesson.cells) | ((lesson.times > 0) & ~there).any(axis=1)
    if changed.any():
        raise Mismatch(_other_data(number, int(changed.sum()), len(lesson.images)))
    return tuple(
        _view(read, lesson, rows, columns, lesson.times >= time)
        for time in range(1, int(lesson.times.max(initial=0)) + 1)
    )


def _view(
    read: Read,
    lesson: Taught,
    rows: Int[np.ndarray, " rows"],
    columns: Sequence[int],
    cells: np.ndarray,
) -> View:
    labelled = read.labelled
    known = labelled.known[rows][:, columns] & cells
    soft = None
    if labelled.soft is not None:
        left = np.where(cells, labelled.soft[rows][:, columns], np.float32(np.nan))
        soft = None if np.isnan(left).all() else torch.from_numpy(left)
    return View(
        name="taken back",
        labels=lesson.labels,
        rows=labelled.picked(rows),
        target=torch.from_numpy(labelled.target[rows][:, columns] & known),
        known=torch.from_numpy(known),
        patients=torch.from_numpy(labelled.patients[rows]),
        images=torch.from_numpy(labelled.images[rows]),
        soft=soft,
    )


def _freed(
    history: History, views: Mapping[int, tuple[View, ...]], code: int
) -> tuple[dict[str, Digests], list[int]]:
    """Every version that held the patient, freed and laid out, or to be removed."""
    freed: dict[str, Digests] = {}
    removed: list[int] = []
    for version in history.lineage.versions:
        held = [number for number in history.lineage.descent(version) if number in views]
        if not held:
            continue
        reader = at_home(history, version)
        if not isinstance(reader.recipe.strategy, Retracts):
            removed.append(version)
            continue
        out = leaving(_retracted(reader, [view for number in held for view in views[number]]))
        served = _with(reader.home, out.learner)
        home = None if out.home is out.learner else _with(reader.home, out.home)
        lesson = history.lesson(version)
        freed[str(version)] = history.stage_version(
            version,
            served,
            state_of(out.learner, reader.recipe, out.withheld),
            home=None if home is None else (home, state_of(out.home, reader.recipe, {})),
            taught=None if lesson is None else lesson.limited_to(lesson.patients != code),
        )
    return freed, removed


def _retracted(reader: Restored, views: Sequence[View]) -> Learner:
    learner, strategy = reader.learner, reader.recipe.strategy
    assert isinstance(strategy, Retracts)  # noqa: S101 - asked before
    for index, view in enumerate(views):
        asked = replace(view, prompts=prompts_of(reader.home, reader.recipe.prompts, view.labels))
        rng = generator(reader.recipe.seed, "take out", index)
        *_, last = strategy.retract(learner, asked, rng=rng)
        assert isinstance(last, Learned)  # noqa: S101 - a strategy ends with it
        learner = last.learner
    return learner


def _with(bundle: Bundle, learner: Learner) -> Bundle:
    """The bundle of a learner that took something back; thresholds stay, no film can choose others."""
    readout = learner.readout
    assert readout is not None  # noqa: S101 - it was there before
    rules = tuple(
        replace(rule, slope=own.slope, intercept=own.intercept)
        if (own := learner.calibration.get(rule.label)) is not None
        else rule
        for rule in bundle.rules
        if rule.label in readout.labels
    )
    return replace(
        bundle,
        readout=readout,
        rules=rules,
        auroc={name: known for name, known in bundle.auroc.items() if name in readout.labels},
        single_patients=learner.single_patients,
    )


def _other_data(number: int, other: int, of: int) -> str:
    return (
        f"{other or 'Some'} of the {of} film(s) by which this patient taught version {number} are "
        "not in these data, or have other labels now. What was learned can be taken back only as "
        "it was: name the data as they were."
    )


def _cannot(history: History, removed: Sequence[int], reader: Restored) -> str:
    """Why the reader in service cannot be freed, and what can be done."""
    kind = type(reader.recipe.strategy).__name__
    left = [number for number in history.lineage.versions if number not in removed]
    do = (
        f"Version {max(left)} never met this patient: carina rollback {history.bundle.name} --to "
        f"{max(left)}, then give the same command again."
        if left
        else "No version is without this patient: run the recipe again without them."
    )
    return f"{kind} cannot take back what it learned, so nothing was done. {do}"

"""What of new data an update learns: cells nobody taught before, of patients it may learn from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from carina.bundles import History, Taught, cell_codes
from carina.core import InvalidValue, salted, unknown
from carina.recipes.recipe import Continual
from carina.recipes.teaching import learnable, shares
from carina.recipes.updating.films import Films
from carina.recipes.updating.protocol import UpdateProtocol
from carina.streams import Labelled
from carina.studies import LabelSpace, Split, Targets, patient_codes

__all__ = ["NewCells", "Read", "Waiting", "new_cells", "read_labels"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Read:
    """Films with their labels as a reader's recipe reads them.

    Attributes:
        films: Which.
        labelled: With every cell that says something.
        certain: (films, labels): cells that may be scored: no policy has guessed them.
    """

    films: Films
    labelled: Labelled
    certain: Bool[np.ndarray, "films labels"]

    @property
    def truth(self) -> Bool[np.ndarray, "films labels"]:
        """Whether a finding is present, where certain."""
        return np.asarray(self.labelled.target & self.certain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A finding whose new cells come from too few patients to be learned.

    Attributes:
        positives: Patients with a positive cell.
        negatives: Patients with a negative cell.
        wanted: Of either.
    """

    positives: int
    negatives: int
    wanted: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NewCells:
    """What there is to learn, and what is left out.

    Attributes:
        labelled: Every film, but of `learned` findings and cells to learn alone.
        learn: Rows to learn from.
        held_back: Rows of patients whom the data hold back for testing and who never taught.
        waiting: By finding.
        passed_over: Cells that taught the reader before.
        corrected: Films whose labels are not those that taught the reader before.
        set_aside: Films left out, by reason.
    """

    labelled: Labelled
    learn: Int[np.ndarray, " learn"]
    held_back: Int[np.ndarray, " held"]
    waiting: Mapping[str, Waiting]
    passed_over: int
    corrected: int
    set_aside: Mapping[str, int]

    @property
    def learned(self) -> tuple[str, ...]:
        """The findings that are learned, in the order of the columns."""
        return self.labelled.space.names


def read_labels(films: Films, recipe: Continual, known: tuple[str, ...]) -> Read:
    """Films with their labels: those of the findings a reader knows in its order, then others."""
    there = films.manifest.space.names
    names = (*(n for n in known if n in there), *(n for n in there if n not in known))
    space = LabelSpace(names=names)
    cells = films.manifest.labels[:, films.manifest.space.indices(names)]
    targets: Targets = recipe.policy.apply(cells, space)
    return Read(
        films=films,
        labelled=Labelled(
            features=films.features,
            target=targets.target,
            known=targets.known,
            soft=targets.soft,
            patients=patient_codes(films.manifest.patient, recipe.salt),
            images=np.array([salted(d, recipe.salt) for d in films.digests], dtype=np.int64),
            space=space,
        ),
        certain=targets.certain,
    )


def new_cells(
    read: Read,
    *,
    history: History,
    recipe: Continual,
    locked: Read | None,
    protocol: UpdateProtocol,
) -> NewCells:
    """What of the films the reader in service may learn.

    Args:
        read: The films.
        history: The reader's.
        recipe: By which it learns.
        locked: The locked test set, whose patients are never learned from.
        protocol: From how many patients a finding is learned, and which findings.

    Raises:
        InvalidValue: where there is no cell to learn, saying why.
        UnknownName: where the protocol names a finding the data have not.
    """
    labelled, names = read.labelled, read.labelled.space.names
    for name in protocol.findings:
        if name not in names:
            raise unknown("finding of these data", name, names)
    there = learnable(labelled)
    if not there.any():
        raise InvalidValue(
            "The data have no label to learn from: every cell is uncertain or unmentioned under "
            "the reader's label policy. See: carina check DATA --policies."
        )
    lessons = history.taught(history.lineage.serving)
    images = history.codes(labelled.images)
    reasons = _left_out(read, history, locked)
    usable = np.array([not reason for reason in reasons])
    split = np.array(read.films.manifest.split)
    before = _before(images, lessons, names)
    wanted = np.array([not protocol.findings or name in protocol.findings for name in names])
    learn = usable & np.isin(split, [Split.TRAIN, Split.VAL])
    fresh = there & ~before & learn[:, None] & wanted
    waiting = _waiting(labelled, fresh, protocol.learn_from)
    columns = [
        column
        for column, name in enumerate(names)
        if fresh[:, column].any() and name not in waiting
    ]
    passed_over = int((there & before & learn[:, None] & wanted).sum())
    if not columns and not waiting:
        raise InvalidValue(_nothing(passed_over, reasons))
    taught_before = np.isin(
        history.codes(labelled.patients), _concatenated([lesson.patients for lesson in lessons])
    )
    return NewCells(
        labelled=_masked(labelled, fresh, columns),
        learn=np.flatnonzero(fresh[:, columns].any(axis=1)),
        held_back=np.flatnonzero(usable & (split == Split.TEST) & ~taught_before),
        waiting=waiting,
        passed_over=passed_over,
        corrected=_corrected(read, images, lessons, history, recipe.salt),
        set_aside=_counted([*reasons, *_not_learned(split, usable, taught_before)]),
    )


_LOCKED = "of a patient of the locked test set"
_FORGOTTEN = "of a patient who was taken out"
_NO_TASK = "in the split 'pretrain'"
_HELD_BACK = "held back by the data's split, so never learned"
_NOT_APART = "held back by the data's split, but their patient taught the reader before"


def _left_out(read: Read, history: History, locked: Read | None) -> list[str]:
    """Why each film has no part in the update; "" where it has."""
    patients = history.codes(read.labelled.patients).tolist()
    apart: set[int] = set()
    films: set[int] = set()
    if locked is not None:
        apart = set(locked.labelled.patients.tolist())
        films = set(locked.labelled.images.tolist())
    reasons = []
    for row, patient in enumerate(read.labelled.patients.tolist()):
        if patient in apart or int(read.labelled.images[row]) in films:
            reasons.append(_LOCKED)
        elif f"{patients[row]:016x}" in history.lineage.forgotten:
            reasons.append(_FORGOTTEN)
        else:
            reasons.append(_NO_TASK if read.films.manifest.split[row] == Split.PRETRAIN else "")
    return reasons


def _not_learned(
    split: np.ndarray, usable: Bool[np.ndarray, " films"], taught: Bool[np.ndarray, " films"]
) -> list[str]:
    held = usable & (split == Split.TEST)
    return [_NOT_APART if before else _HELD_BACK for before in taught[held].tolist()]


def _before(
    images: Int[np.ndarray, " films"], lessons: Sequence[Taught], names: tuple[str, ...]
) -> Bool[np.ndarray, "films labels"]:
    """Which cells taught the reader before."""
    before = np.zeros((len(images), len(names)), dtype=bool)
    for lesson in lessons:
        for column, name in enumerate(names):
            if name in lesson.labels:
                shown = lesson.times[:, lesson.labels.index(name)] > 0
                before[:, column] |= np.isin(images, lesson.images[shown])
    return before


def _waiting(
    labelled: Labelled, fresh: Bool[np.ndarray, "films labels"], wanted: int
) -> dict[str, Waiting]:
    waiting = {}
    for column, name in enumerate(labelled.space.names):
        shown, present = fresh[:, column] & labelled.known[:, column], labelled.target[:, column]
        positives, negatives = (
            len(np.unique(labelled.patients[shown & side])) for side in (present, ~present)
        )
        if fresh[:, column].any() and min(positives, negatives) < wanted:
            waiting[name] = Waiting(positives=positives, negatives=negatives, wanted=wanted)
    return waiting


def _masked(
    labelled: Labelled, fresh: Bool[np.ndarray, "films labels"], columns: list[int]
) -> Labelled:
    """Some findings and their fresh cells alone."""
    shown = fresh[:, columns]
    known = labelled.known[:, columns] & shown
    soft = labelled.soft
    return Labelled(
        features=labelled.features,
        target=labelled.target[:, columns] & known,
        known=known,
        soft=None if soft is None else _soft(soft[:, columns], shown),
        patients=labelled.patients,
        images=labelled.images,
        space=LabelSpace(names=tuple(labelled.space.names[column] for column in columns)),
    )


def _soft(
    soft: Float[np.ndarray, "films labels"], shown: Bool[np.ndarray, "films labels"]
) -> Float[np.ndarray, "films labels"] | None:
    left = np.where(shown, soft, np.float32(np.nan))
    return None if np.isnan(left).all() else left


def _corrected(
    read: Read,
    images: Int[np.ndarray, " films"],
    lessons: Sequence[Taught],
    history: History,
    salt: str,
) -> int:
    """Films whose cells are all there again, and do not say what they said when they taught."""
    labelled, names = read.labelled, read.labelled.space.names
    there, share = learnable(labelled), shares(labelled)
    place = {code: row for row, code in enumerate(images.tolist())}
    changed: set[int] = set()
    for lesson in lessons:
        if not set(lesson.labels) <= set(names):
            continue
        columns = read.labelled.space.indices(lesson.labels)
        pairs = [
            (place[code], at) for at, code in enumerate(lesson.images.tolist()) if code in place
        ]
        if not pairs:
            continue
        rows, at = (np.array(side, dtype=np.int64) for side in zip(*pairs, strict=True))
        times = lesson.times[at]
        whole = (there[rows][:, columns] | (times == 0)).all(axis=1)
        said = cell_codes(labelled.images[rows], share[rows][:, columns], times, salt)
        changed |= set(rows[whole & (history.codes(said) != lesson.cells[at])].tolist())
    return len(changed)


def _concatenated(parts: list[Int[np.ndarray, " _"]]) -> Int[np.ndarray, " codes"]:
    return np.concatenate([*parts, np.zeros(0, dtype=np.int64)])


def _counted(reasons: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for reason in reasons:
        if reason:
            found[reason] = found.get(reason, 0) + 1
    return found


def _nothing(passed_over: int, reasons: list[str]) -> str:
    why = [f"{passed_over} label(s) taught it before"] if passed_over else []
    why += [f"{count} film(s) {reason}" for reason, count in _counted(reasons).items()]
    return (
        f"There is nothing to learn here that the reader has not learned: {'; '.join(why)}."
        if why
        else "There is nothing to learn here: no film to learn from has a label."
    )

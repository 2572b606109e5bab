"""Films on which the new reader and the old are compared, and the groups they fall into."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from carina.adaptors import Readout
from carina.bundles import AnswerRule
from carina.measures import best_f1
from carina.recipes.updating.answering import Ruled
from carina.recipes.updating.gate import Ground, Trial
from carina.recipes.updating.learning_on import LearnedOn, answers_of
from carina.recipes.updating.new_cells import NewCells, Read
from carina.studies import Manifest

__all__ = ["groups_of", "locked_trial", "new_trial"]

_BANDS = ((18, "0-17"), (40, "18-39"), (65, "40-64"))
_OLDEST = "65+"


Rules = Mapping[str, tuple[AnswerRule | None, AnswerRule | None]]


def locked_trial(
    locked: Read, old: Readout, new: Readout, rules: Rules, kinds: Sequence[str]
) -> Trial:
    """Both readers on the locked set, which neither learned from.

    Args:
        locked: The set.
        old: The reader in service.
        new: The one that learned.
        rules: By finding, the rule of either.
        kinds: Of groups.
    """
    rows, labels = np.arange(len(locked.films.digests)), locked.labelled.space.names
    was, now = answers_of(old, locked.labelled, rows), answers_of(new, locked.labelled, rows)
    return Trial(
        ground=Ground.LOCKED,
        labels=labels,
        patients=locked.labelled.patients,
        target=locked.truth,
        known=locked.certain,
        old=was,
        new=now,
        final=now,
        old_yes=_yes(was, labels, rules, 0),
        new_yes=_yes(now, labels, rules, 1),
        groups=groups_of(locked.films.manifest, kinds),
    )


def new_trial(
    read: Read,
    cells: NewCells,
    learned: LearnedOn,
    old: Readout,
    new: Readout,
    rules: Rules,
    ruled: Mapping[str, Ruled],
    kinds: Sequence[str],
) -> Trial:
    """Both readers on the new films: cells that are learned, and those of films held back.

    A threshold that was chosen on these films would judge itself: where one was, the films of
    either half of the patients are answered by the threshold that the other half gives.

    Args:
        read: The films.
        cells: What of them is learned.
        learned: What became of the learner.
        old: The reader in service.
        new: The one that would be.
        rules: By finding, the rule of either.
        ruled: By finding that was learned, where its rule comes from.
        kinds: Of groups.
    """
    rows = np.arange(len(read.films.digests))
    columns = read.labelled.space.indices(cells.learned)
    known = read.certain[:, columns] & cells.labelled.known
    known[cells.held_back] = read.certain[cells.held_back][:, columns]
    was, target = answers_of(old, cells.labelled, rows), read.truth[:, columns] & known
    said = _yes(learned.apart, cells.learned, rules, 1)
    for column, label in enumerate(cells.learned):
        if label in ruled and ruled[label].anew:
            halves = _by_the_other_half(
                learned.apart[:, column], target[:, column], known[:, column], learned.fold
            )
            said[:, column] = np.where(np.isnan(halves), said[:, column], halves)
    return Trial(
        ground=Ground.NEW,
        labels=cells.learned,
        patients=read.labelled.patients,
        target=target,
        known=known,
        old=was,
        new=learned.apart,
        final=answers_of(new, cells.labelled, rows),
        old_yes=_yes(was, cells.learned, rules, 0),
        new_yes=said,
        groups=groups_of(read.films.manifest, kinds),
    )


def _by_the_other_half(
    scores: Float[np.ndarray, " films"],
    target: Bool[np.ndarray, " films"],
    known: Bool[np.ndarray, " films"],
    fold: Int[np.ndarray, " films"],
) -> Float[np.ndarray, " films"]:
    said = np.full_like(scores, np.nan)
    there = ~np.isnan(scores)
    for part in np.unique(fold).tolist():
        others = there & known & (fold != part)
        if target[others].any() and not target[others].all():
            mine = there & (fold == part)
            said[mine] = scores[mine] >= best_f1(scores[others], target[others]).threshold
    return said


def _yes(
    scores: Float[np.ndarray, "films labels"], labels: tuple[str, ...], rules: Rules, side: int
) -> Float[np.ndarray, "films labels"]:
    """Answers, 1 and 0; NaN without a score or a rule."""
    said = np.full_like(scores, np.nan)
    for column, label in enumerate(labels):
        rule = rules.get(label, (None, None))[side]
        if rule is not None:
            there = ~np.isnan(scores[:, column])
            said[there, column] = scores[there, column] >= rule.threshold
    return said


def groups_of(manifest: Manifest, kinds: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """By kind of group, each film's; "" where nothing says which."""
    every = {
        "sex": manifest.sex,
        "age": tuple(_band(age) for age in manifest.age),
        "view": manifest.view,
        "site": manifest.site,
    }
    return {kind: every[kind] for kind in kinds}


def _band(age: float) -> str:
    if np.isnan(age):
        return ""
    return next((name for end, name in _BANDS if age < end), _OLDEST)

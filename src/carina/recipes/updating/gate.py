"""The gate: is the new reader shown to be no worse than the old, finding by finding and group by group?

Two things are checked of a finding: how the scores rank films (AUROC), and what the answers yes and
no are worth (balanced accuracy, the mean of sensitivity and specificity, which is the AUROC of the
answers). Wrong labels may leave the ranking as it was and ruin the threshold.

Passing is an intersection-union test: every finding that changed must pass its own one-sided test
at 5 %, so the chance to let in a reader that is worse by the margin in any of them is at most 5 %,
and nothing is adjusted (Berger, Technometrics 1982). Answers, and groups of films, stop the reader
only where they are shown to be worse by more than the margin; that a reader which is worse nowhere
is stopped by one of many is rarer than 5 % for each, by as much as the margin is wide.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import ceil, log

import numpy as np
from jaxtyping import Bool, Float, Int

from carina import measures  # `delong` alone would name its module, behind the front door
from carina.core import Estimate
from carina.measures import NonInferiority, noninferiority_by_delong
from carina.recipes.updating.protocol import UpdateProtocol

__all__ = ["ALL", "Check", "Gate", "Ground", "Measure", "Outcome", "Trial", "Untested", "gate"]

ALL = "all films"
"""In the place of a group: none."""
_CHANCE = 0.5
_LEVEL = 0.05


class Outcome(StrEnum):
    """What the gate says of a check, and of an update."""

    PASSED = "passed"
    FAILED = "failed"
    UNDECIDED = "cannot tell"
    PENDING = "pending"
    """Nothing was learned: too few patients."""


class Measure(StrEnum):
    """What of a finding is compared."""

    RANKING = "AUROC"
    ANSWERS = "balanced accuracy"


class Ground(StrEnum):
    """What a check stands on."""

    LOCKED = "locked test set"
    NEW = "new films"
    BYTES = "unchanged bytes"
    NONE = "no film with a label"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trial:
    """Films on which two readers are compared.

    Attributes:
        ground: What they are.
        labels: Findings, in the order of the columns.
        patients: Code of each film's patient.
        target: (films, labels).
        known: (films, labels): cells that count.
        old: (films, labels): scores of the reader in service; NaN where it has none.
        new: (films, labels): scores of a reader that never learned from the film's patient.
        final: (films, labels): scores of the new reader itself.
        old_yes: (films, labels): answers, 1 and 0, of the reader in service; NaN where it gives none.
        new_yes: (films, labels): answers by `new`.
        groups: By kind of group, each film's; "" where it is not known.
    """

    ground: Ground
    labels: tuple[str, ...]
    patients: Int[np.ndarray, " films"]
    target: Bool[np.ndarray, "films labels"]
    known: Bool[np.ndarray, "films labels"]
    old: Float[np.ndarray, "films labels"]
    new: Float[np.ndarray, "films labels"]
    final: Float[np.ndarray, "films labels"]
    old_yes: Float[np.ndarray, "films labels"]
    new_yes: Float[np.ndarray, "films labels"]
    groups: Mapping[str, tuple[str, ...]]

    def counted(self, finding: str) -> Bool[np.ndarray, " films"]:
        """Films of which a finding is known and the new reader has a score; none where it has none."""
        if finding not in self.labels:
            return np.zeros(len(self.patients), dtype=bool)
        column = self.labels.index(finding)
        return np.asarray(self.known[:, column] & ~np.isnan(self.new[:, column]))

    def by_class(self, finding: str) -> tuple[int, int]:
        """Patients with a positive film that counts, and patients with a negative one."""
        rows = self.counted(finding)
        if not rows.any():
            return 0, 0
        target = self.target[:, self.labels.index(finding)]
        positives, negatives = (
            len(np.unique(self.patients[rows & side])) for side in (target, ~target)
        )
        return positives, negatives

    def among(self, rows: Bool[np.ndarray, " films"]) -> "Trial":
        """The same with cells of some of the films alone."""
        return replace(self, known=self.known & rows[:, None])


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One finding, on all films or on a group of them.

    Attributes:
        finding: Which.
        measure: What of it; AUROC where nothing is compared.
        group: `ALL`, or the group: "sex F".
        ground: What it stands on.
        outcome: `Outcome`, of this check.
        old: Of the reader in service; None where it does not know the finding.
        new: Of the new one.
        difference: New less old, paired, with its two-sided 95 % interval.
        lower: One-sided 95 % bound of the difference below, which the margin is held against.
        further_positives: Where the outcome is "cannot tell": about so many more positive films
            would tell; None where nothing says how many.
        why: In words.
    """

    finding: str
    group: str
    ground: Ground
    outcome: Outcome
    why: str
    measure: Measure = Measure.RANKING
    old: Estimate | None = None
    new: Estimate | None = None
    difference: Estimate | None = None
    lower: float | None = None
    further_positives: int | None = None

    @property
    def must_pass(self) -> bool:
        """Whether the reader stays outside unless this check passes: the ranking of all films."""
        return self.group == ALL and self.measure is Measure.RANKING


@dataclass(frozen=True, slots=True, kw_only=True)
class Untested:
    """A group with too few patients of a class for a check."""

    finding: str
    group: str
    positives: int
    negatives: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """All checks and what they come to.

    Attributes:
        checks: Findings in the order of the reader, each with its groups after it.
        untested: Groups without a check.
    """

    checks: tuple[Check, ...] = ()
    untested: tuple[Untested, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """Failed where any check is; cannot tell where one that must pass does; else passed."""
        if any(check.outcome is Outcome.FAILED for check in self.checks):
            return Outcome.FAILED
        needed = [check.outcome for check in self.checks if check.must_pass]
        return Outcome.UNDECIDED if Outcome.UNDECIDED in needed else Outcome.PASSED


def gate(
    labels: Sequence[str],
    *,
    unchanged: frozenset[str],
    known_before: tuple[str, ...],
    stated: Mapping[str, Estimate],
    trials: Sequence[Trial],
    protocol: UpdateProtocol,
) -> Gate:
    """Check every finding of the new reader.

    Args:
        labels: Its findings.
        unchanged: Those whose every bit is the old reader's.
        known_before: Those the old reader knows.
        stated: AUROC that the old reader's card states.
        trials: Films to compare on, the best ground first; a finding is checked on the first that
            has patients enough of either class.
        protocol: Margin, groups, patients enough.
    """
    checks: list[Check] = []
    untested: list[Untested] = []
    for finding in labels:
        if finding in unchanged:
            checks.append(_unchanged(finding))
            continue
        trial = _ground(finding, trials, protocol.test_from)
        if trial is None:
            checks.append(_without_ground(finding, trials, protocol.test_from))
            continue
        found = _checked(finding, ALL, trial, known_before, protocol)
        if trial.ground is Ground.NEW and finding in known_before:
            found[0] = _trusted(found[0], stated.get(finding))
        checks += found
        for group, part in _groups(finding, trial):
            positives, negatives = part.by_class(finding)
            if min(positives, negatives) >= protocol.test_from:
                checks += _checked(finding, group, part, known_before, protocol)
            else:
                untested.append(
                    Untested(finding=finding, group=group, positives=positives, negatives=negatives)
                )
    return Gate(checks=tuple(checks), untested=tuple(untested))


def _checked(
    finding: str,
    group: str,
    trial: Trial,
    known_before: tuple[str, ...],
    protocol: UpdateProtocol,
) -> list[Check]:
    """The check of its ranking, then that of its answers where both readers give any."""
    column, rows = trial.labels.index(finding), trial.counted(finding)
    target, patients = trial.target[rows, column], trial.patients[rows]
    if finding not in known_before:
        fresh = measures.delong(trial.new[rows, column], target, patients)
        outcome, why = _better_than_chance(fresh, fewest=min(trial.by_class(finding)))
        return [
            Check(
                finding=finding,
                group=group,
                ground=trial.ground,
                outcome=outcome,
                why=why,
                new=fresh,
            )
        ]
    sides = {Measure.RANKING: (trial.old, trial.new, protocol.margin)}
    if not np.isnan(trial.old_yes[rows, column] + trial.new_yes[rows, column]).any():
        sides[Measure.ANSWERS] = (trial.old_yes, trial.new_yes, protocol.margin_of_answers)
    found = []
    for measure, (before, after, margin) in sides.items():
        old, new = before[rows, column], after[rows, column]
        test = noninferiority_by_delong(new, old, target, patients, margin=margin)
        before_it, after_it = (measures.delong(side, target, patients) for side in (old, new))
        if test.lower is None and after_it.value == 1.0:
            test = _without_a_slip(test, fewest=min(trial.by_class(finding)))
        found.append(
            Check(
                finding=finding,
                group=group,
                measure=measure,
                ground=trial.ground,
                outcome=Outcome(test.verdict),
                why=_in_words(test),
                old=before_it,
                new=after_it,
                difference=test.difference,
                lower=test.lower,
                further_positives=test.further_positives,
            )
        )
    return found


def _trusted(check: Check, stated: Estimate | None) -> Check:
    """A check on new films alone, which are believed where the new reader reads them well enough.

    Labels that are wrong make two readers equally bad, and equally bad is not worse. So the new
    reader, which never learned from a film's patient, must also come near the AUROC that the old
    one's card states, or, where it states none, rank better than chance.
    """
    fresh = check.new
    if fresh is None or fresh.low is None or fresh.high is None:
        return check
    if stated is not None and stated.low is not None:
        if fresh.high >= stated.low:
            return check
        why = (
            f"on the new films the new reader has {fresh}, where the card states {stated}: the new "
            "labels, or the films, are not like those the reader was taught on; a locked test set "
            "could tell"
        )
        return replace(check, outcome=Outcome.FAILED, why=why, further_positives=None)
    if fresh.low > _CHANCE or check.outcome is not Outcome.PASSED:
        return check
    why = "not shown to rank the new films better than chance, and the card states no AUROC"
    return replace(check, outcome=Outcome.UNDECIDED, why=why)


def _better_than_chance(fresh: Estimate, *, fewest: int) -> tuple[Outcome, str]:
    """A finding nobody read before has no reader to be compared with."""
    low = fresh.low
    if low is None and fresh.value == 1.0:
        low = 1 - _slips(fewest)
    if low is None:
        return Outcome.UNDECIDED, f"new; its AUROC has no interval ({fresh.method})"
    if low > _CHANCE:
        return Outcome.PASSED, "new; ranks better than chance"
    if fresh.high is not None and fresh.high < _CHANCE:
        return Outcome.FAILED, "new; ranks worse than chance"
    return Outcome.UNDECIDED, "new; not shown to rank better than chance"


def _without_a_slip(test: NonInferiority, *, fewest: int) -> NonInferiority:
    """A test whose new reader put every positive above every negative, so that nothing varies.

    The bound is that on its AUROC alone, the old one's taken for 1; see `_slips`.
    """
    lower = -_slips(fewest)
    passed = lower >= -test.margin
    wanted = ceil(log(_LEVEL) / log(1 - test.margin))
    return replace(
        test,
        lower=lower,
        verdict="passed" if passed else "cannot tell",
        further_positives=None if passed else wanted - fewest,
    )


def _slips(fewest: int) -> float:
    """How far below 1 an AUROC may be of which so many patients of either class show no slip.

    Pairs of a positive and a negative patient, each patient in one pair, are independent, and each
    is ranked rightly with the chance AUROC: 95 % one-sided, 1 - 0.05^(1 / n), about 3 / n (the rule
    of three; Hanley and Lippman-Hand, JAMA 1983).
    """
    return float(1 - _LEVEL ** (1 / fewest))


def _in_words(test: NonInferiority) -> str:
    if test.verdict == "passed":
        return f"not worse by more than {test.margin:g}"
    if test.verdict == "failed":
        return f"worse by more than {test.margin:g}"
    return f"may be worse by more than {test.margin:g}"


def _groups(finding: str, trial: Trial) -> Iterator[tuple[str, Trial]]:
    rows = trial.counted(finding)
    for kind, values in trial.groups.items():
        each = np.array(values)
        for value in sorted(set(each[rows].tolist()) - {""}):
            yield f"{kind} {value}", trial.among(each == value)


def _unchanged(finding: str) -> Check:
    return Check(
        finding=finding,
        group=ALL,
        ground=Ground.BYTES,
        outcome=Outcome.PASSED,
        why="not a bit of it changed",
    )


def _ground(finding: str, trials: Sequence[Trial], wanted: int) -> Trial | None:
    enough = (trial for trial in trials if min(trial.by_class(finding)) >= wanted)
    return next(enough, None)


def _without_ground(finding: str, trials: Sequence[Trial], wanted: int) -> Check:
    there = [trial for trial in trials if trial.counted(finding).any()]
    if not there:
        return Check(
            finding=finding,
            group=ALL,
            ground=Ground.NONE,
            outcome=Outcome.UNDECIDED,
            why="it changed, and no film tells how it reads now",
            further_positives=wanted,
        )
    trial = max(there, key=lambda one: min(one.by_class(finding)))
    positives, negatives = trial.by_class(finding)
    return Check(
        finding=finding,
        group=ALL,
        ground=trial.ground,
        outcome=Outcome.UNDECIDED,
        why=(
            f"{positives} patient(s) with it and {negatives} without; a check takes {wanted} of "
            "either"
        ),
        further_positives=max(0, wanted - positives) or None,
    )

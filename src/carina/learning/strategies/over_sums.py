"""What strategies that keep fold sums in the place of films share; the sums are Ridge's."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from carina.adaptors import LiftConfig
from carina.core import Mismatch
from carina.learning.learner import Event, Learned, Learner, Setting, Step
from carina.learning.strategies.adding import add, subtract
from carina.learning.strategies.by_fold import Head
from carina.learning.strategies.held_out import together
from carina.learning.strategies.linear import (
    check_width,
    grown_head,
    head_of,
    need_negatives,
    no_head,
    noted,
)
from carina.learning.strategies.ridge import sums_for, sums_in, with_sums
from carina.learning.strategies.sums import Sums, no_sums
from carina.streams import View

__all__ = ["added", "begun", "settled", "taken"]


def _nothing(head: Head) -> Mapping[str, float | None]:  # noqa: ARG001
    """What is noted of a head of which nothing was chosen."""
    return {}


def begun(setting: Setting, *, folds: int, salt: str, lift: LiftConfig | None) -> Learner:
    """A head without findings over empty sums."""
    empty = no_head(setting.image_dim, normalise=True, lift=lift)
    digest = "" if empty.lift is None else empty.lift.digest
    sums = no_sums(dim=empty.weight.shape[1], folds=folds, salt=salt, lift=digest)
    return with_sums(Learner(setting=setting, readout=empty), sums)


def added(learner: Learner, view: View, *, folds: int, salt: str) -> Sums:
    """The learner's sums and those of an experience.

    Raises:
        Mismatch: where the view is of another width, or the learner's sums are in other folds.
    """
    check_width(learner, view)
    sums = sums_in(learner)
    if (sums.folds, sums.salt) != (folds, salt):
        raise Mismatch(
            f"This learner's sums are in {sums.folds} folds under the salt {sums.salt!r}, not in "
            f"{folds} under {salt!r}; go on with the strategy that began it."
        )
    return add(sums, sums_for(learner, view))


def taken(learner: Learner, view: View) -> Sums:
    """The learner's sums as if the known cells of a view had never been added.

    Raises:
        Mismatch: where the view is of another width, or they never were.
    """
    check_width(learner, view)
    return subtract(sums_in(learner), sums_for(learner, view))


def settled(
    learner: Learner,
    sums: Sums,
    *,
    method: str,
    solve: Callable[[tuple[str, ...]], Mapping[str, Head]],
    told: Callable[[Head], Mapping[str, float | None]] = _nothing,
) -> Iterator[Event]:
    """Put sums in the place of the learner's and solve the findings that they change.

    Args:
        learner: Whose sums are replaced.
        sums: Of the findings the learner has met, and maybe of new ones.
        method: What it is called, for whoever reads an error.
        solve: The heads of findings that share a second moment.
        told: What is noted of a head, by name.

    Raises:
        InvalidValue: where a finding has positives and no negative yet.
    """
    before = sums_in(learner).findings
    changed = [
        label
        for label, own in sums.findings.items()
        if label not in before or own.key != before[label].key
    ]
    for label in changed:
        own = sums.findings[label]
        need_negatives(method, label, int(own.has.sum()), int(own.lacks.sum()))
    groups, heads = together(sums, changed), dict[str, Head]()
    for index, group in enumerate(groups):
        heads |= solve(group)
        errors = [error for label in group if (error := heads[label].error) is not None]
        yield Step(index=index, of=len(groups), loss=sum(errors) / len(errors) if errors else None)
    in_order = {label: heads[label] for label in changed}
    yield Learned(learner=_with(with_sums(learner, sums), in_order, told))


def _with(
    learner: Learner, heads: Mapping[str, Head], told: Callable[[Head], Mapping[str, float | None]]
) -> Learner:
    """The learner with some heads put in place of its own or after them."""
    if not heads:
        return learner
    calibration = {label: one for label, one in learner.calibration.items() if label not in heads}
    chosen: dict[str, dict[str, float | None]] = {}
    for label, head in heads.items():
        if head.calibration is not None:
            calibration[label] = head.calibration
        for name, value in told(head).items():
            chosen.setdefault(name, {})[label] = value
    return replace(
        learner,
        labels=learner.labels.grown(*heads),
        readout=grown_head(
            head_of(learner), {label: (head.weight, head.bias) for label, head in heads.items()}
        ),
        calibration=calibration,
        notes=noted(learner.notes, **chosen),
    )

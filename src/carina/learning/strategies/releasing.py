"""Which sums may leave the machine: none over few patients, and none that differ by few.

A sum over one film is that film's features, and so is the difference of two sums of which one
holds one film more. So folds are joined until every class sum covers enough patients; a finding
follows its last release only where enough patients came since; and of findings known on nearly
the same films only one leaves. No noise is added, and no claim of differential privacy is made:
who knows all other films of a sum still knows the last one.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

import torch

from carina.core import Mismatch
from carina.learning.strategies.parts import joined
from carina.learning.strategies.sums import SHARED, FindingSums, Moment, Since, Sums

__all__ = ["ENOUGH", "Released", "released"]

ENOUGH = 10
"""Patients with positive rows, and with negative ones, that a class sum covers when it leaves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """Sums that may leave.

    Attributes:
        sums: Of the findings that may, in fewer parts where folds were joined.
        withheld: Findings left out, and why.
        unchanged: Findings that stand as they were released before, and why. A head learned from
            the newer sums stays behind like them: beside the older sums it would tell what is new.
        home: All the sums, for learning on where they are; they know what was released.
    """

    sums: Sums
    withheld: Mapping[str, str]
    unchanged: Mapping[str, str]
    home: Sums


def released(sums: Sums, *, before: Sums | None = None, enough: int = ENOUGH) -> Released:
    """What of some sums may leave the machine.

    Args:
        sums: Over films that stay here.
        before: What left last, `Released.sums` of then; None where nothing did. Who came since is
            counted in ``sums``, so they must go back to `Released.home`, or to these very sums.
        enough: Patients of either class that each sum and each change of one must cover, and films
            by which those of two findings must differ in a part if they do.

    Raises:
        Mismatch: where ``before`` is no earlier state of ``sums``.
    """
    old = {} if before is None else before.findings
    _check_later(sums, before)
    fresh, withheld, unchanged = dict[str, FindingSums](), dict[str, str](), dict[str, str]()
    for label, own in sums.findings.items():
        last = old.get(label)
        if last is not None and last.key == own.key:
            continue
        out = [*old.items(), *fresh.items()]
        parts, why = _parts(label, own, last, out, enough)
        if parts:
            fresh[label] = _noted(own.in_parts(parts))
        else:
            (withheld if last is None else unchanged)[label] = why
    findings = {**old, **fresh}
    return Released(
        sums=replace(
            sums,
            findings={label: findings[label] for label in sums.findings if label in findings},
            moments=_moments(sums, before, findings, set(fresh)),
        ),
        withheld=withheld,
        unchanged=unchanged,
        home=replace(
            sums,
            findings={
                label: _noted(own) if label in fresh else own
                for label, own in sums.findings.items()
            },
        ),
    )


def _check_later(sums: Sums, before: Sums | None) -> None:
    if before is None:
        return
    if strange := [label for label in before.findings if label not in sums.findings]:
        raise Mismatch(
            f"{strange[0]!r} was released before and is not among these sums; they are no later "
            "state of what was released."
        )
    kin = [(one.dim, one.folds, one.salt, one.lift) for one in (sums, before)]
    if kin[0] != kin[1] or (SHARED in before.moments and SHARED not in sums.moments):
        raise Mismatch("These sums were made otherwise than those that were released before.")


def _parts(
    label: str,
    own: FindingSums,
    last: FindingSums | None,
    out: Sequence[tuple[str, FindingSums]],
    enough: int,
) -> tuple[int, str]:
    """In how many parts at most a finding may leave, or 0 and why it may not."""
    if last is not None and (own.since is None or own.since.code != last.code):
        return 0, "how many patients came since cannot be told"
    why = ""
    for parts in range(own.parts, 0, -1):
        held = own.in_parts(parts)
        why = _few(held, enough, since=last is not None) or _near(label, held, out, enough)
        if not why:
            return parts, ""
    return 0, why


def _few(own: FindingSums, enough: int, *, since: bool) -> str:
    """Whether a part that has rows covers, or has changed by, too few patients of a class."""
    filled = own.has + own.negatives > 0
    if not filled.any():
        return "it has no film"
    bounds = [("can be told", torch.stack([own.positive_patients, own.negative_patients]))]
    if since and own.since is not None:
        bounds.append(("came since", own.since.came))
    for word, bound in bounds:
        least = bound[:, filled].min(dim=1).values.tolist()
        few = [side for side, n in zip(("with", "without"), least, strict=True) if n < enough]
        if few:
            return f"fewer than {enough} patients {' and '.join(few)} it {word}"
    return ""


def _near(label: str, own: FindingSums, out: Sequence[tuple[str, FindingSums]], enough: int) -> str:
    """Whether another finding that is out already is known on nearly the same films.

    Where the films of one are among the other's, the difference of their numbers is how many films
    the difference of their sums is over; otherwise that is over more.
    """
    for name, other in out:
        if name == label or other.key == own.key:
            continue
        parts = min(own.parts, other.parts)
        rows = [joined(one.has + one.negatives, parts) for one in (own, other)]
        gap = (rows[0] - rows[1]).abs()
        if not gap.any() or bool(((gap > 0) & (gap < enough)).any()):
            return f"it is known on nearly the same films as {name}"
    return ""


def _noted(own: FindingSums) -> FindingSums:
    """The same, counting from now who comes and leaves."""
    nobody = torch.zeros(2, len(own.positives), dtype=torch.int64)
    return replace(own, since=Since(code=own.code, came=nobody, left=nobody))


def _moments(
    sums: Sums,
    before: Sums | None,
    findings: Mapping[str, FindingSums],
    fresh: AbstractSet[str],
) -> dict[str, Moment]:
    """Second moments of findings that leave, in no more parts than these are told apart in.

    What all findings share moves only with a finding that enough patients came to.
    """
    if not fresh:
        return {} if before is None else dict(before.moments)
    if SHARED in sums.moments:
        finest = max(findings[label].parts for label in fresh)
        return {SHARED: sums.moments[SHARED].in_parts(finest)}
    moments: dict[str, Moment] = {}
    for own in sorted(findings.values(), key=lambda one: one.parts):
        home = before if own.key not in sums.moments and before is not None else sums
        moments[own.key] = home.moments[own.key].in_parts(own.parts)
    return moments

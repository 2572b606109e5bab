"""Adding, subtracting and merging sums."""

from collections import Counter
from dataclasses import replace

import torch
from jaxtyping import Float64
from torch import Tensor

from carina.core import Mismatch
from carina.learning.strategies.sums import SHARED, FindingSums, Moment, Since, Sums, fit_apart
from carina.learning.strategies.triangles import half_of

__all__ = ["add", "subtract"]

_WRAP = (1 << 64) - 1


def add(one: Sums, other: Sums) -> Sums:
    """The sums over the films of both: of two experiences, of two sites.

    A finding with rows in only one of them keeps its very tensors. The budget is the first's.

    Raises:
        Mismatch: where widths, folds, salts or lifts differ.
        ConfigError: where the budget does not hold so many findings.
    """
    return _combined(one, other, sign=1)


def subtract(one: Sums, other: Sums) -> Sums:
    """The sums as if the films of ``other`` had never been added.

    Raises:
        Mismatch: as `add`, and where ``other`` holds what ``one`` never had.
    """
    if strange := [label for label in other.findings if label not in one.findings]:
        raise Mismatch(
            f"Cannot take away what was never added: {strange[0]!r} is in no sum here. "
            f"Known: {', '.join(one.findings) or 'none'}."
        )
    return _combined(one, other, sign=-1)


def _combined(one: Sums, other: Sums, *, sign: int) -> Sums:
    _check_kin(one, other)
    findings, touched = dict(one.findings), list[str]()
    for label, theirs in other.findings.items():
        ours = one.findings.get(label)
        if ours is None:
            findings[label] = theirs
        elif theirs.rows:
            findings[label] = _joined(ours, theirs, sign)
            touched.append(label)
    return Sums(
        dim=one.dim,
        folds=one.folds,
        salt=one.salt,
        findings=findings,
        moments=_moments(one, other, findings, touched, sign),
        lift=one.lift,
        budget=one.budget,
    )


def _check_kin(one: Sums, other: Sums) -> None:
    if (one.dim, one.folds) != (other.dim, other.folds):
        raise Mismatch(
            f"Sums over rows of width {one.dim} in {one.folds} folds and over rows of width "
            f"{other.dim} in {other.folds} folds do not belong together."
        )
    if one.salt != other.salt:
        raise Mismatch("These sums put patients in different folds; make both with one salt.")
    if one.lift != other.lift:
        raise Mismatch("These sums are over different lifts of the rows; make both with one lift.")


def _moments(
    one: Sums, other: Sums, findings: dict[str, FindingSums], touched: list[str], sign: int
) -> dict[str, Moment]:
    """The second moments of the findings: that of all where rows differ and do not fit apart.

    Sums that share one already go on sharing; none can be told out of it, but where all rows are
    the same.
    """
    filled = [label for label, own in findings.items() if own.rows]
    keys = {findings[label].key for label in filled}
    sharing = SHARED in one.moments or SHARED in other.moments
    apart = fit_apart(one.budget, dim=one.dim, folds=one.folds, findings=len(findings))
    if len(keys) > 1 and (sharing or not apart):
        return {SHARED: _plus(_whole(one), _whole(other), sign)}
    found: dict[str, Moment] = {}
    # Findings that did not change come first: where rows now coincide, theirs are the bytes kept.
    for label in sorted(filled, key=touched.__contains__):
        key, sides = findings[label].key, [s for s in (one, other) if _filled(s, label)]
        done = key in found and (label in touched or found[key].parts == one.folds)
        if done or any(SHARED in side.moments for side in sides):
            continue
        own = [side.moments[side.findings[label].key] for side in sides]
        moment = own[0] if len(own) == 1 else _plus(own[0], own[1], sign)
        if key not in found or found[key].parts < moment.parts:
            found[key] = moment
    if keys - set(found):  # one key, and all that is known of it is shared
        whole = _plus(_whole(one), _whole(other), sign)
        if int(whole.half[:, -1].sum()) != sum(findings[label].rows for label in filled):
            return {SHARED: whole}
        found[keys.pop()] = replace(whole, half=whole.half / len(filled))
    return found


def _filled(sums: Sums, label: str) -> bool:
    return label in sums.findings and bool(sums.findings[label].rows)


def _whole(sums: Sums) -> Moment:
    """The sum of all findings' second moments."""
    if SHARED in sums.moments:
        return sums.moments[SHARED]
    half = torch.zeros(sums.folds, half_of(sums.dim + 1), dtype=torch.float64)
    for key, times in Counter(own.key for own in sums.findings.values() if own.rows).items():
        half += times * sums.moments[key].half
    parts = min((moment.parts for moment in sums.moments.values()), default=sums.folds)
    return Moment(half=half, parts=parts)


def _plus(one: Moment, other: Moment, sign: int) -> Moment:
    parts = min(one.parts, other.parts)
    half = one.in_parts(parts).half + sign * other.in_parts(parts).half
    half[half[:, -1] == 0] = 0  # a fold without rows is empty, not a residue of rounding
    return Moment(half=half, parts=parts)


def _joined(ours: FindingSums, theirs: FindingSums, sign: int) -> FindingSums:
    parts = min(ours.parts, theirs.parts)
    ours, theirs = ours.in_parts(parts), theirs.in_parts(parts)
    positives = ours.positives + sign * theirs.positives
    negatives = ours.negatives + sign * theirs.negatives
    soft = _joined_soft(ours, theirs, sign)
    unsure = torch.zeros_like(positives) if soft is None else soft[0].long()
    if any(bool((left < 0).any()) for left in (positives, negatives, unsure)):
        raise Mismatch("Cannot take away more rows than were added; were they ever in these sums?")
    if sign > 0:
        positive_floor = torch.maximum(ours.positive_patients, theirs.positive_patients)
        negative_floor = torch.maximum(ours.negative_patients, theirs.negative_patients)
    else:  # no more patients leave than rows do
        positive_floor = ours.positive_patients - theirs.has
        negative_floor = ours.negative_patients - theirs.lacks
    positive_sum = ours.positive_sum + sign * theirs.positive_sum
    negative_sum = ours.negative_sum + sign * theirs.negative_sum
    has, lacks = positives + unsure, negatives + unsure
    positive_sum[has == 0] = 0
    negative_sum[lacks == 0] = 0
    return FindingSums(
        positives=positives,
        negatives=negatives,
        positive_patients=torch.maximum(positive_floor, has.clamp(max=1)),
        negative_patients=torch.maximum(negative_floor, lacks.clamp(max=1)),
        positive_sum=positive_sum,
        negative_sum=negative_sum,
        code=(ours.code + sign * theirs.code) & _WRAP,
        parts=parts,
        soft=soft,
        since=None if ours.since is None else _later(ours.since, theirs, sign),
    )


def _joined_soft(
    ours: FindingSums, theirs: FindingSums, sign: int
) -> Float64[Tensor, "2 folds"] | None:
    """Soft rows and their shares of both; None where none is left."""
    if ours.soft is None and theirs.soft is None:
        return None
    none = torch.zeros(2, len(ours.positives), dtype=torch.float64)
    soft = (none if ours.soft is None else ours.soft) + sign * (
        none if theirs.soft is None else theirs.soft
    )
    soft[1, soft[0] == 0] = 0  # no residue of rounding
    return soft if bool(soft.any()) else None


def _later(since: Since, theirs: FindingSums, sign: int) -> Since:
    """Bounds after some rows more came or left; who left may be among those who come."""
    if sign > 0:
        patients = torch.stack([theirs.positive_patients, theirs.negative_patients])
        return replace(since, came=torch.maximum(since.came, patients - since.left))
    rows = torch.stack([theirs.has, theirs.lacks])  # no fewer than patients
    return replace(since, came=(since.came - rows).clamp(min=0), left=since.left + rows)

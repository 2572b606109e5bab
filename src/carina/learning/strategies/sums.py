"""Sums over films that stand in for the films: they add, subtract and never name a row.

For each finding, over the rows where it is known: how many are positive and negative, the sum of
the rows of either class, and the sum of outer products of all of them (the second moment), each in
folds by patient, in float64. A row that is soft counts in both classes, in either by its share.
Findings known on the same rows share one second moment; whether rows
are the same is told by an additive hash of their codes, so that adding, subtracting and merging in
any order come to the same key (multiset hashing: Clarke et al., ASIACRYPT 2003).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float64, Int, Int64, UInt64
from torch import Tensor

from carina.core import InvalidValue, Mismatch, salted
from carina.streams import View

__all__ = [
    "FindingSums",
    "Sums",
    "add",
    "fewest_patients",
    "folds_of",
    "from_tensors",
    "no_sums",
    "subtract",
    "sums_of",
    "to_tensors",
    "unit",
    "unpacked",
]

_CHUNK = 4096  # rows lifted to float64 at a time
_WRAP = (1 << 64) - 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FindingSums:
    """The sums of one finding, but for its second moment.

    Attributes:
        positives: Positive rows in each fold.
        negatives: Negative rows in each fold.
        positive_patients: At least so many patients have positive or soft rows in each fold.
        negative_patients: At least so many have negative or soft rows.
        positive_sum: (folds, dim): sum of the positive rows, and of soft ones by their share.
        negative_sum: (folds, dim): sum of the negative rows, and of soft ones by the rest.
        code: Additive hash of the known and the soft rows.
        soft: (2, folds): number of soft rows, and sum of their shares; None where there are none.
    """

    positives: Int64[Tensor, " folds"]
    negatives: Int64[Tensor, " folds"]
    positive_patients: Int64[Tensor, " folds"]
    negative_patients: Int64[Tensor, " folds"]
    positive_sum: Float64[Tensor, "folds dim"]
    negative_sum: Float64[Tensor, "folds dim"]
    code: int
    soft: Float64[Tensor, "2 folds"] | None = None

    @property
    def has(self) -> Int64[Tensor, " folds"]:
        """Rows in the sum of the positives, in each fold."""
        return self.positives if self.soft is None else self.positives + self.soft[0].long()

    @property
    def lacks(self) -> Int64[Tensor, " folds"]:
        """Rows in the sum of the negatives, in each fold."""
        return self.negatives if self.soft is None else self.negatives + self.soft[0].long()

    @property
    def masses(self) -> tuple[Float64[Tensor, " folds"], Float64[Tensor, " folds"]]:
        """What positives and negatives weigh in each fold; a soft row weighs 1 in both together."""
        positive, negative = self.positives.double(), self.negatives.double()
        if self.soft is None:
            return positive, negative
        return positive + self.soft[1], negative + (self.soft[0] - self.soft[1])

    @property
    def rows(self) -> int:
        """Rows on which the finding is known or soft."""
        return int(self.has.sum() + self.negatives.sum())

    @property
    def key(self) -> str:
        """Equal for two findings if, and practically only if, they are known on the same rows."""
        return f"{self.rows}-{self.code:016x}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sums:
    """Everything the masked ridge head knows of the films.

    Attributes:
        dim: Width of a row.
        folds: In how many parts every sum is kept.
        salt: Which patients share a part.
        findings: The sums of each finding.
        moments: By `FindingSums.key`: second moments, (folds, dim (dim + 1) / 2), upper triangle
            row by row, since they are symmetric.
    """

    dim: int
    folds: int
    salt: str
    findings: Mapping[str, FindingSums]
    moments: Mapping[str, Float64[Tensor, "folds half"]]

    def __post_init__(self) -> None:
        keys = {sums.key for sums in self.findings.values()}
        if keys != set(self.moments):
            raise InvalidValue("Every finding has its second moment, and there is no other.")


def no_sums(*, dim: int, folds: int, salt: str) -> Sums:
    """The sums over no film."""
    return Sums(dim=dim, folds=folds, salt=salt, findings={}, moments={})


def unit(rows: Float64[Tensor, "rows dim"]) -> Float64[Tensor, "rows dim"]:
    """Rows of length 1; a row of zeros stays as it is."""
    return torch.nn.functional.normalize(rows, dim=-1)


def folds_of(
    patients: Int[Tensor, " rows"], *, folds: int, salt: str
) -> Int64[np.ndarray, " rows"]:
    """The fold of each row: a salted hash of its patient, so that a patient is in one fold only."""
    mixed = _mixed(_codes(patients) ^ np.uint64(salted("folds", salt)))
    return (mixed % np.uint64(folds)).astype(np.int64)


def sums_of(view: View, *, folds: int, salt: str) -> Sums:
    """The sums over the films of one experience, rows L2-normalised first.

    Args:
        view: What may be seen of the experience.
        folds: In how many parts by patient.
        salt: Which patients share a part; sums made with different ones do not belong together.
    """
    dim = view.features.shape[1]
    fold = folds_of(view.patients, folds=folds, salt=salt)
    known, share = view.learnable.numpy(), view.share.numpy()
    sure = view.known.numpy()
    codes = _mixed(_mixed(_codes(view.images)) ^ _codes(view.patients))
    findings: dict[str, FindingSums] = {}
    moments: dict[str, Tensor] = {}
    for columns in _coinciding(known):
        shown = known[:, columns[0]]
        moment, positive, negative = _summed(view.features, share[:, columns], shown, fold, folds)
        code = int(codes[shown].sum(dtype=np.uint64))
        for place, column in enumerate(columns):
            has, lacks = shown & (share[:, column] > 0), shown & (share[:, column] < 1)
            soft = shown & ~sure[:, column]
            sums = FindingSums(
                positives=_rows(fold[has & ~soft], folds),
                negatives=_rows(fold[lacks & ~soft], folds),
                positive_patients=_patients(view.patients.numpy()[has], fold[has], folds),
                negative_patients=_patients(view.patients.numpy()[lacks], fold[lacks], folds),
                positive_sum=positive[:, place].clone(),
                negative_sum=negative[:, place].clone(),
                code=code,
                soft=_soft(fold[soft], share[soft, column], folds) if soft.any() else None,
            )
            findings[view.labels[column]] = sums
            moments[sums.key] = moment
    return Sums(
        dim=dim,
        folds=folds,
        salt=salt,
        findings={label: findings[label] for label in view.labels},
        moments=moments,
    )


def add(one: Sums, other: Sums) -> Sums:
    """The sums over the films of both: of two experiences, of two sites.

    A finding with rows in only one of them keeps its very tensors.

    Raises:
        Mismatch: where widths or folds differ.
    """
    return _combined(one, other, sign=1)


def subtract(one: Sums, other: Sums) -> Sums:
    """The sums as if the films of ``other`` had never been added.

    Raises:
        Mismatch: where widths or folds differ, or ``other`` holds what ``one`` never had.
    """
    if strange := [label for label in other.findings if label not in one.findings]:
        raise Mismatch(
            f"Cannot take away what was never added: {strange[0]!r} is in no sum here. "
            f"Known: {', '.join(one.findings) or 'none'}."
        )
    return _combined(one, other, sign=-1)


def fewest_patients(sums: Sums) -> int | None:
    """A lower bound on the patients in any sum of a class and fold; None without any row."""
    bounds = [
        int(patients[rows > 0].min())
        for finding in sums.findings.values()
        for patients, rows in (
            (finding.positive_patients, finding.has),
            (finding.negative_patients, finding.lacks),
        )
        if bool((rows > 0).any())
    ]
    return min(bounds, default=None)


def to_tensors(sums: Sums) -> tuple[dict[str, object], dict[str, Tensor]]:
    """The sums as plain values and named tensors; `from_tensors` gives them back bit by bit."""
    tensors: dict[str, Tensor] = {f"moment/{key}": moment for key, moment in sums.moments.items()}
    for label, own in sums.findings.items():
        tensors[f"counts/{label}"] = torch.stack(
            [own.positives, own.negatives, own.positive_patients, own.negative_patients]
        )
        tensors[f"positive/{label}"] = own.positive_sum
        tensors[f"negative/{label}"] = own.negative_sum
        if own.soft is not None:
            tensors[f"soft/{label}"] = own.soft
    codes = [[label, f"{own.code:016x}"] for label, own in sums.findings.items()]
    plain = {"dim": sums.dim, "folds": sums.folds, "salt": sums.salt, "codes": codes}
    return plain, tensors


def from_tensors(
    *, dim: int, folds: int, salt: str, codes: list[list[str]], tensors: Mapping[str, Tensor]
) -> Sums:
    """What `to_tensors` took apart."""
    findings = {}
    for label, code in codes:
        counts = tensors[f"counts/{label}"]
        findings[label] = FindingSums(
            positives=counts[0],
            negatives=counts[1],
            positive_patients=counts[2],
            negative_patients=counts[3],
            positive_sum=tensors[f"positive/{label}"],
            negative_sum=tensors[f"negative/{label}"],
            code=int(code, 16),
            soft=tensors.get(f"soft/{label}"),
        )
    moments = {own.key: tensors[f"moment/{own.key}"] for own in findings.values()}
    return Sums(dim=dim, folds=folds, salt=salt, findings=findings, moments=moments)


def unpacked(half: Float64[Tensor, "folds half"], dim: int) -> Float64[Tensor, "folds dim dim"]:
    """Second moments in full, from their upper triangles."""
    full = half.new_empty(len(half), dim * dim)
    for places in _triangles(dim):
        full.index_copy_(1, places, half)
    return full.reshape(len(half), dim, dim)


def _combined(one: Sums, other: Sums, *, sign: int) -> Sums:
    if (one.dim, one.folds) != (other.dim, other.folds):
        raise Mismatch(
            f"Sums over rows of width {one.dim} in {one.folds} folds and over rows of width "
            f"{other.dim} in {other.folds} folds do not belong together."
        )
    if one.salt != other.salt:
        raise Mismatch("These sums put patients in different folds; make both with one salt.")
    findings, moments = dict(one.findings), dict[str, Tensor]()
    touched = []
    for label, theirs in other.findings.items():
        ours = one.findings.get(label)
        if ours is None:
            findings[label] = theirs
        elif theirs.rows:
            findings[label] = _joined(ours, theirs, sign)
            touched.append(label)
    # Findings that did not change come first: where rows now coincide, theirs are the bytes kept.
    for label in (label for label in findings if label not in touched):
        home = one if label in one.findings else other
        moments.setdefault(findings[label].key, home.moments[findings[label].key])
    for label in touched:
        if findings[label].key not in moments:
            ours, theirs = one.findings[label], other.findings[label]
            moment = one.moments[ours.key] + sign * other.moments[theirs.key]
            # A fold without rows is empty, not a residue of rounding.
            moment[(findings[label].has + findings[label].negatives) == 0] = 0
            moments[findings[label].key] = moment
    return replace(one, findings=findings, moments=moments)


def _joined(ours: FindingSums, theirs: FindingSums, sign: int) -> FindingSums:
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
        soft=soft,
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


def _coinciding(known: np.ndarray) -> Iterator[list[int]]:
    """Columns in groups that are known on the same rows."""
    groups: dict[bytes, list[int]] = {}
    for column in range(known.shape[1]):
        groups.setdefault(known[:, column].tobytes(), []).append(column)
    yield from groups.values()


def _summed(
    features: Tensor, share: np.ndarray, shown: np.ndarray, fold: np.ndarray, folds: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Second moments (folds, half); sums of positives and of negatives (folds, columns, dim)."""
    dim = features.shape[1]
    places, _ = _triangles(dim)
    moments = torch.zeros(folds, len(places), dtype=torch.float64)
    classes = torch.zeros(2, folds, share.shape[1], dim, dtype=torch.float64)
    for part in range(folds):
        moment = torch.zeros(dim, dim, dtype=torch.float64)
        mine = np.flatnonzero(shown & (fold == part))
        for start in range(0, len(mine), _CHUNK):
            picked = mine[start : start + _CHUNK]
            chunk = unit(features[torch.from_numpy(picked)].double())
            has = torch.from_numpy(share[picked]).double()
            moment.addmm_(chunk.T, chunk)
            classes[0, part] += has.T @ chunk
            classes[1, part] += (1 - has).T @ chunk
        moments[part] = moment.flatten()[places]
    return moments, classes[0], classes[1]


def _rows(fold: np.ndarray, folds: int) -> Int64[Tensor, " folds"]:
    return torch.from_numpy(np.bincount(fold, minlength=folds).astype(np.int64))


def _soft(fold: np.ndarray, share: np.ndarray, folds: int) -> Float64[Tensor, "2 folds"]:
    shares = np.bincount(fold, weights=share.astype(np.float64), minlength=folds)
    return torch.stack([_rows(fold, folds).double(), torch.from_numpy(shares)])


def _patients(patients: np.ndarray, fold: np.ndarray, folds: int) -> Int64[Tensor, " folds"]:
    _, first = np.unique(patients, return_index=True)
    return _rows(fold[first], folds)


@lru_cache(maxsize=4)
def _triangles(dim: int) -> tuple[Int64[Tensor, " half"], Int64[Tensor, " half"]]:
    """Places of the upper triangle in a flat matrix, row by row, and of their mirror images."""
    rows, columns = torch.triu_indices(dim, dim)
    return rows * dim + columns, columns * dim + rows


def _codes(codes: Int[Tensor, " rows"]) -> UInt64[np.ndarray, " rows"]:
    return codes.numpy().astype(np.uint64)


def _mixed(codes: UInt64[np.ndarray, " rows"]) -> UInt64[np.ndarray, " rows"]:
    """Codes spread over 64 bits (the finaliser of SplitMix64, Steele et al., OOPSLA 2014)."""
    mixed = codes + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))

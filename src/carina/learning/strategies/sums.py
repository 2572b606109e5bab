"""Sums over films that stand in for the films: they add, subtract and never name a row.

For each finding, over the rows where it is known: how many are positive and negative, the sum of
the rows of either class, and the sum of outer products of all of them (the second moment), each in
folds by patient, in float64. A row that is soft counts in both classes, in either by its share.
Findings known on the same rows share one second moment; whether rows
are the same is told by an additive hash of their codes, so that adding, subtracting and merging in
any order come to the same key (multiset hashing: Clarke et al., ASIACRYPT 2003).

Under a budget of bytes all findings share one second moment where one for each would not fit: the
sum of all of theirs. Whether they fit is told by the number of findings, never by which rows came
first, so the sums are the same in every order. A finding's own is then taken to be its part of the
whole by its number of rows, as it is exactly where all findings are known on the same rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from jaxtyping import Float64, Int64
from torch import Tensor

from carina.core import ConfigError, InvalidValue
from carina.learning.strategies.parts import joined
from carina.learning.strategies.triangles import half_of

__all__ = [
    "SHARED",
    "FindingSums",
    "Moment",
    "Since",
    "Sums",
    "check_budget",
    "fewest_patients",
    "fit_apart",
    "key_of",
    "no_sums",
]

SHARED = "shared"
"""Name of the second moment that all findings have together."""
_NUMBER = 8  # bytes of a float64 or int64
_COUNTS = 10  # rows of counts a finding has by fold, soft ones and those since a release included


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Since:
    """Who came and left since a finding's sums were last released.

    Attributes:
        code: Hash of the rows that were released.
        came: (2, folds): at least so many patients came with positive, with negative rows.
        left: (2, folds): at most so many left.
    """

    code: int
    came: Int64[Tensor, "2 folds"]
    left: Int64[Tensor, "2 folds"]


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
        parts: Into how many parts the folds are joined; a part's sums stand in its first fold.
        soft: (2, folds): number of soft rows, and sum of their shares; None where there are none.
        since: Who came and left since a release; None where there was none.
    """

    positives: Int64[Tensor, " folds"]
    negatives: Int64[Tensor, " folds"]
    positive_patients: Int64[Tensor, " folds"]
    negative_patients: Int64[Tensor, " folds"]
    positive_sum: Float64[Tensor, "folds dim"]
    negative_sum: Float64[Tensor, "folds dim"]
    code: int
    parts: int
    soft: Float64[Tensor, "2 folds"] | None = None
    since: Since | None = None

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
        """Equal for two findings if, and practically only if, they are known on the same rows.

        It is "" without any row.
        """
        return key_of(self.rows, self.code)

    def in_parts(self, parts: int) -> "FindingSums":
        """The same with folds joined into so many parts, or as few as they are in already."""
        if parts >= self.parts:
            return self
        return replace(
            self,
            positives=joined(self.positives, parts),
            negatives=joined(self.negatives, parts),
            positive_patients=joined(self.positive_patients, parts),
            negative_patients=joined(self.negative_patients, parts),
            positive_sum=joined(self.positive_sum, parts),
            negative_sum=joined(self.negative_sum, parts),
            parts=parts,
            soft=None if self.soft is None else joined(self.soft.T, parts).T,
            since=None
            if self.since is None
            else replace(
                self.since,
                came=joined(self.since.came.T, parts).T,
                left=joined(self.since.left.T, parts).T,
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moment:
    """A second moment of rows with a 1 behind them, so their sum and their number are in it.

    Attributes:
        half: (folds, (dim + 1) (dim + 2) / 2): upper triangle row by row, since it is symmetric.
        parts: Into how many parts the folds are joined at most.
    """

    half: Float64[Tensor, "folds half"]
    parts: int

    def in_parts(self, parts: int) -> "Moment":
        """The same with folds joined into so many parts, or as few as they are in already."""
        if parts >= self.parts:
            return self
        return Moment(half=joined(self.half, parts), parts=parts)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sums:
    """Everything the masked ridge head knows of the films.

    Attributes:
        dim: Width of a row, or of what its lift makes of it.
        folds: In how many parts every sum is kept.
        salt: Which patients share a part.
        findings: The sums of each finding.
        moments: Second moments by `FindingSums.key`, none for findings without rows; or that of
            all findings together, by the name of `SHARED`.
        lift: Digest of the lift whose features were summed; "" for the rows themselves.
        budget: Bytes that all of it may take; None for no bound.

    Raises:
        InvalidValue: where moments are not those of the findings.
        ConfigError: where the budget is too small for these findings and one second moment.
    """

    dim: int
    folds: int
    salt: str
    findings: Mapping[str, FindingSums]
    moments: Mapping[str, Moment]
    lift: str = ""
    budget: int | None = None

    def __post_init__(self) -> None:
        if set(self.moments) not in (self.keys, {SHARED}):
            raise InvalidValue("Every finding has its second moment, and there is no other.")
        check_budget(self.budget, dim=self.dim, folds=self.folds, findings=len(self.findings))

    @property
    def keys(self) -> set[str]:
        """Of all findings that have rows."""
        return {own.key for own in self.findings.values()} - {""}

    @property
    def apart(self) -> bool:
        """Whether the budget lets each finding have a second moment of its own."""
        return fit_apart(self.budget, dim=self.dim, folds=self.folds, findings=len(self.findings))

    def moment_of(self, label: str) -> str:
        """Name of the second moment a finding is solved with; "" where it has no rows."""
        key = self.findings[label].key
        return SHARED if key and SHARED in self.moments else key


def key_of(rows: int, code: int) -> str:
    """Name of so many rows with such a hash; "" for none."""
    return f"{rows}-{code:016x}" if rows else ""


def no_sums(*, dim: int, folds: int, salt: str, lift: str = "", budget: int | None = None) -> Sums:
    """The sums over no film."""
    return Sums(dim=dim, folds=folds, salt=salt, findings={}, moments={}, lift=lift, budget=budget)


def fit_apart(budget: int | None, *, dim: int, folds: int, findings: int) -> bool:
    """Whether so many findings fit into a budget with a second moment each."""
    own, moment = _bytes(dim, folds)
    return budget is None or findings * (own + moment) <= budget


def check_budget(budget: int | None, *, dim: int, folds: int, findings: int) -> None:
    """Refuse a budget that does not hold even one second moment beside the findings' other sums.

    Raises:
        ConfigError: naming the bytes that are needed.
    """
    own, moment = _bytes(dim, folds)
    needed = max(findings, 1) * own + moment
    if budget is not None and budget < needed:
        raise ConfigError(
            f"A budget of {budget:,} bytes does not hold the sums of {max(findings, 1)} finding(s) "
            f"over features {dim:,} wide in {folds} folds with one second moment for all: that "
            f"takes {needed:,} bytes. Raise the budget, or use fewer folds or features."
        )


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


def _bytes(dim: int, folds: int) -> tuple[int, int]:
    """Of a finding's sums at most, and of a second moment."""
    return (2 * dim + _COUNTS) * folds * _NUMBER, half_of(dim + 1) * folds * _NUMBER

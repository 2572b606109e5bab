"""What scores of rows that were held out sum to, from sums alone, and what is told from it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float64
from torch import Tensor

from carina.learning.strategies.scatter import FoldMoment
from carina.learning.strategies.sums import FindingSums, Sums
from carina.measures import Sigmoid, shrunken_sigmoid_from_moments

__all__ = [
    "Classes",
    "Criterion",
    "HeldOut",
    "calibration_of",
    "fair_folds",
    "held_out",
    "place_of",
    "together",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """What the scores of held-out rows sum to, for each candidate.

    Attributes:
        fit_positives: Positive rows the fit has seen; soft rows count by their share throughout.
        fit_negatives: Negative rows the fit has seen.
        positives: Held-out positive rows.
        negatives: Held-out negative rows.
        positive: Sum of the positives' scores.
        negative: Sum of the negatives' scores.
        square: Sum of all squared scores.
    """

    fit_positives: Float64[Tensor, " labels"]
    fit_negatives: Float64[Tensor, " labels"]
    positives: Float64[Tensor, " labels"]
    negatives: Float64[Tensor, " labels"]
    positive: Float64[Tensor, "labels candidates"]
    negative: Float64[Tensor, "labels candidates"]
    square: Float64[Tensor, "labels candidates"]


Criterion = Callable[[HeldOut], Float64[Tensor, "labels candidates"]]
"""What a fold's held-out rows cost."""


def together(sums: Sums, labels: Sequence[str]) -> list[tuple[str, ...]]:
    """Findings in groups that are solved at once: of one second moment, in the same parts."""
    groups: dict[tuple[str, int], list[str]] = {}
    for label in labels:
        groups.setdefault(place_of(sums, label), []).append(label)
    return [tuple(group) for group in groups.values()]


def place_of(sums: Sums, label: str) -> tuple[str, int]:
    """Name of a finding's second moment, and in how many parts both can be held out."""
    name = sums.moment_of(label)
    return name, min(sums.findings[label].parts, sums.moments[name].parts) if name else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Classes:
    """Class masses and sums of findings over some folds."""

    positives: Float64[Tensor, " labels"]
    negatives: Float64[Tensor, " labels"]
    positive: Float64[Tensor, "labels dim"]
    negative: Float64[Tensor, "labels dim"]

    @classmethod
    def of(cls, members: Sequence[FindingSums], folds: Sequence[int]) -> "Classes":
        """Those of some findings over some folds."""
        places = list(folds)
        masses = torch.stack([torch.stack(one.masses)[:, places].sum(dim=1) for one in members])
        return cls(
            positives=masses[:, 0],
            negatives=masses[:, 1],
            positive=torch.stack([one.positive_sum[places].sum(dim=0) for one in members]),
            negative=torch.stack([one.negative_sum[places].sum(dim=0) for one in members]),
        )

    @property
    def rows(self) -> Float64[Tensor, " labels"]:
        """What either class weighs together."""
        return self.positives + self.negatives


def held_out(
    fit: Classes,
    weight: Float64[Tensor, "labels candidates dim"],
    bias: Float64[Tensor, "labels candidates"],
    fold: Classes,
    part: FoldMoment,
) -> HeldOut:
    """What the scores of a fold's rows sum to.

    Args:
        fit: What the heads were fitted to.
        weight: Of each candidate.
        bias: Of each candidate.
        fold: The classes of the rows that are scored.
        part: Their second moment; a shared one stands for each finding by its number of rows.
    """
    positive = torch.einsum("lcd,ld->lc", weight, fold.positive)
    negative = torch.einsum("lcd,ld->lc", weight, fold.negative)
    rows, both = fold.rows[:, None], positive + negative
    square = rows / part.rows * part.squares(weight) + both.square() / rows.where(rows > 0, 1.0)
    return HeldOut(
        fit_positives=fit.positives,
        fit_negatives=fit.negatives,
        positives=fold.positives,
        negatives=fold.negatives,
        positive=positive + fold.positives[:, None] * bias,
        negative=negative + fold.negatives[:, None] * bias,
        square=square + 2 * bias * both + rows * bias.square(),
    )


def fair_folds(at: int, held: list[HeldOut]) -> list[HeldOut]:
    """Folds with rows whose fit on the others saw both classes."""
    return [
        one
        for one in held
        if one.fit_positives[at] > 0
        and one.fit_negatives[at] > 0
        and one.positives[at] + one.negatives[at] > 0
    ]


def calibration_of(at: int, pick: int, held: list[HeldOut]) -> Sigmoid | None:
    """From the scores each fold got from the fit on the others, its slope shrunken by their counts.

    The head in use has seen all folds, so its scores lie a little wider apart than these.
    """
    fair = fair_folds(at, held)
    positives = sum(int(one.positives[at]) for one in fair)
    negatives = sum(int(one.negatives[at]) for one in fair)
    if not positives or not negatives or positives + negatives < 3:
        return None
    upper = sum(float(one.positive[at, pick]) for one in fair) / positives
    lower = sum(float(one.negative[at, pick]) for one in fair) / negatives
    square = sum(float(one.square[at, pick]) for one in fair)
    within = square - positives * upper**2 - negatives * lower**2
    return shrunken_sigmoid_from_moments(
        positives=positives,
        negatives=negatives,
        mean_positive=upper,
        mean_negative=lower,
        variance=max(within, 0.0) / (positives + negatives - 2),
    )

"""The masked ridge head solved from sums alone, its penalties and its calibration too.

For one finding with n+ positive and n- negative rows, n = n+ + n-, m = n+ n- / n, second moment G,
sum s, class means and their difference d, and S = G - s s' / n:

    w = ((m / n) S + lambda I)^-1 (m d + lambda beta t),    score = w . (x - s / n)

which is the regression of +n/n+ (positives) and -n/n- (negatives) on the rows, each row weighted
m / n, with an unpenalised intercept and w drawn towards beta t, the text's direction (ridge: Hoerl
and Kennedy, Technometrics 1970; coding of the targets: Duda, Hart and Stork, Pattern
Classification, 2001, section 5.8.2). A soft row counts as a positive that weighs its share and a negative that
weighs the rest, so that n+ and n- need not be whole; the regression is then that of either kind.

Where all findings share one second moment, of N rows, S is n / N of its scatter.

The guard sets the text alone, b t with the b >= 0 of least squared error, against the best of
these: it stays unless the held-out error it makes more is above one standard error over the folds
(the rule of Breiman et al., Classification and Regression Trees, 1984, section 3.4.3, with the
text as the plainer model).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import sqrt

import torch
from jaxtyping import Float64
from torch import Tensor

from carina.learning.strategies.held_out import (
    Classes,
    Criterion,
    HeldOut,
    calibration_of,
    fair_folds,
    held_out,
    place_of,
)
from carina.learning.strategies.scatter import Scatter, reduced
from carina.learning.strategies.sums import Sums
from carina.measures import Sigmoid

__all__ = ["Solution", "solve", "weighted_error"]

_TIE = 1e-9  # errors closer than this, relatively, are equal but for rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """One finding's head.

    Attributes:
        weight: For L2-normalised rows, or their lifted features.
        bias: So that the mean row scores 0.
        penalty: The chosen lambda; None where the head is the text's direction alone.
        prior: The chosen beta, or length of the text's head.
        error: Held-out error of that choice a row, 1 for the mean's; None where no fold could
            be held out.
        calibration: From held-out scores; None where a class is missing, or where soft rows are
            in the sums, since it is for rows somebody is sure of.
    """

    weight: Float64[Tensor, " dim"]
    bias: float
    penalty: float | None
    prior: float
    error: float | None
    calibration: Sigmoid | None


def weighted_error(held: HeldOut) -> Float64[Tensor, "labels candidates"]:
    """Squared error of held-out rows in the fit's own terms.

    Targets are +n/n+ and -n/n-, each row weighs m / n, all of the rows fitted on.
    """
    fit = held.fit_positives + held.fit_negatives
    upper, lower = fit / held.fit_positives, -fit / held.fit_negatives
    weight = held.fit_positives * held.fit_negatives / fit**2
    constant = held.positives * upper**2 + held.negatives * lower**2
    crossed = upper[:, None] * held.positive + lower[:, None] * held.negative
    return weight[:, None] * (held.square - 2 * crossed + constant[:, None])


def solve(
    sums: Sums,
    labels: Sequence[str],
    text: Float64[Tensor, "labels dim"],
    *,
    lambdas: tuple[float, ...],
    betas: tuple[float, ...],
    guard: bool = False,
    criterion: Criterion = weighted_error,
) -> dict[str, Solution]:
    """The heads of findings of one second moment, from nothing but their sums.

    Lambda and beta are those of least held-out error, each fold scored by the fit on the others;
    ties, and findings of which no fold can be held out, go to the larger lambda, then the larger
    beta.

    Args:
        sums: Sums of these findings, others beside them allowed.
        labels: The findings to solve, one of the groups of `together`.
        text: Direction from their negative to their positive prompts; zeros without text.
        lambdas: Penalties to choose from.
        betas: Factors of the text direction to choose from.
        guard: Whether the text's head stays unless ridge is better by one standard error. It needs
            a text, and a beta above 0.
        criterion: What a fold's held-out rows cost.
    """
    name, most = sums.moment_of(labels[0]), max(betas)
    if not name:
        return {label: _untold(most, text[at]) for at, label in enumerate(labels)}
    ((_, parts),) = {place_of(sums, label) for label in labels}
    members = [sums.findings[label].in_parts(parts) for label in labels]
    ready = reduced(sums.moments[name], dim=sums.dim, parts=parts)
    candidates = sorted(product(lambdas, betas), reverse=True)
    every = range(sums.folds)
    held: list[HeldOut] = []
    for part, scatter in zip(ready.parts, ready.without, strict=True):
        rest = Classes.of(members, [fold for fold in every if fold != part.fold])
        heads = _fitted(rest, scatter, text, candidates, otherwise=0.0)
        fold = Classes.of(members, [part.fold])
        held.append(held_out(rest, heads.weight, heads.bias, fold, part))
    heads = _fitted(Classes.of(members, every), ready.whole, text, candidates, otherwise=most)
    solutions: dict[str, Solution] = {}
    for at, (label, own) in enumerate(zip(labels, members, strict=True)):
        guarded = guard and most > 0 and bool(text[at].any())
        pick, error = _choice(at, held, criterion, guarded=guarded)
        alone = pick == len(candidates)
        penalty, prior = (None, float(heads.length[at])) if alone else candidates[pick]
        solutions[label] = Solution(
            weight=heads.weight[at, pick].clone(),
            bias=float(heads.bias[at, pick]),
            penalty=penalty,
            prior=prior,
            error=error,
            calibration=None if own.soft is not None else calibration_of(at, pick, held),
        )
    return solutions


def _untold(length: float, text: Float64[Tensor, " dim"]) -> Solution:
    """The head of a finding without rows."""
    return Solution(
        weight=length * text, bias=0.0, penalty=None, prior=length, error=None, calibration=None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fits:
    """Heads of each candidate, and last the text's; how long that one is."""

    weight: Float64[Tensor, "labels candidates dim"]
    bias: Float64[Tensor, "labels candidates"]
    length: Float64[Tensor, " labels"]


def _fitted(
    seen: Classes,
    scatter: Scatter,
    text: Float64[Tensor, "labels dim"],
    candidates: Sequence[tuple[float, float]],
    *,
    otherwise: float,
) -> _Fits:
    """Fits to some folds; the text's is as long as they say, or else as told."""
    both = seen.positives * seen.negatives / _filled(seen.rows)
    scale = both / max(scatter.rows, 1.0)
    difference = seen.positive / _filled(seen.positives)[:, None]
    difference = difference - seen.negative / _filled(seen.negatives)[:, None]
    pull = both[:, None] * difference
    lambdas = sorted({penalty for penalty, _ in candidates})
    leans = bool(text.any())  # else half the work is on zeros
    right = torch.stack([pull, text], dim=1) if leans else pull[:, None]
    solved = scatter.solved(right, scale, lambdas)
    weights = []
    for penalty, prior in candidates:
        data, *lean = solved[:, lambdas.index(penalty)].unbind(dim=1)
        weight = data + penalty * prior * lean[0] if leans else data
        weights.append(weight.where(both[:, None] > 0, prior * text))  # not but for rounding
    along = (pull * text).sum(dim=1).clamp(min=0)
    if leans:
        along /= _filled(scale * scatter.squares(text))
    length = along.where(along > 0, otherwise)
    weight = torch.stack([*weights, length[:, None] * text], dim=1)
    mean = (seen.positive + seen.negative) / _filled(seen.rows)[:, None]
    return _Fits(weight=weight, bias=-torch.einsum("lcd,ld->lc", weight, mean), length=length)


def _filled(mass: Tensor) -> Tensor:
    """A mass to divide by: 1 where there is none, and what is divided is 0 as well."""
    return mass.where(mass > 0, 1.0)


def _choice(
    at: int, held: list[HeldOut], criterion: Criterion, *, guarded: bool
) -> tuple[int, float | None]:
    """Place of the candidate for one finding, and its held-out error a row."""
    fair, last = fair_folds(at, held), held[0].square.shape[1] - 1
    if not fair:
        return (last if guarded else 0), None
    rows = torch.stack([one.positives[at] + one.negatives[at] for one in fair])
    costs = torch.stack([criterion(one)[at] for one in fair])
    error = costs.sum(dim=0) / rows.sum()
    pick = int((error[:-1] <= error[:-1].min() * (1 + _TIE)).nonzero()[0])
    telling = [
        place for place, one in enumerate(fair) if one.positives[at] > 0 and one.negatives[at] > 0
    ]
    gain = ((costs[:, -1] - costs[:, pick]) / rows)[telling]
    if guarded and (len(gain) < 2 or gain.mean() <= gain.std() / sqrt(len(gain))):
        pick = last
    return pick, float(error[pick])

"""The masked ridge head solved from sums alone, its penalties and its calibration too.

For one finding with n+ positive and n- negative rows, n = n+ + n-, m = n+ n- / n, second moment G,
sum s, class means and their difference d, and S = G - s s' / n:

    w = ((m / n) S + lambda I)^-1 (m d + lambda beta t),    score = w . (x - s / n)

which is the regression of +n/n+ (positives) and -n/n- (negatives) on the rows, each row weighted
m / n, with an unpenalised intercept and w drawn towards beta t, the text's direction (ridge: Hoerl
and Kennedy, Technometrics 1970; coding of the targets: Duda, Hart and Stork, Pattern
Classification, 2001, section 5.8.2). One eigendecomposition of S serves every finding known on the
same rows and every penalty. A soft row counts as a positive that weighs its share and a negative that
weighs the rest, so that n+ and n- need not be whole; the regression is then that of either kind.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from jaxtyping import Float64
from scipy.linalg.lapack import dpstrf
from torch import Tensor

from carina.learning.strategies.sums import Sums, unpacked
from carina.measures import Sigmoid, sigmoid_from_moments

__all__ = ["Criterion", "HeldOut", "Solution", "solve", "together", "weighted_error"]

_TIE = 1e-9  # errors closer than this, relatively, are equal but for rounding


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """One finding's head.

    Attributes:
        weight: For L2-normalised rows.
        bias: So that the mean row scores 0.
        penalty: The chosen lambda.
        prior: The chosen beta.
        error: Held-out error of that choice a row, 1 for the mean's; None where no fold could
            be held out.
        calibration: From held-out scores; None where a class is missing, or where soft rows are
            in the sums, since it is for rows somebody is sure of.
    """

    weight: Float64[Tensor, " dim"]
    bias: float
    penalty: float
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


def together(sums: Sums, labels: Sequence[str]) -> list[tuple[str, ...]]:
    """Findings in groups known on the same rows, which are solved at once."""
    groups: dict[str, list[str]] = {}
    for label in labels:
        groups.setdefault(sums.findings[label].key, []).append(label)
    return [tuple(group) for group in groups.values()]


def solve(
    sums: Sums,
    labels: Sequence[str],
    text: Float64[Tensor, "labels dim"],
    *,
    lambdas: tuple[float, ...],
    betas: tuple[float, ...],
    criterion: Criterion = weighted_error,
) -> dict[str, Solution]:
    """The heads of findings known on the same rows, from nothing but their sums.

    Lambda and beta are those of least held-out error, each fold scored by the fit on the others;
    ties, and findings of which no fold can be held out, go to the larger lambda, then the larger
    beta.

    Args:
        sums: Sums of these findings, others beside them allowed.
        labels: The findings to solve, one of the groups of `together`.
        text: Direction from their negative to their positive prompts; zeros without text.
        lambdas: Penalties to choose from.
        betas: Factors of the text direction to choose from.
        criterion: What a fold's held-out rows cost.
    """
    candidates = sorted(product(lambdas, betas), reverse=True)
    group, basis = _grouped(sums, labels)
    near = text if basis is None else text @ basis
    held: list[HeldOut] = []
    for fold in range(sums.folds):
        one = group.of_folds([fold])
        if bool(one.positives.any() or one.negatives.any()):
            rest = group.of_folds([other for other in range(sums.folds) if other != fold])
            held.append(_held_out(rest, *_fitted(rest, near, candidates), one))
    weight, bias = _fitted(group.of_folds(list(range(sums.folds))), near, candidates)
    solutions: dict[str, Solution] = {}
    for at, label in enumerate(labels):
        pick, error = _choice(at, held, criterion)
        penalty, prior = candidates[pick]
        head = weight[at, pick]
        if not (group.positives[:, at].any() and group.negatives[:, at].any()):
            head = prior * text[at]
        elif basis is not None:  # outside the span of the rows there is the text alone
            head = basis @ (head - prior * near[at]) + prior * text[at]
        solutions[label] = Solution(
            weight=head.clone(),
            bias=float(bias[at, pick]),
            penalty=penalty,
            prior=prior,
            error=error,
            calibration=None
            if sums.findings[label].soft is not None
            else _calibration(at, pick, held),
        )
    return solutions


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Findings known on the same rows; their class counts and sums by fold."""

    positives: Float64[Tensor, "folds labels"]
    negatives: Float64[Tensor, "folds labels"]
    positive: Float64[Tensor, "folds labels dim"]
    negative: Float64[Tensor, "folds labels dim"]
    moment: Float64[Tensor, "folds dim dim"]

    def of_folds(self, folds: list[int]) -> "_Group":
        return _Group(
            positives=self.positives[folds].sum(0, keepdim=True),
            negatives=self.negatives[folds].sum(0, keepdim=True),
            positive=self.positive[folds].sum(0, keepdim=True),
            negative=self.negative[folds].sum(0, keepdim=True),
            moment=self.moment[folds].sum(0, keepdim=True),
        )


def _grouped(
    sums: Sums, labels: Sequence[str]
) -> tuple[_Group, Float64[Tensor, "dim rank"] | None]:
    """Findings known on the same rows, in coordinates of their span where the rows are few.

    Where there are fewer rows than they are wide, each fold's moment is factored by a pivoted
    Cholesky decomposition; a QR decomposition of the factors side by side gives the basis, and
    its triangle their coordinates. Otherwise the basis is None and the coordinates are the sums'.
    """
    members = [sums.findings[label] for label in labels]
    (key,) = {one.key for one in members}
    positive = torch.stack([one.positive_sum for one in members], dim=1)
    negative = torch.stack([one.negative_sum for one in members], dim=1)
    halves, basis = sums.moments[key], None
    if members[0].rows < sums.dim:
        counts = (members[0].has + members[0].negatives).tolist()
        factors = [
            _factor(unpacked(halves[fold : fold + 1], sums.dim)[0], rows)
            for fold, rows in enumerate(counts)
        ]
        basis, corner = torch.linalg.qr(torch.cat(factors, dim=1))
        parts = torch.split(corner, [factor.shape[1] for factor in factors], dim=1)
        positive, negative = positive @ basis, negative @ basis
        moment = torch.stack([part @ part.T for part in parts])
    else:
        moment = unpacked(halves, sums.dim)
    group = _Group(
        positives=torch.stack([one.masses[0] for one in members], dim=1),
        negatives=torch.stack([one.masses[1] for one in members], dim=1),
        positive=positive,
        negative=negative,
        moment=moment,
    )
    return group, basis


def _factor(moment: Float64[Tensor, "dim dim"], rows: int) -> Float64[Tensor, "dim rank"]:
    """A matrix of at most so many columns whose outer product is the moment of so many rows."""
    if not rows:
        return moment[:, :0]
    lower, order, rank, _ = dpstrf(moment.numpy().T, lower=1, overwrite_a=1)
    width = min(int(rank), rows)
    factor = np.empty((len(lower), width))
    factor[order - 1] = np.tril(lower[:, :width])
    return torch.from_numpy(factor)


def _fitted(
    group: _Group, text: Tensor, candidates: list[tuple[float, float]]
) -> tuple[Tensor, Tensor]:
    """Weights (labels, candidates, dim) and biases (labels, candidates) for sums of one fold."""
    positives, negatives = group.positives[0], group.negatives[0]
    rows = (positives + negatives).clamp(min=1)
    both = positives * negatives / rows
    total = (group.positive + group.negative)[0]
    difference = group.positive[0] / _filled(positives)[:, None]
    difference = difference - group.negative[0] / _filled(negatives)[:, None]
    # The rows of all findings here are the same, and so are their number and their sum.
    scatter = group.moment[0] - torch.outer(total[0], total[0]) / rows[0]
    values, vectors = torch.linalg.eigh(scatter)
    pull = (both[:, None] * difference) @ vectors
    lean = text @ vectors
    penalty = torch.tensor([one for one, _ in candidates], dtype=torch.float64)
    prior = torch.tensor([one for _, one in candidates], dtype=torch.float64)
    right = pull[:, None, :] + (penalty * prior)[None, :, None] * lean[:, None, :]
    left = (both / rows)[:, None, None] * values.clamp(min=0) + penalty[None, :, None]
    weight = (right / left) @ vectors.T
    weight = torch.where((both > 0)[:, None, None], weight, prior[None, :, None] * text[:, None, :])
    return weight, -torch.einsum("lcd,ld->lc", weight, total / rows[:, None])


def _filled(mass: Tensor) -> Tensor:
    """A mass to divide by: 1 where there is none, and what is divided is 0 as well."""
    return mass.where(mass > 0, 1.0)


def _held_out(fit: _Group, weight: Tensor, bias: Tensor, fold: _Group) -> HeldOut:
    positives, negatives = fold.positives[0], fold.negatives[0]
    positive = torch.einsum("lcd,ld->lc", weight, fold.positive[0])
    negative = torch.einsum("lcd,ld->lc", weight, fold.negative[0])
    square = torch.einsum("lcd,lcd->lc", weight @ fold.moment[0], weight)
    square = square + 2 * bias * (positive + negative)
    return HeldOut(
        fit_positives=fit.positives[0],
        fit_negatives=fit.negatives[0],
        positives=positives,
        negatives=negatives,
        positive=positive + positives[:, None] * bias,
        negative=negative + negatives[:, None] * bias,
        square=square + (positives + negatives)[:, None] * bias**2,
    )


def _fair(at: int, held: list[HeldOut]) -> list[HeldOut]:
    """Folds whose fit on the others saw both classes."""
    return [one for one in held if one.fit_positives[at] > 0 and one.fit_negatives[at] > 0]


def _choice(at: int, held: list[HeldOut], criterion: Criterion) -> tuple[int, float | None]:
    """Place of the candidate of least held-out error for one finding, and that error a row."""
    fair = _fair(at, held)
    if not fair:
        return 0, None
    rows = sum(float(one.positives[at] + one.negatives[at]) for one in fair)
    error = torch.stack([criterion(one)[at] for one in fair]).sum(0) / rows
    pick = int((error <= error.min() * (1 + _TIE)).nonzero()[0])
    return pick, float(error[pick])


def _calibration(at: int, pick: int, held: list[HeldOut]) -> Sigmoid | None:
    """From the scores each fold got from the fit on the others.

    The head in use has seen all folds, so its scores lie a little wider apart than these.
    """
    fair = _fair(at, held)
    positives = sum(int(one.positives[at]) for one in fair)
    negatives = sum(int(one.negatives[at]) for one in fair)
    if not positives or not negatives or positives + negatives < 3:
        return None
    upper = sum(float(one.positive[at, pick]) for one in fair) / positives
    lower = sum(float(one.negative[at, pick]) for one in fair) / negatives
    square = sum(float(one.square[at, pick]) for one in fair)
    within = square - positives * upper**2 - negatives * lower**2
    return sigmoid_from_moments(
        positives=positives,
        negatives=negatives,
        mean_positive=upper,
        mean_negative=lower,
        variance=max(within, 0.0) / (positives + negatives - 2),
    )

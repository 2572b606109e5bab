"""Heads of any closed form over sums, chosen and calibrated on the folds they were not fitted to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float64
from torch import Tensor

from carina.learning.strategies.held_out import (
    Classes,
    Criterion,
    calibration_of,
    fair_folds,
    held_out,
    place_of,
)
from carina.learning.strategies.scatter import Scatter, reduced
from carina.learning.strategies.sums import Sums
from carina.measures import Sigmoid

__all__ = ["Candidates", "Fit", "Head", "solved_by_fold"]

_TIE = 1e-9  # errors closer than this, relatively, are equal but for rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """Heads of some findings, one for each setting to choose from.

    Attributes:
        weight: (labels, candidates, dim).
        bias: (labels, candidates).
    """

    weight: Float64[Tensor, "labels candidates dim"]
    bias: Float64[Tensor, "labels candidates"]


Fit = Callable[[Classes, Scatter], Candidates]
"""From the class sums of findings and their second moment to heads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """One finding's head.

    Attributes:
        weight: For L2-normalised rows, or their lifted features.
        bias: Its intercept.
        pick: Place of the candidate it is.
        error: Held-out cost of that choice a row; None where nothing was chosen out of fold.
        calibration: From held-out scores; None where a class is missing, or where soft rows are in
            the sums, since it is for rows somebody is sure of.
    """

    weight: Float64[Tensor, " dim"]
    bias: float
    pick: int
    error: float | None
    calibration: Sigmoid | None


def solved_by_fold(
    sums: Sums, labels: Sequence[str], fit: Fit, cost: Criterion | None = None
) -> Mapping[str, Head]:
    """The heads of findings of one second moment, from nothing but their sums.

    The candidate is that of least held-out cost, each fold scored by the fit to the others; ties,
    and findings of which no fold can be held out, go to the first.

    Args:
        sums: Sums of these findings, others beside them allowed.
        labels: The findings to solve, one of the groups of `together`.
        fit: The closed form.
        cost: What a fold's held-out rows cost; None where there is one candidate alone.
    """
    name = sums.moment_of(labels[0])
    if not name:
        nothing = torch.zeros(sums.dim, dtype=torch.float64)
        return {
            label: Head(weight=nothing, bias=0.0, pick=0, error=None, calibration=None)
            for label in labels
        }
    ((_, parts),) = {place_of(sums, label) for label in labels}
    members = [sums.findings[label].in_parts(parts) for label in labels]
    ready = reduced(sums.moments[name], dim=sums.dim, parts=parts)
    every = range(sums.folds)
    held = []
    for part, scatter in zip(ready.parts, ready.without, strict=True):
        rest = Classes.of(members, [fold for fold in every if fold != part.fold])
        found = fit(rest, scatter)
        fold = Classes.of(members, [part.fold])
        held.append(held_out(rest, found.weight, found.bias, fold, part))
    found = fit(Classes.of(members, every), ready.whole)
    heads = {}
    for at, (label, own) in enumerate(zip(labels, members, strict=True)):
        pick, error = 0, None
        if cost is not None and (judged := fair_folds(at, held)):
            rows = sum(float(one.positives[at] + one.negatives[at]) for one in judged)
            costs = torch.stack([cost(one)[at] for one in judged]).sum(dim=0) / rows
            pick = int((costs <= costs.min() + _TIE * costs.min().abs()).nonzero()[0])
            error = float(costs[pick])
        heads[label] = Head(
            weight=found.weight[at, pick].clone(),
            bias=float(found.bias[at, pick]),
            pick=pick,
            error=error,
            calibration=None if own.soft is not None else calibration_of(at, pick, held),
        )
    return heads

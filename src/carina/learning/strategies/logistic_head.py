"""One finding's logistic head, its penalty chosen by patient: what strategies with such heads share."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log

import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

from carina.learning.learner import Learner
from carina.learning.strategies.linear import grown_head, head_of, noted
from carina.learning.strategies.logistic import fit_logistic, log_loss
from carina.measures import Sigmoid, fit_sigmoid
from carina.streams import View

__all__ = ["Head", "cells_of_finding", "constant_head", "fitted_head", "with_head"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """One finding's head and how it was chosen.

    Attributes:
        weight: For the rows it was fitted on.
        bias: Its intercept.
        penalty: The chosen one; None where nothing was fitted.
        error: Held-out log loss of that choice; None where no fold could be held out.
        calibration: From held-out scores; None where there are none of both classes.
    """

    weight: Float64[Tensor, " dim"]
    bias: float
    penalty: float | None = None
    error: float | None = None
    calibration: Sigmoid | None = None


def cells_of_finding(
    view: View, index: int
) -> tuple[Int64[Tensor, " cells"], Bool[Tensor, " cells"], Float64[Tensor, " cells"]]:
    """Rows, class and mass of what one finding is learned from; soft cells are there twice."""
    rows = view.known[:, index].nonzero()[:, 0]
    target, mass = view.target[rows, index], torch.ones(len(rows), dtype=torch.float64)
    soft = (view.learnable & ~view.known)[:, index].nonzero()[:, 0]
    if not len(soft):
        return rows, target, mass
    share, there = view.share[soft, index].double(), torch.ones_like(soft, dtype=torch.bool)
    return (
        torch.cat([rows, soft, soft]),
        torch.cat([target, there, ~there]),
        torch.cat([mass, share, 1 - share]),
    )


def constant_head(target: Bool[Tensor, " cells"], dim: int) -> Head:
    """A head that says the share of positives, one of either class added."""
    positives, rows = int(target.sum()), len(target)
    odds = log((positives + 1) / (rows - positives + 1))
    return Head(weight=torch.zeros(dim, dtype=torch.float64), bias=odds)


def fitted_head(
    rows: Float64[Tensor, "cells dim"],
    target: Bool[Tensor, " cells"],
    mass: Float64[Tensor, " cells"],
    fold: Int64[Tensor, " cells"],
    *,
    folds: int,
    penalties: Sequence[float],
    balanced: bool,
) -> Head:
    """The head of least weighted log loss, its penalty that of least held-out log loss.

    Args:
        rows: As scores are linear in.
        target: Its class; both are there.
        mass: 1 where the class is known, its share for either class of a soft cell.
        fold: Of each cell's patient.
        folds: How many there are.
        penalties: To choose from; ties go to the larger.
        balanced: Whether both classes weigh the same.
    """
    ordered = sorted(set(penalties), reverse=True)
    apart = [
        held
        for part in range(folds)
        if bool((held := fold == part).any())
        and bool(target[~held].any())
        and not bool(target[~held].all())
    ]
    penalty, error, calibration = ordered[0], None, None
    if apart:
        scores = _held_out(rows, target, mass, apart, ordered, balanced=balanced)
        tested = torch.stack(apart).any(dim=0)
        scores, found, weighed = scores[tested], target[tested], mass[tested]
        costs = log_loss(scores, found[:, None].expand_as(scores))
        worth = _worth(found, weighed, balanced=balanced)[:, None]
        mean = (worth * costs).sum(dim=0) / worth.sum()
        pick = int(mean.argmin())  # the first of equals: the largest penalty
        penalty, error = ordered[pick], float(mean[pick])
        sure = weighed == 1
        if bool(found[sure].any()) and not bool(found[sure].all()):
            calibration = fit_sigmoid(scores[sure, pick].numpy(), found[sure].numpy())
    weight, bias = fit_logistic(
        rows,
        target[:, None],
        _worth(target, mass, balanced=balanced)[:, None],
        torch.tensor([penalty], dtype=torch.float64),
    )
    return Head(
        weight=weight[0],
        bias=float(bias[0]),
        penalty=penalty,
        error=error,
        calibration=calibration,
    )


def with_head(learner: Learner, label: str, head: Head, **chosen: float | None) -> Learner:
    """The learner with a finding's head put in place of its own, or after the others.

    Args:
        learner: Whose heads are linear.
        label: The finding.
        head: For the rows that the learner's readout scores.
        chosen: What else was chosen for it, by name.
    """
    readout = grown_head(head_of(learner), {label: (head.weight, head.bias)})
    calibration = {name: own for name, own in learner.calibration.items() if name != label}
    if head.calibration is not None:
        calibration[label] = head.calibration
    notes = {"penalty": head.penalty, "held_out_loss": head.error, **chosen}
    return replace(
        learner,
        labels=learner.labels.grown(label),
        readout=readout,
        calibration=calibration,
        notes=noted(learner.notes, **{name: {label: value} for name, value in notes.items()}),
    )


def _held_out(
    rows: Tensor,
    target: Tensor,
    mass: Tensor,
    apart: list[Tensor],
    penalties: list[float],
    *,
    balanced: bool,
) -> Float64[Tensor, "cells penalties"]:
    """Scores of each row from the fit on the other folds; all fits are made at once."""
    worth = torch.zeros(len(rows), len(apart), len(penalties), dtype=torch.float64)
    for place, held in enumerate(apart):
        worth[~held, place] = _worth(target[~held], mass[~held], balanced=balanced)[:, None]
    weight, bias = fit_logistic(
        rows,
        target[:, None].expand(-1, worth[0].numel()),
        worth.flatten(1),
        torch.tensor(penalties * len(apart), dtype=torch.float64),
        tolerance=1e-6,
    )
    every = (rows @ weight.T + bias).reshape(len(rows), len(apart), len(penalties))
    scores = torch.zeros(len(rows), len(penalties), dtype=torch.float64)
    for place, held in enumerate(apart):
        scores[held] = every[held, place]
    return scores


def _worth(
    target: Bool[Tensor, " cells"], mass: Float64[Tensor, " cells"], *, balanced: bool
) -> Float64[Tensor, " cells"]:
    """What each row counts for; 1 on average of the mass."""
    if not balanced or target.all() or not target.any():
        return mass
    share = (target * mass).sum() / mass.sum()
    return mass * torch.where(target, 0.5 / share, 0.5 / (1 - share))

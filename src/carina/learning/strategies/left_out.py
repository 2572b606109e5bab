"""Scores of learned rows as if their own patient's had been left out, from the sums alone.

The ridge head is weighted least squares with an intercept, so leaving rows B out changes their
residuals from e to (I - H_BB)^-1 e, where H is the hat matrix of the fit (Cook and Weisberg,
Residuals and Influence in Regression, 1982, section 2.2; for ridge regression Golub, Heath and
Wahba, Technometrics 1979). With rows of weight m / n and S the centred second moment,

    H = (m / n) x' ((m / n) S + lambda I)^-1 x + 1 / n

for centred rows x. Penalty, prior and the weights and targets of the two classes stay those of all
rows, which is where this departs from learning anew without the patient; where findings share one
second moment, S is its part, as it is in the fit.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

from carina.adaptors import LinearReadout
from carina.learning.strategies.scatter import Scatter, reduced
from carina.learning.strategies.summing import unit
from carina.learning.strategies.sums import FindingSums, Sums
from carina.streams import View

__all__ = ["left_out"]


def left_out(
    readout: LinearReadout, sums: Sums, penalties: Mapping[str, float | None], view: View
) -> Float64[Tensor, "rows labels"]:
    """Scores of a view by heads that never learned from the row's patient in the view.

    Where a finding is not known a row taught nothing, and its score is the head's; so it is where
    the head is the text's, to which rows give no more than its length.

    Args:
        readout: The heads, which learned the view.
        sums: Of everything they learned.
        penalties: Lambda of each head; None where it is the text's.
        view: What is left out, patient by patient.
    """
    rows = unit(view.features.double())
    rows = rows if readout.lift is None else readout.lift(rows)
    scores = rows.new_empty(len(rows), len(view.labels))
    turned: dict[str, tuple[Scatter, Tensor]] = {}
    for column, label in enumerate(view.labels):
        at, own = readout.labels.index(label), sums.findings[label]
        scores[:, column] = rows @ readout.weight[at].clone() + readout.bias[at]
        known, penalty = view.known[:, column].nonzero()[:, 0], penalties[label]
        positives, negatives = (float(mass.sum()) for mass in own.masses)
        if penalty is None or not (positives and negatives and len(known)):
            continue
        if own.key not in turned:
            turned[own.key] = _turned(rows, sums, label)
        scatter, centred = turned[own.key]
        count = positives + negatives
        target = torch.where(view.target[known, column], count / positives, -count / negatives)
        scale = positives * negatives / count / scatter.rows
        weight = positives * negatives / count**2
        near, solved = centred[known], scatter.undone(centred[known], scale, penalty)
        residual = target - scores[known, column]
        left = _residuals(residual, near, weight * solved, view.patients[known], 1 / count)
        scores[known, column] = target - left
    return scores


def _turned(
    rows: Float64[Tensor, "rows dim"], sums: Sums, label: str
) -> tuple[Scatter, Float64[Tensor, "rows dim"]]:
    """The scatter a finding was solved with, and the centred rows in its coordinates."""
    own, moment = sums.findings[label], sums.moments[sums.moment_of(label)]
    whole = reduced(moment, dim=sums.dim, parts=min(own.parts, moment.parts)).whole
    return whole, whole.turned(rows - _mean(own))


def _mean(own: FindingSums) -> Float64[Tensor, " dim"]:
    return (own.positive_sum + own.negative_sum).sum(dim=0) / own.rows


def _residuals(
    residual: Float64[Tensor, " rows"],
    rows: Float64[Tensor, "rows dim"],
    solved: Float64[Tensor, "rows dim"],
    patients: Int64[Tensor, " rows"],
    intercept: float,
) -> Float64[Tensor, " rows"]:
    """Residuals with each patient's rows left out; the hat matrix is ``rows solved' + intercept``."""
    left = residual / (1 - (rows * solved).sum(dim=1) - intercept)
    _, whose, count = torch.unique(patients, return_inverse=True, return_counts=True)
    for patient in (count > 1).nonzero()[:, 0]:
        mine: Bool[Tensor, " rows"] = whose == patient
        hat = rows[mine] @ solved[mine].T + intercept
        left[mine] = torch.linalg.solve(torch.eye(len(hat), dtype=hat.dtype) - hat, residual[mine])
    return left

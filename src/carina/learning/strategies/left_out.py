"""Scores of learned rows as if their own patient's had been left out, from sums and one decomposition.

The ridge head is weighted least squares with an intercept, so leaving rows B out changes their
residuals from e to (I - H_BB)^-1 e, where H is the hat matrix of the fit (Cook and Weisberg,
Residuals and Influence in Regression, 1982, section 2.2; for ridge regression Golub, Heath and
Wahba, Technometrics 1979). With rows of weight m / n and S the centred second moment,

    H = (m / n) x' ((m / n) S + lambda I)^-1 x + 1 / n

for centred rows x. Penalty, prior and the weights and targets of the two classes stay those of all
rows, which is where this departs from learning anew without the patient.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

from carina.adaptors import LinearReadout
from carina.learning.strategies.sums import Sums, unit, unpacked
from carina.streams import View

__all__ = ["left_out"]


def left_out(
    readout: LinearReadout, sums: Sums, penalties: Mapping[str, float], view: View
) -> Float64[Tensor, "rows labels"]:
    """Scores of a view by heads that never learned from the row's patient in the view.

    Where a finding is not known a row taught nothing, and its score is the head's.

    Args:
        readout: The heads, which learned the view.
        sums: Of everything they learned.
        penalties: Lambda of each head.
        view: What is left out, patient by patient.
    """
    rows = unit(view.features.double())
    scores = rows.new_empty(len(rows), len(view.labels))
    turned: dict[str, tuple[Tensor, Tensor]] = {}
    for column, label in enumerate(view.labels):
        at, own = readout.labels.index(label), sums.findings[label]
        said = rows @ readout.weight[at].clone() + readout.bias[at]
        scores[:, column] = said
        known = view.known[:, column].nonzero()[:, 0]
        positives, negatives = (float(mass.sum()) for mass in own.masses)
        if not (positives and negatives and len(known)):
            continue
        if own.key not in turned:
            turned[own.key] = _turned(rows, sums, label)
        values, centred = turned[own.key]
        count = positives + negatives
        weight = positives * negatives / count**2
        target = torch.where(view.target[known, column], count / positives, -count / negatives)
        reach = centred[known] * (weight / (weight * values + penalties[label])).sqrt()
        left = _residuals(target - said[known], reach, view.patients[known], 1 / count)
        scores[known, column] = target - left
    return scores


def _turned(
    rows: Float64[Tensor, "rows dim"], sums: Sums, label: str
) -> tuple[Float64[Tensor, " dim"], Float64[Tensor, "rows dim"]]:
    """Eigenvalues of a finding's centred second moment, and the centred rows in its directions."""
    own = sums.findings[label]
    total = (own.positive_sum + own.negative_sum).sum(dim=0)
    moment = unpacked(sums.moments[own.key].sum(dim=0, keepdim=True), sums.dim)[0]
    values, vectors = torch.linalg.eigh(moment - torch.outer(total, total) / own.rows)
    return values.clamp(min=0), (rows - total / own.rows) @ vectors


def _residuals(
    residual: Float64[Tensor, " rows"],
    reach: Float64[Tensor, "rows dim"],
    patients: Int64[Tensor, " rows"],
    intercept: float,
) -> Float64[Tensor, " rows"]:
    """Residuals with each patient's rows left out; ``reach reach' + intercept`` is the hat matrix."""
    left = residual / (1 - reach.square().sum(dim=1) - intercept)
    _, whose, count = torch.unique(patients, return_inverse=True, return_counts=True)
    for patient in (count > 1).nonzero()[:, 0]:
        rows: Bool[Tensor, " rows"] = whose == patient
        hat = reach[rows] @ reach[rows].T + intercept
        left[rows] = torch.linalg.solve(torch.eye(len(hat), dtype=hat.dtype) - hat, residual[rows])
    return left

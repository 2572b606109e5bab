"""What a search for the worst finds where there is nothing to find.

Forgetting takes each finding's best step, a gap between groups the worst group: both are above
zero for a reader in whom nothing changes, because measured scores scatter. How far, the draws of
the patients tell: what they differ by, less what the data differ by, is scatter alone.

Source: Efron and Tibshirani, An Introduction to the Bootstrap 1993, section 16.4 (draws centred on
what is supposed to be true).
"""

import numpy as np
from jaxtyping import Float

from carina.core import Estimate
from carina.evaluation.cells import Cells
from carina.evaluation.transfer import TransferMatrix

__all__ = ["forgetting_by_chance"]


def forgetting_by_chance(
    cells: Cells, metric: str, matrix: TransferMatrix, *, with_last: bool = False
) -> Estimate:
    """`forgetting` as a reader that forgets nothing would show it, on these patients and answers.

    In each draw of the patients, R*[t, c] - R*[T, c] - (R[t, c] - R[T, c]) is how far step t would
    lie above the last if they were equally good in truth; its maximum over t, averaged over the
    findings, is forgetting by chance. The value is the mean of the draws, the interval holds 95 %
    of them: forgetting above it is not chance. Where no answer changes it is 0.

    Args:
        cells: Of the run.
        metric: A metric of ranking.
        matrix: Of that metric.
        with_last: As for `TransferMatrix.forgetting`.
    """
    labels = matrix.forgetting(with_last=with_last).findings.tolist()
    if not labels:
        return Estimate.undefined("one step" if matrix.last == 1 else "no finding has both scores")
    end = matrix.last + 1 if with_last else matrix.last
    scatter = [
        _highest(cells, metric, c, steps=range(int(matrix.taught[c]), end), last=matrix.last)
        for c in labels
    ]
    draws = np.mean(scatter, axis=0)
    draws = draws[~np.isnan(draws)]
    if not len(draws):
        return cells.size(labels).undefined("some finding lacks a class in each draw")
    low, high = np.quantile(draws, [0.025, 0.975])
    method = f"{len(labels)} findings, centred {cells.draws.method}"
    return cells.size(labels).estimate(
        float(draws.mean()), method, low=float(low), high=float(high)
    )


def _highest(
    cells: Cells, metric: str, label: int, *, steps: range, last: int
) -> Float[np.ndarray, " draws"]:
    """The largest of the centred differences of some steps to the last."""
    values = cells.values(metric)[:, label]
    there = [step for step in steps if not np.isnan(values[step])]
    off = cells.drawn(metric, there, label) - cells.drawn(metric, last, label)
    return np.asarray((off - (values[there] - values[last])[:, None]).max(axis=0))

"""From scores to probabilities and decisions, on patients the scoring learner never saw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from carina.measures import Sigmoid, best_f1, fit_sigmoid

__all__ = ["Calibrated", "calibrate", "decided"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """How a finding's score becomes an answer.

    Attributes:
        sigmoid: Score to probability.
        threshold: Score from which the answer is yes: best F1 out of fold.
    """

    sigmoid: Sigmoid
    threshold: float


def calibrate(
    difference: Float[np.ndarray, "steps images labels"],
    told: Sequence[Bool[np.ndarray, "images labels"]],
    shown: Sequence[Bool[np.ndarray, "images labels"]],
    own: Sequence[Mapping[int, Sigmoid]],
) -> tuple[dict[int, Calibrated], ...]:
    """Calibration by step and column, from step 0, which has none.

    A finding is calibrated on the cells its latest experience showed, each scored by a learner
    of the same step that never saw the patient; so nothing is used that a hospital would no
    longer have. Between its experiences a finding keeps the calibration it has, unless the strategy
    knows another from its sums: where patients are taken back, they leave that too.

    Args:
        difference: Scores out of fold after every step, index 0 before any.
        told: For every experience, whether its cells (images, labels) were told present.
        shown: For every experience, the cells it showed.
        own: For every experience, sigmoids by column that the strategy knows from its own sums;
            they go before a fit.
    """
    now: dict[int, Calibrated] = {}
    steps: list[dict[int, Calibrated]] = [{}]
    for step, (said_of, cells, sigmoids) in enumerate(zip(told, shown, own, strict=True), start=1):
        now = dict(now)
        for column in now.keys() & sigmoids.keys():
            if not cells[:, column].any():
                now[column] = replace(now[column], sigmoid=sigmoids[column])
        for column in np.flatnonzero(cells.any(axis=0)).tolist():
            scores, rows = difference[step, :, column], cells[:, column]
            rows = rows & ~np.isnan(scores)
            said = said_of[rows, column]
            if said.all() or not said.any():
                continue
            now[column] = Calibrated(
                sigmoid=sigmoids.get(column) or fit_sigmoid(scores[rows], said),
                threshold=best_f1(scores[rows], said).threshold,
            )
        steps.append(now)
    return tuple(steps)


def decided(
    difference: Float[np.ndarray, "steps images labels"],
    calibration: Sequence[Mapping[int, Calibrated]],
) -> tuple[Float[np.ndarray, "steps images labels"], Float[np.ndarray, "steps images labels"]]:
    """Probabilities and decisions (1.0 yes, 0.0 no); NaN where a finding has no calibration."""
    probability = np.full_like(difference, np.nan)
    decision = np.full_like(difference, np.nan)
    for step, by_column in enumerate(calibration):
        for column, calibrated in by_column.items():
            scores = difference[step, :, column]
            probability[step, :, column] = calibrated.sigmoid(scores)
            decision[step, :, column] = np.where(
                np.isnan(scores), np.nan, scores >= calibrated.threshold
            )
    return probability, decision

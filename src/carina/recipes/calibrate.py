"""From scores to probabilities and decisions, on patients the scoring learner never saw.

The validation rows of an experience are those it shows, each scored by a learner of the same step
that never saw the patient: validation by cross-fitting, which holds nobody back from learning. A
finding is calibrated where it is visible and frozen until it is visible again, for a hospital no
longer has the films of earlier experiences. With rows kept, which is patients' data, a finding is
calibrated anew after every experience, on all rows that ever showed it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from carina.evaluation import Fitted
from carina.measures import (
    CalibrationMap,
    FittedTo,
    OperatingPoint,
    Sigmoid,
    at_sensitivity,
    at_specificity,
    best_f1,
    fit_beta,
    fit_isotonic,
    fit_sigmoid,
    not_enough_data,
    youden,
)
from carina.recipes.recipe import CalibrateBy

__all__ = ["Calibrated", "Calibrator", "decided"]

_FITS: Mapping[CalibrateBy, tuple[FittedTo, Callable[[np.ndarray, np.ndarray], CalibrationMap]]] = {
    CalibrateBy.OWN: ("sigmoid", fit_sigmoid),
    CalibrateBy.PLATT: ("sigmoid", fit_sigmoid),
    CalibrateBy.BETA: ("beta", fit_beta),
    CalibrateBy.ISOTONIC: ("isotonic", fit_isotonic),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """How a finding's score becomes an answer.

    Attributes:
        to_probability: Score to probability; None where there was not enough data.
        fitted: What it was made of.
        points: Operating points; none where there was not enough data. The first, of best F1,
            decides.
        why_no_probability: The reason, where there is no map.
        why_no_decision: The reason, where there are no points.
    """

    to_probability: CalibrationMap | None
    fitted: Fitted
    points: tuple[OperatingPoint, ...]
    why_no_probability: str = ""
    why_no_decision: str = ""

    @property
    def threshold(self) -> float | None:
        """Score from which the answer is yes, that of the first point; None where there is none."""
        return self.points[0].threshold if self.points else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrator:
    """What a recipe says of calibration.

    Attributes:
        by: Which map.
        keep: Whether validation rows are kept.
        sensitivity: Of the operating point that holds a sensitivity.
        specificity: Of the one that holds a specificity.
    """

    by: CalibrateBy
    keep: bool
    sensitivity: float
    specificity: float

    def steps(
        self,
        difference: Float[np.ndarray, "steps images labels"],
        told: Sequence[Bool[np.ndarray, "images labels"]],
        shown: Sequence[Bool[np.ndarray, "images labels"]],
        own: Sequence[Mapping[int, Sigmoid]],
    ) -> tuple[dict[int, Calibrated], ...]:
        """Calibration by step and column, from step 0, which has none.

        Where a finding's rows are not enough for a map or a threshold, it keeps the one it has. A
        strategy's own map is the latest it knows, between a finding's experiences too: where
        patients are taken back, they leave its sums.

        Args:
            difference: Scores out of fold after every step, index 0 before any.
            told: For every experience, whether its cells (images, labels) were told present.
            shown: For every experience, the cells it showed.
            own: For every experience, maps by column that the strategy knows from its own sums.
        """
        now: dict[int, Calibrated] = {}
        steps: list[dict[int, Calibrated]] = [{}]
        cells, present = np.zeros_like(shown[0]), np.zeros_like(shown[0])
        for step, (said, seen, maps) in enumerate(zip(told, shown, own, strict=True), start=1):
            cells = cells | seen if self.keep else seen
            present = np.where(seen, said, present)
            now = dict(now)
            if self.by is CalibrateBy.OWN:
                for column in now.keys() & maps.keys():
                    fitted = replace(now[column].fitted, way=str(CalibrateBy.OWN))
                    now[column] = replace(now[column], to_probability=maps[column], fitted=fitted)
            for column in np.flatnonzero(cells.any(axis=0)).tolist():
                scores = difference[step, :, column]
                rows = cells[:, column] & ~np.isnan(scores)
                if not rows.any():
                    continue
                made = self._made(scores[rows], present[rows, column], maps.get(column))
                now[column] = _kept(made, now.get(column))
            steps.append(now)
        return tuple(steps)

    def _made(
        self,
        scores: Float[np.ndarray, " rows"],
        present: Bool[np.ndarray, " rows"],
        own: Sigmoid | None,
    ) -> Calibrated:
        """What these rows are enough for."""
        to_probability: CalibrationMap | None = own
        counts = {"positives": int(present.sum()), "negatives": int((~present).sum())}
        kind, fit = _FITS[self.by]
        if self.by is CalibrateBy.OWN and own is not None:
            way, why = CalibrateBy.OWN, None
        else:
            way = CalibrateBy.PLATT if self.by is CalibrateBy.OWN else self.by
            why = not_enough_data(kind, **counts)
            to_probability = None if why else fit(scores, present)
        too_few = not_enough_data("threshold", **counts)
        return Calibrated(
            to_probability=to_probability,
            fitted=Fitted(way=str(way), **counts),
            points=() if too_few else self._points(scores, present),
            why_no_probability=why or "",
            why_no_decision=too_few or "",
        )

    def _points(
        self, scores: Float[np.ndarray, " rows"], present: Bool[np.ndarray, " rows"]
    ) -> tuple[OperatingPoint, ...]:
        return (
            best_f1(scores, present),
            youden(scores, present),
            at_sensitivity(scores, present, self.sensitivity),
            at_specificity(scores, present, self.specificity),
        )


def _kept(made: Calibrated, before: Calibrated | None) -> Calibrated:
    """What was made, with what went before where there was not enough for it."""
    if before is None:
        return made
    if made.to_probability is None:
        made = replace(
            made,
            to_probability=before.to_probability,
            fitted=before.fitted if before.to_probability else made.fitted,
        )
    return made if made.points else replace(made, points=before.points)


def decided(
    difference: Float[np.ndarray, "steps images labels"],
    calibration: Sequence[Mapping[int, Calibrated]],
) -> tuple[Float[np.ndarray, "steps images labels"], Float[np.ndarray, "steps images labels"]]:
    """Probabilities and decisions (1.0 yes, 0.0 no); NaN where a finding has none."""
    probability = np.full_like(difference, np.nan)
    decision = np.full_like(difference, np.nan)
    for step, by_column in enumerate(calibration):
        for column, calibrated in by_column.items():
            scores = difference[step, :, column]
            if calibrated.to_probability is not None:
                probability[step, :, column] = calibrated.to_probability(scores)
            if calibrated.threshold is not None:
                decision[step, :, column] = np.where(
                    np.isnan(scores), np.nan, scores >= calibrated.threshold
                )
    return probability, decision

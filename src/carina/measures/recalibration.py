"""Calibration slope and intercept: whether probabilities are too bold or too timid, too high or low.

Source: Cox, Biometrika 1958; Van Calster et al., BMC Medicine 2019.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from carina.core import Estimate
from carina.measures.bootstrap import Seen
from carina.measures.calibration import logit
from carina.measures.logistic import fitted_lines
from carina.measures.resample import PatientResamples
from carina.measures.weights import Weights

__all__ = ["CalibrationLine", "calibration_line"]

_Start = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationLine:
    """log odds of the outcome = intercept + slope * log odds of the probability.

    Attributes:
        slope: 1 is right; less where probabilities are too bold, more where they are too timid.
        intercept: With that slope; 0 is right.
        in_the_large: Intercept with the slope held at 1; above 0 where probabilities are too low.
    """

    slope: Estimate
    intercept: Estimate
    in_the_large: Estimate


def calibration_line(
    probabilities: Float[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    resamples: PatientResamples,
    *,
    known: Bool[np.ndarray, " images"] | None = None,
) -> CalibrationLine:
    """Calibration slope and intercepts of one finding with 95 % intervals by patient.

    Each draw is a logistic regression of its own, solved by Newton's method to the end. One whose
    probabilities part its classes has no finite slope; it is drawn again and counted. Probabilities
    are held 2.2e-16 from 0 and 1, as in `log_loss`.

    Slope and intercept are undefined where all probabilities are the same or part the classes, all
    three where a class is missing.

    Args:
        probabilities: One an image.
        target: Whether the finding is present.
        resamples: Draws of the patients of these images.
        known: Whether the finding is known in an image; by default in all.

    Raises:
        InvalidValue: where a probability is outside [0, 1].
        Mismatch: where the resamples are of other images.
    """
    seen = Seen.of(probabilities, target, resamples, known)
    if why := seen.why_undefined(True, False):
        none = seen.size.undefined(why)
        return CalibrationLine(slope=none, intercept=none, in_the_large=none)
    log_odds = logit(seen.values)
    centre, spread = float(log_odds.mean()), float(log_odds.std())
    varies = spread > 1e-12 * abs(centre)
    scale = spread if varies else 1.0
    term = (log_odds - centre) / scale

    def lines(weights: Weights, start: _Start, *, fixed: bool = False) -> np.ndarray:
        """Slope and intercept on the log odds themselves."""
        slope, level = fitted_lines(term, seen.target, weights, start=start, slope_is_fixed=fixed)
        return np.stack([slope / scale, level - slope / scale * centre])

    def from_line(line: np.ndarray) -> _Start:
        """What on `term` is that line: where its draws set out from."""
        slope, intercept = line[:, 0].tolist()
        return slope * scale, intercept + slope * centre

    once = Weights.once(len(term))
    whole = lines(once, (scale, centre), fixed=True)
    (large,) = seen.estimates(
        [float(whole[1, 0])], lambda weights: lines(weights, from_line(whole), fixed=True)[1:]
    )
    line = lines(once, from_line(whole)) if varies else np.full((2, 1), np.nan)
    if np.isnan(line).any():
        why = "the probabilities part the classes" if varies else "all probabilities are the same"
        none = seen.size.undefined(f"no finite slope: {why}")
        return CalibrationLine(slope=none, intercept=none, in_the_large=large)
    slope, intercept = seen.estimates(
        line[:, 0].tolist(), lambda weights: lines(weights, from_line(line))
    )
    return CalibrationLine(slope=slope, intercept=intercept, in_the_large=large)

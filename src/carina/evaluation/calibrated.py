"""Do probabilities mean what they say: judged on films that had no part in making them.

Three criteria, each with an answer that may be "cannot tell". Probabilities that are twice too high
or half too low are no small error, so an interval or a band that has room for them tells nothing.

- Brier: not above that of always answering the prevalence where the map was fitted. It holds where
  the interval of the difference ends at 0 or below, not where it begins above.
- Slope and intercept (in the large: with the slope held at 1): their intervals hold 1 and 0. It
  cannot be told where the slope's holds 0 too, or the intercept's both log 2 and its negative.
- Expected calibration error: not above the 95 % band of readers calibrated to the letter. It cannot
  be told where the band reaches half the mean probability, the error of a reader twice too high.

Source: Van Calster et al., Calibration: the Achilles heel of predictive analytics, BMC Medicine
2019 (slope, intercept in the large); Bröcker and Smith, Weather and Forecasting 2007 (the band).
"""

from dataclasses import dataclass
from math import log
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from carina.core import Estimate
from carina.evaluation.cells import Cells
from carina.measures import (
    PatientResamples,
    brier_over_prevalence,
    calibration_band,
    calibration_line,
    difference,
    interval,
    macro,
)

__all__ = [
    "CRITERIA",
    "Calibration",
    "CalibrationWay",
    "Fitted",
    "Holds",
    "calibration_way",
    "judge_calibration",
]

Holds = Literal["holds", "does not hold", "cannot tell"]
"""What is to be said of a criterion."""

CRITERIA = ("brier", "slope", "intercept", "ece")
"""What is judged."""

_TWICE = log(2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """What a finding's map and thresholds were made of.

    Attributes:
        way: "own", from the strategy's sums; "platt", "beta" or "isotonic", from validation rows.
        positives: Positive validation rows.
        negatives: Negative ones.
    """

    way: str
    positives: int
    negatives: int

    @property
    def prevalence(self) -> float:
        """Share of the validation rows that are positive."""
        return self.positives / (self.positives + self.negatives)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Whether a finding's probabilities mean what they say, after the last step.

    Attributes:
        fitted: What its map was made of.
        brier: Of the probabilities.
        prevalence_brier: Of always answering the prevalence of the validation rows.
        over_prevalence: The former less the latter, paired; below 0 the probabilities tell more.
        slope: Of the outcome's log odds on the probability's; less than 1 is too bold.
        intercept: In the large, with the slope held at 1; above 0 probabilities are too low.
        ece: Expected calibration error.
        calibrated_ece: That of readers calibrated to the letter: the median, and the ends of what
            95 of 100 would show.
        holds: Criterion of `CRITERIA` -> what is to be said of it.
    """

    fitted: Fitted
    brier: Estimate
    prevalence_brier: Estimate
    over_prevalence: Estimate
    slope: Estimate
    intercept: Estimate
    ece: Estimate
    calibrated_ece: Estimate
    holds: dict[str, Holds]


def judge_calibration(
    probabilities: Float[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    known: Bool[np.ndarray, " images"],
    resamples: PatientResamples,
    *,
    fitted: Fitted,
    rng: np.random.Generator,
) -> Calibration | None:
    """The criteria of one finding; None where a class of it is missing.

    Args:
        probabilities: Of images that had no part in making them.
        target: Whether the finding is present.
        known: Whether that is known.
        resamples: Draws of their patients.
        fitted: What the probabilities were made of.
        rng: Where calibrated readers come from.
    """
    if not (target & known).any() or not (~target & known).any():
        return None
    said, happened = probabilities[known], target[known]
    always = np.full_like(probabilities, fitted.prevalence)
    line = calibration_line(probabilities, target, resamples, known=known)
    band = calibration_band(said, happened, resamples.patient[known], rng=rng)
    brier = interval("brier", probabilities, target, resamples, known=known)
    ece = interval("ece", probabilities, target, resamples, known=known)
    over = difference(
        "brier",
        probabilities[:, None],
        always[:, None],
        target[:, None],
        resamples,
        known=known[:, None],
    )
    expected = Estimate(
        value=band.median,
        low=band.low,
        high=band.high,
        n=ece.n,
        positives=ece.positives,
        patients=ece.patients,
        method=band.method,
    )
    return Calibration(
        fitted=fitted,
        brier=brier,
        prevalence_brier=interval("brier", always, target, resamples, known=known),
        over_prevalence=over,
        slope=line.slope,
        intercept=line.in_the_large,
        ece=ece,
        calibrated_ece=expected,
        holds={
            "brier": _below(over),
            "slope": _at(line.slope, 1.0, unless=(0.0,)),
            "intercept": _at(line.in_the_large, 0.0, unless=(-_TWICE, _TWICE)),
            "ece": _inside(ece, expected, float(said.mean())),
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationWay:
    """What one way of calibrating comes to after the last step, beside the one a run chose.

    Attributes:
        findings: Those it had enough data for.
        brier: Mean over them.
        over_prevalence: Mean over them of Brier less that of always answering the prevalence.
        ece: Mean over them.
        less_chosen: Brier less that of the run's own way, over the findings both calibrate.
    """

    findings: tuple[str, ...]
    brier: Estimate
    over_prevalence: Estimate
    ece: Estimate
    less_chosen: Estimate


def calibration_way(
    cells: Cells,
    probability: Float[np.ndarray, "images labels"],
    prevalence: Float[np.ndarray, " labels"],
    resamples: PatientResamples,
    *,
    names: tuple[str, ...],
) -> CalibrationWay:
    """One way of calibrating over the findings wanted.

    Args:
        cells: Of the run, with the probabilities it chose.
        probability: By this way; NaN for findings it had not enough data for.
        prevalence: Of the validation rows of each finding; NaN likewise.
        resamples: Draws of the patients.
        names: The findings wanted.
    """
    scores = cells.scores
    chosen, part = scores.probability[-1], scores.part
    labels = scores.space.indices(names)
    here = [c for c in labels if not np.isnan(probability[:, c]).any()]
    both = [c for c in here if not np.isnan(chosen[:, c]).any()]
    if not here:
        none = Estimate.undefined("not enough data for any finding")
        return CalibrationWay(
            findings=(), brier=none, over_prevalence=none, ece=none, less_chosen=none
        )

    def given(columns: list[int]) -> tuple[np.ndarray, PatientResamples]:
        return part.target[:, columns], resamples

    known = part.known[:, here]
    less = Estimate.undefined("no finding is calibrated both ways")
    if both:
        less = difference(
            "brier", probability[:, both], chosen[:, both], *given(both), known=part.known[:, both]
        )
    return CalibrationWay(
        findings=tuple(scores.space.names[c] for c in here),
        brier=macro("brier", probability[:, here], *given(here), known=known),
        over_prevalence=brier_over_prevalence(
            probability[:, here], prevalence[here], *given(here), known=known
        ),
        ece=macro("ece", probability[:, here], *given(here), known=known),
        less_chosen=less,
    )


def _below(over: Estimate) -> Holds:
    if over.low is None or over.high is None:
        return "cannot tell"
    if over.high <= 0:
        return "holds"
    return "does not hold" if over.low > 0 else "cannot tell"


def _at(estimate: Estimate, wanted: float, *, unless: tuple[float, ...]) -> Holds:
    """Whether an interval holds a value and not all of those that are far off."""
    if estimate.low is None or estimate.high is None:
        return "cannot tell"
    if not estimate.low <= wanted <= estimate.high:
        return "does not hold"
    too_wide = all(estimate.low <= far <= estimate.high for far in unless)
    return "cannot tell" if too_wide else "holds"


def _inside(ece: Estimate, expected: Estimate, mean: float) -> Holds:
    if ece.value is None or expected.high is None:
        return "cannot tell"
    if ece.value > expected.high:
        return "does not hold"
    return "cannot tell" if expected.high >= mean / 2 else "holds"

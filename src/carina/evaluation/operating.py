"""What thresholds chosen on validation achieve on films held back, and what an answer then means."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from carina.core import Estimate
from carina.measures import OperatingPoint, PatientResamples, achieved, predictive_values

__all__ = ["Operation", "operated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An operating point of one finding.

    Attributes:
        rule: How the threshold was chosen: "Youden", "best F1", "sensitivity >= 0.9".
        threshold: The answer is yes from this score on.
        chosen_sensitivity: On the validation rows it was chosen on.
        chosen_specificity: On them.
        sensitivity: On the films held back, interval by patient.
        specificity: On them.
        sensitivity_wilson: The same with Wilson's interval, which knows how few were looked at.
        specificity_wilson: The same with Wilson's interval.
        prevalence: The share of films with the finding that the next two are told for.
        stated: Whether the recipe states it; else it is that of the validation rows.
        ppv: Chance of the finding given a yes.
        npv: Chance of its absence given a no.
    """

    rule: str
    threshold: float
    chosen_sensitivity: float
    chosen_specificity: float
    sensitivity: Estimate
    specificity: Estimate
    sensitivity_wilson: Estimate
    specificity_wilson: Estimate
    prevalence: float
    stated: bool
    ppv: Estimate
    npv: Estimate


def operated(
    points: Sequence[OperatingPoint],
    scores: Float[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    known: Bool[np.ndarray, " images"],
    resamples: PatientResamples,
    *,
    prevalence: float,
    stated: bool,
) -> tuple[Operation, ...]:
    """Each point on images that had no part in choosing it.

    Args:
        points: Chosen on validation.
        scores: Of images held back.
        target: Whether the finding is present.
        known: Whether that is known.
        resamples: Draws of their patients.
        prevalence: Where the reader is to serve, between 0 and 1.
        stated: Whether somebody said so.
    """
    told = []
    for point in points:
        flagged = scores >= point.threshold
        shares = achieved(flagged, target, resamples, known=known)
        values = predictive_values(flagged, target, resamples, prevalence=prevalence, known=known)
        told.append(
            Operation(
                rule=point.rule,
                threshold=point.threshold,
                chosen_sensitivity=point.sensitivity,
                chosen_specificity=point.specificity,
                sensitivity=shares.sensitivity,
                specificity=shares.specificity,
                sensitivity_wilson=shares.sensitivity_wilson,
                specificity_wilson=shares.specificity_wilson,
                prevalence=prevalence,
                stated=stated,
                ppv=values.ppv,
                npv=values.npv,
            )
        )
    return tuple(told)

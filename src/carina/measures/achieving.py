"""What a threshold chosen elsewhere achieves here, and what an answer then means to a patient."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from carina.core import Estimate, InvalidValue
from carina.measures.bootstrap import Seen
from carina.measures.calibration import wilson
from carina.measures.decisions import sensitivity_of, specificity_of
from carina.measures.resample import PatientResamples
from carina.measures.weights import Weights, ratio

__all__ = ["Achieved", "PredictiveValues", "achieved", "predictive_values"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Achieved:
    """Sensitivity and specificity of decisions, each with two intervals.

    The patient bootstrap knows that images of one patient agree, but has an interval of one point
    where all are found; Wilson's knows that few were looked at, but takes each image for its own.

    Attributes:
        sensitivity: Share of the positives found, by patient.
        specificity: Share of the negatives left alone, by patient.
        sensitivity_wilson: The same with Wilson's interval.
        specificity_wilson: The same with Wilson's interval.
    """

    sensitivity: Estimate
    specificity: Estimate
    sensitivity_wilson: Estimate
    specificity_wilson: Estimate


def achieved(
    predicted: Bool[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    resamples: PatientResamples,
    *,
    known: Bool[np.ndarray, " images"] | None = None,
) -> Achieved:
    """What decisions achieve on images that had no part in choosing the threshold.

    Args:
        predicted: Whether the finding is flagged: scores >= a threshold.
        target: Whether it is present.
        resamples: Draws of the patients of these images.
        known: Whether the finding is known in an image; by default in all.

    Raises:
        Mismatch: where the resamples are of other images.
    """
    seen = Seen.of(predicted, target, resamples, known)
    return Achieved(
        sensitivity=_share(seen, True),
        specificity=_share(seen, False),
        sensitivity_wilson=_share_wilson(seen, True),
        specificity_wilson=_share_wilson(seen, False),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictiveValues:
    """What a yes and a no mean where the finding is as common as stated.

    Attributes:
        prevalence: The stated share of images with the finding.
        ppv: Chance of the finding given a yes.
        npv: Chance of its absence given a no.
    """

    prevalence: float
    ppv: Estimate
    npv: Estimate


def predictive_values(
    predicted: Bool[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    resamples: PatientResamples,
    *,
    prevalence: float,
    known: Bool[np.ndarray, " images"] | None = None,
) -> PredictiveValues:
    """Predictive values at a stated prevalence, with 95 % intervals by patient.

    PPV = se pi / (se pi + (1 - sp)(1 - pi)), NPV = sp (1 - pi) / (sp (1 - pi) + (1 - se) pi), with
    sensitivity se and specificity sp of these images and prevalence pi of where the reader is to
    serve. A draw in which nothing is flagged has no PPV, one in which all is no NPV; such draws
    are drawn again.

    Args:
        predicted: Whether the finding is flagged.
        target: Whether it is present.
        resamples: Draws of the patients of these images.
        prevalence: Between 0 and 1.
        known: Whether the finding is known in an image; by default in all.

    Raises:
        InvalidValue: where the prevalence is not in (0, 1).
        Mismatch: where the resamples are of other images.

    Source: Vecchio, New England Journal of Medicine 1966.
    """
    if not 0 < prevalence < 1:
        raise InvalidValue(f"A prevalence lies between 0 and 1; got {prevalence}.")
    seen = Seen.of(predicted, target, resamples, known)

    def estimate(answer: bool) -> Estimate:
        """The chance that an answer is right: of a yes PPV, of a no NPV."""
        decided, happened = seen.values == answer, seen.target == answer
        common = prevalence if answer else 1 - prevalence

        def drawn(weights: Weights) -> np.ndarray:
            right = common * sensitivity_of(decided, happened, weights)
            wrong = (1 - common) * (1 - specificity_of(decided, happened, weights))
            return ratio(right, right + wrong)[None]

        if why := seen.why_undefined(True, False):
            return seen.size.undefined(why)
        if not decided.any():
            return seen.size.undefined(f"no image is {'flagged' if answer else 'left alone'}")
        value = float(drawn(Weights.once(len(decided)))[0, 0])
        return seen.estimates([value], drawn)[0]

    return PredictiveValues(prevalence=prevalence, ppv=estimate(True), npv=estimate(False))


def _share(seen: Seen, kind: bool) -> Estimate:
    """Share of a class that is decided rightly, with an interval by patient."""
    if why := seen.why_undefined(kind):
        return seen.size.undefined(why)
    right, happened = seen.values == kind, seen.target == kind
    value = float(right[happened].mean())
    return seen.estimates([value], lambda weights: sensitivity_of(right, happened, weights)[None])[
        0
    ]


def _share_wilson(seen: Seen, kind: bool) -> Estimate:
    happened = seen.target == kind
    count, right = int(happened.sum()), int((seen.values[happened] == kind).sum())
    if not count:
        return seen.size.undefined(seen.why_undefined(kind) or "")
    low, high = wilson(right, count)
    return seen.size.estimate(right / count, f"Wilson, {count} images", low=low, high=high)

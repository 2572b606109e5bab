"""The mean of a measure that every image has for itself, with its interval by patient."""

import numpy as np
from jaxtyping import Bool, Float

from carina.core import Estimate
from carina.measures.bootstrap import Seen
from carina.measures.resample import PatientResamples
from carina.measures.weights import Weights, ratio

__all__ = ["mean_interval"]


def mean_interval(
    values: Float[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    resamples: PatientResamples,
    *,
    known: Bool[np.ndarray, " images"],
) -> Estimate:
    """Mean over images, each as much as another, between percentiles of resampled patients.

    Undefined, with the reason, where no image has the measure or all are of one patient.

    Args:
        values: The measure of each image; not looked at where it is not known.
        target: Which images are positive, for the count.
        resamples: Draws of the patients of these images.
        known: Which images have the measure.

    Raises:
        Mismatch: where the resamples are of other images.
    """
    seen = Seen.of(values, target, resamples, known)
    if why := seen.why_undefined():
        return seen.size.undefined(why)

    def drawn(weights: Weights) -> Float[np.ndarray, "1 draws"]:
        total, count = weights.totals(seen.values, np.ones(len(seen.values)))
        return ratio(total, count)[None]

    return seen.estimates([float(seen.values.mean())], drawn)[0]

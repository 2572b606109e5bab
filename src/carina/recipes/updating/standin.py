"""A stand-in until the measures have these."""

from dataclasses import dataclass
from math import ceil

import numpy as np
from jaxtyping import Bool, Float, Int

from carina.core import Estimate, generator
from carina.measures import difference, interval, resample_patients

_DRAWS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class NonInferiority:
    """What a one-sided test of non-inferiority comes to."""

    difference: Estimate
    margin: float
    lower: float | None
    upper: float | None
    verdict: str
    further_positives: int | None


def delong(
    scores: Float[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    patients: Int[np.ndarray, " images"],
) -> Estimate:
    """AUROC with its interval."""
    resamples = resample_patients(patients, draws=_DRAWS, rng=generator(0, "gate"))
    return interval("auroc", scores, target, resamples)


def noninferiority_by_delong(
    new: Float[np.ndarray, " images"],
    old: Float[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    patients: Int[np.ndarray, " images"],
    *,
    margin: float,
) -> NonInferiority:
    """The new reader's AUROC against the old's."""
    resamples = resample_patients(patients, draws=_DRAWS, rng=generator(0, "gate"))
    gap = difference("auroc", new[:, None], old[:, None], target[:, None], resamples)
    assert gap.value is not None and gap.low is not None and gap.high is not None  # noqa: S101, PT018
    error = (gap.high - gap.low) / 3.92
    lower, upper = gap.value - 1.645 * error, gap.value + 1.645 * error
    verdict = "passed" if lower >= -margin else "failed" if upper < -margin else "cannot tell"
    wanted = ceil(gap.positives * (2.486 * error / margin) ** 2)
    more = wanted - gap.positives if verdict == "cannot tell" and wanted > gap.positives else None
    return NonInferiority(
        difference=gap,
        margin=margin,
        lower=lower,
        upper=upper,
        verdict=verdict,
        further_positives=more,
    )

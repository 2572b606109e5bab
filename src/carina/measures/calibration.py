"""Whether a probability means what it says."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from jaxtyping import Bool, Float, Int, Num

from carina.core import InvalidValue
from carina.measures.decisions import mean_of
from carina.measures.ranking import tied
from carina.measures.weights import Weights, ratio, summed

__all__ = [
    "BrierParts",
    "ReliabilityBin",
    "brier",
    "brier_parts",
    "expected_calibration_error",
    "log_loss",
    "reliability",
    "weighted_brier",
    "weighted_expected_calibration_error",
    "weighted_log_loss",
    "wilson",
]

_Z = 1.959963984540054  # 97.5th percentile of the standard normal distribution
_NEAREST = float(np.finfo(np.float64).eps)  # how near 0 and 1 a probability is taken to come


def brier(
    probabilities: Float[np.ndarray, " images"], target: Bool[np.ndarray, " images"]
) -> float:
    """Mean squared distance between probability and outcome, in [0, 1]; smaller is better.

    Raises:
        InvalidValue: where a probability is outside [0, 1], or there is no image.

    Source: Brier, Monthly Weather Review 1950.
    """
    must_be_probabilities(probabilities)
    return float(np.mean(_squared(probabilities, target)))


def weighted_brier(
    probabilities: Float[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    weights: Num[np.ndarray, "draws images"],
) -> Float[np.ndarray, " draws"]:
    """`brier` in each of many draws, NaN where a draw is empty.

    Raises:
        InvalidValue: as `brier`, and where a weight is negative or not finite.
    """
    return brier_of(probabilities, target, Weights.of(weights))


def brier_of(
    probabilities: Float[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    weights: Weights,
) -> Float[np.ndarray, " draws"]:
    """`weighted_brier` over `Weights`."""
    must_be_probabilities(probabilities)
    return mean_of(_squared(probabilities, target), weights)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrierParts:
    """What a Brier score is made of: reliability - resolution + uncertainty + within.

    Attributes:
        reliability: Mean squared gap between what the bins say and what happens in them: 0 is best.
        resolution: Mean squared distance of the bins' rates from the prevalence: more is better.
        uncertainty: Brier score of the prevalence itself.
        within: What the bins hide; 0 where all images of a bin share a probability.
    """

    reliability: float
    resolution: float
    uncertainty: float
    within: float


def brier_parts(
    probabilities: Float[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    *,
    bins: int = 10,
) -> BrierParts:
    """The parts of `brier` in the bins of `expected_calibration_error`; they add up to it.

    Raises:
        InvalidValue: where a probability is outside [0, 1], there is no image, or no bin.

    Source: Murphy, Journal of Applied Meteorology 1973; the part within bins after Stephenson,
    Coelho and Jolliffe, Weather and Forecasting 2008 (variance less twice the covariance).
    """
    rising, happened, place = binned(probabilities, target, bins)
    happened = happened.astype(np.float64)
    count = np.bincount(place)
    held = np.maximum(count, 1)
    said, rate = (np.bincount(place, weights=each) / held for each in (rising, happened))
    prevalence = happened.mean()
    off = rising - said[place]
    return BrierParts(
        reliability=float(np.average((said - rate) ** 2, weights=count)),
        resolution=float(np.average((rate - prevalence) ** 2, weights=count)),
        uncertainty=float(prevalence * (1 - prevalence)),
        within=float(np.mean(off * (off - 2 * (happened - rate[place])))),
    )


def log_loss(
    probabilities: Float[np.ndarray, " images"], target: Bool[np.ndarray, " images"]
) -> float:
    """Mean negative log of the probability given to what happened, in nats; smaller is better.

    As scikit-learn's: a probability is taken to be at least 2.2e-16 from 0 and 1, so that one
    sure and wrong answer costs 36 and not everything.

    Raises:
        InvalidValue: where a probability is outside [0, 1], or there is no image.

    Source: Good, Journal of the Royal Statistical Society B 1952.
    """
    return float(np.mean(_surprise(probabilities, target)))


def weighted_log_loss(
    probabilities: Float[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    weights: Num[np.ndarray, "draws images"],
) -> Float[np.ndarray, " draws"]:
    """`log_loss` in each of many draws, NaN where a draw is empty.

    Raises:
        InvalidValue: as `log_loss`, and where a weight is negative or not finite.
    """
    return log_loss_of(probabilities, target, Weights.of(weights))


def log_loss_of(
    probabilities: Float[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    weights: Weights,
) -> Float[np.ndarray, " draws"]:
    """`weighted_log_loss` over `Weights`."""
    return mean_of(_surprise(probabilities, target), weights)


def expected_calibration_error(
    probabilities: Float[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    *,
    bins: int = 10,
) -> float:
    """Mean gap between what is said and what happens, over bins of equal mass.

    ECE = sum over bins b of (n_b / n) |mean probability in b - share of positives in b|.
    Images with the same probability stay together: where c images lie below a probability and
    g share it, all g go to bin floor(bins (c + g / 2) / n). Bins may so differ in mass, or be
    empty.

    Raises:
        InvalidValue: where a probability is outside [0, 1], there is no image, or no bin.

    Source: Nixon et al., CVPR workshops 2019 (adaptive bins).
    """
    rising, happened, place = binned(probabilities, target, bins)
    gaps = np.bincount(place, weights=rising - happened)
    return float(np.abs(gaps).sum()) / len(rising)


def weighted_expected_calibration_error(
    probabilities: Float[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    weights: Num[np.ndarray, "draws images"],
    *,
    bins: int = 10,
) -> Float[np.ndarray, " draws"]:
    """`expected_calibration_error` in each of many draws, each with bins of its own.

    NaN where a draw is empty.

    Raises:
        InvalidValue: as `expected_calibration_error`, and for a negative or infinite weight.
    """
    return expected_calibration_error_of(probabilities, target, Weights.of(weights), bins=bins)


def expected_calibration_error_of(
    probabilities: Float[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    weights: Weights,
    *,
    bins: int = 10,
) -> Float[np.ndarray, " draws"]:
    """`weighted_expected_calibration_error` over `Weights`: one walk upwards for all draws."""
    must_be_probabilities(probabilities)
    must_be_bins(bins)
    said = np.unique(probabilities).tolist()
    groups = list(zip(said, tied(probabilities, target, weights.unit), strict=True))
    of_unit = np.bincount(weights.unit, minlength=len(weights.rows)).astype(np.float64)

    def walk(block: np.ndarray) -> np.ndarray:
        rows, total = list(block), of_unit @ block
        divisor = np.where(total > 0, total, 1.0)
        below, gap, error, now = (np.zeros(block.shape[1]) for _ in range(4))
        for probability, (positives, negatives) in groups:
            mass = summed(rows, positives + negatives)
            place = np.floor(bins * (below + 0.5 * mass) / divisor)
            left = place > now  # the draws in which this probability opens a bin
            np.add(error, np.abs(gap), out=error, where=left)
            np.copyto(gap, 0.0, where=left)
            np.copyto(now, place, where=left)
            np.add(gap, probability * mass, out=gap)
            if positives:
                np.subtract(gap, summed(rows, positives), out=gap)
            np.add(below, mass, out=below)
        return ratio(error + np.abs(gap), total)

    return weights.each(walk)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """One point of a reliability plot.

    Attributes:
        mean: Mean probability of the images in the bin.
        rate: Share of them that are positive.
        count: How many they are.
        low: Lower end of the rate's 95 % Wilson interval.
        high: Upper end.
    """

    mean: float
    rate: float
    count: int
    low: float
    high: float


def reliability(
    probabilities: Float[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    *,
    bins: int = 10,
) -> tuple[ReliabilityBin, ...]:
    """What was said and what happened, in the bins of `expected_calibration_error`.

    Empty bins are left out; the rest come in order of probability.

    Raises:
        InvalidValue: where a probability is outside [0, 1], there is no image, or no bin.
    """
    rising, happened, place = binned(probabilities, target, bins)
    points = []
    for here in (place == number for number in np.unique(place)):
        count, positives = int(here.sum()), int(happened[here].sum())
        low, high = wilson(positives, count)
        points.append(
            ReliabilityBin(
                mean=float(rising[here].mean()),
                rate=positives / count,
                count=count,
                low=low,
                high=high,
            )
        )
    return tuple(points)


def wilson(positives: int, count: int) -> tuple[float, float]:
    """The 95 % score interval of a share.

    Raises:
        InvalidValue: unless 0 <= positives <= count and 1 <= count.

    Source: Wilson, Journal of the American Statistical Association 1927.
    """
    if not 0 <= positives <= count or count == 0:
        raise InvalidValue(f"A share needs 0 <= positives <= count; got {positives} of {count}.")
    rate, weight = positives / count, _Z * _Z / count
    middle = (rate + weight / 2) / (1 + weight)
    half = sqrt(rate * (1 - rate) * weight + weight * weight / 4) / (1 + weight)
    # the ends are 0 and 1 exactly where nobody or everybody is positive
    return (
        0.0 if positives == 0 else middle - half,
        1.0 if positives == count else middle + half,
    )


def binned(
    probabilities: Float[np.ndarray, " images"], target: Bool[np.ndarray, " images"], bins: int
) -> tuple[Float[np.ndarray, " images"], Bool[np.ndarray, " images"], Int[np.ndarray, " images"]]:
    """Rising probabilities, their outcomes and bins; the formula is `expected_calibration_error`'s.

    Raises:
        InvalidValue: where a probability is outside [0, 1], there is no image, or no bin.
    """
    must_be_probabilities(probabilities)
    must_be_bins(bins)
    order = np.argsort(probabilities, kind="stable")
    rising = probabilities[order].astype(np.float64)
    first = np.searchsorted(rising, rising, side="left")
    last = np.searchsorted(rising, rising, side="right")
    return rising, target[order], bins * (first + last) // (2 * len(rising))


def logit(probabilities: Float[np.ndarray, " images"]) -> Float[np.ndarray, " images"]:
    """Log odds, of probabilities held a little from 0 and 1 as `log_loss` holds them."""
    must_be_probabilities(probabilities)
    held = np.clip(probabilities.astype(np.float64), _NEAREST, 1 - _NEAREST)
    return np.asarray(np.log(held) - np.log1p(-held))


def must_be_bins(bins: int) -> None:
    if bins < 1:
        raise InvalidValue(f"Calibration is told in one bin or more; got {bins}.")


def _squared(
    probabilities: Float[np.ndarray, " images"], target: Bool[np.ndarray, " images"]
) -> Float[np.ndarray, " images"]:
    return np.asarray(np.square(probabilities.astype(np.float64) - target))


def _surprise(
    probabilities: Float[np.ndarray, " images"], target: Bool[np.ndarray, " images"]
) -> Float[np.ndarray, " images"]:
    must_be_probabilities(probabilities)
    exact = probabilities.astype(np.float64)
    given = np.where(target, exact, 1 - exact)
    return np.asarray(-np.log(np.clip(given, _NEAREST, 1 - _NEAREST)))


def must_be_probabilities(probabilities: Float[np.ndarray, " images"]) -> None:
    if not len(probabilities):
        raise InvalidValue("Calibration needs an image; got none.")
    outside = ~((probabilities >= 0) & (probabilities <= 1))
    if outside.any():
        raise InvalidValue(
            f"Probabilities lie in [0, 1]; {int(outside.sum())} of {len(outside)} do not. "
            "Give calibrated probabilities, not scores."
        )

"""Whether a probability means what it says, and sigmoids that make it so."""

from dataclasses import dataclass
from math import isfinite, log, sqrt

import numpy as np
from jaxtyping import Bool, Float, Int, Num

from carina.core import InvalidValue
from carina.measures.decisions import mean_of
from carina.measures.ranking import tied
from carina.measures.weights import Weights, ratio, summed

__all__ = [
    "ReliabilityBin",
    "Sigmoid",
    "brier",
    "expected_calibration_error",
    "fit_sigmoid",
    "reliability",
    "sigmoid_from_moments",
    "weighted_brier",
    "weighted_expected_calibration_error",
    "wilson",
]

_Z = 1.959963984540054  # 97.5th percentile of the standard normal distribution


def brier(
    probabilities: Float[np.ndarray, " images"], target: Bool[np.ndarray, " images"]
) -> float:
    """Mean squared distance between probability and outcome, in [0, 1]; smaller is better.

    Raises:
        InvalidValue: where a probability is outside [0, 1], or there is no image.

    Source: Brier, Monthly Weather Review 1950.
    """
    _must_be_probabilities(probabilities)
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
    _must_be_probabilities(probabilities)
    return mean_of(_squared(probabilities, target), weights)


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
    _must_be_probabilities(probabilities)
    order = np.argsort(probabilities, kind="stable")
    rising = probabilities[order].astype(np.float64)
    gaps = np.bincount(_bin_of(rising, bins), weights=rising - target[order])
    return float(np.abs(gaps).sum()) / len(order)


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
    _must_be_probabilities(probabilities)
    _must_be_bins(bins)
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
    _must_be_probabilities(probabilities)
    order = np.argsort(probabilities, kind="stable")
    rising, happened = probabilities[order], target[order]
    place = _bin_of(rising, bins)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Sigmoid:
    """A map from scores to probabilities that never turns their order round.

    p = 1 / (1 + exp(-(slope * score + intercept))).

    Attributes:
        slope: Log odds gained a unit of score; not negative.
        intercept: Log odds at score 0.
    """

    slope: float
    intercept: float

    def __post_init__(self) -> None:
        if not (isfinite(self.slope) and isfinite(self.intercept)) or self.slope < 0:
            raise InvalidValue(
                "A sigmoid has a finite intercept and a finite slope of at least 0; "
                f"got slope {self.slope}, intercept {self.intercept}."
            )

    def __call__(self, scores: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """Probabilities, float64, of the scores' shape."""
        log_odds = self.slope * scores.astype(np.float64) + self.intercept
        return np.exp(-np.logaddexp(0.0, -log_odds))


def fit_sigmoid(
    scores: Float[np.ndarray, " images"], target: Bool[np.ndarray, " images"]
) -> Sigmoid:
    """The sigmoid of greatest likelihood with a slope of at least 0, outcomes drawn in a little.

    A positive counts as (n+ + 1) / (n+ + 2), a negative as 1 / (n- + 2), so that separable
    scores still have a finite answer. Where the best slope is negative, or all scores are the
    same, the slope is 0 and the probability is the mean of these outcomes, near the prevalence.

    Raises:
        InvalidValue: where there is no image or a score is not finite.

    Source: Platt, Advances in Large Margin Classifiers 1999; Newton's method with halved steps
    after Lin, Lin and Weng, Machine Learning 2007.
    """
    if not len(scores) or not np.isfinite(scores).all():
        raise InvalidValue("A sigmoid is fitted to one finite score or more.")
    positives = int(target.sum())
    negatives = len(target) - positives
    outcome = np.where(target, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    share = float(outcome.mean())
    flat = Sigmoid(slope=0.0, intercept=log(share / (1 - share)))
    centre, spread = float(scores.mean(dtype=np.float64)), float(scores.std(dtype=np.float64))
    if spread <= 1e-12 * abs(centre):
        return flat
    slope, intercept = _newton((scores - centre) / spread, outcome, flat.intercept)
    if slope <= 0:
        return flat
    return Sigmoid(slope=slope / spread, intercept=intercept - slope * centre / spread)


def sigmoid_from_moments(
    *, positives: int, negatives: int, mean_positive: float, mean_negative: float, variance: float
) -> Sigmoid:
    """The sigmoid of two normal distributions of scores with one variance, from sums alone.

    slope = (m+ - m-) / variance; intercept = log(n+ / n-) - slope (m+ + m-) / 2. Where a class
    is missing, the variance is 0 or the means stand the wrong way round, the slope is 0 and the
    probability is (n+ + 1) / (n + 2); a missing class's mean is not looked at.

    Args:
        positives: How many images are positive.
        negatives: How many are negative.
        mean_positive: Mean score of the positives.
        mean_negative: Mean score of the negatives.
        variance: Variance of the scores about the mean of their own class.

    Raises:
        InvalidValue: where there is no image, a count or the variance is negative.
    """
    if min(positives, negatives) < 0 or positives + negatives == 0 or variance < 0:
        raise InvalidValue(
            "Moments come from one image or more and have a variance of at least 0; "
            f"got {positives} positive, {negatives} negative, variance {variance}."
        )
    flat = Sigmoid(slope=0.0, intercept=log((positives + 1) / (negatives + 1)))
    if not positives or not negatives or not variance or mean_positive <= mean_negative:
        return flat
    slope = (mean_positive - mean_negative) / variance
    middle = (mean_positive + mean_negative) / 2
    return Sigmoid(slope=slope, intercept=log(positives / negatives) - slope * middle)


def _newton(
    scores: Float[np.ndarray, " images"], outcome: Float[np.ndarray, " images"], intercept: float
) -> tuple[float, float]:
    """Slope and intercept of least cross-entropy; the scores are centred and of unit spread."""
    design = np.stack([scores, np.ones_like(scores)], axis=1).astype(np.float64)
    at = np.array([0.0, intercept])

    def loss(where: np.ndarray) -> float:
        log_odds = design @ where
        return float(np.mean(np.logaddexp(0.0, log_odds) - outcome * log_odds))

    now = loss(at)
    for _ in range(100):
        said = np.exp(-np.logaddexp(0.0, -(design @ at)))
        slope = design.T @ (said - outcome) / len(design)
        curve = (design * (said * (1 - said))[:, None]).T @ design / len(design)
        step = np.linalg.solve(curve + 1e-12 * np.eye(2), slope)
        while (then := loss(at - step)) > now and np.abs(step).max() > 1e-14:
            step = step / 2
        if then > now or np.abs(step).max() < 1e-12:
            break
        at, now = at - step, then
    return float(at[0]), float(at[1])


def _bin_of(rising: Float[np.ndarray, " images"], bins: int) -> Int[np.ndarray, " images"]:
    """The bin of each image; the formula is `expected_calibration_error`'s."""
    _must_be_bins(bins)
    first = np.searchsorted(rising, rising, side="left")
    last = np.searchsorted(rising, rising, side="right")
    return np.asarray(bins * (first + last) // (2 * len(rising)))


def _must_be_bins(bins: int) -> None:
    if bins < 1:
        raise InvalidValue(f"Calibration is told in one bin or more; got {bins}.")


def _squared(
    probabilities: Float[np.ndarray, " images"], target: Bool[np.ndarray, " images"]
) -> Float[np.ndarray, " images"]:
    return np.asarray(np.square(probabilities.astype(np.float64) - target))


def _must_be_probabilities(probabilities: Float[np.ndarray, " images"]) -> None:
    if not len(probabilities):
        raise InvalidValue("Calibration needs an image; got none.")
    outside = ~((probabilities >= 0) & (probabilities <= 1))
    if outside.any():
        raise InvalidValue(
            f"Probabilities lie in [0, 1]; {int(outside.sum())} of {len(outside)} do not. "
            "Give calibrated probabilities, not scores."
        )

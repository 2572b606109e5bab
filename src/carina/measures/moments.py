"""Sigmoids from what scores sum to, where the scores themselves are gone."""

from math import log

from carina.core import InvalidValue
from carina.measures.maps import Sigmoid

__all__ = ["shrunken_sigmoid_from_moments", "sigmoid_from_moments"]


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
    if not positives or not negatives or not variance or mean_positive <= mean_negative:
        return Sigmoid(slope=0.0, intercept=log((positives + 1) / (negatives + 1)))
    slope = (mean_positive - mean_negative) / variance
    middle = (mean_positive + mean_negative) / 2
    return Sigmoid(slope=slope, intercept=log(positives / negatives) - slope * middle)


def shrunken_sigmoid_from_moments(
    *, positives: int, negatives: int, mean_positive: float, mean_negative: float, variance: float
) -> Sigmoid:
    """`sigmoid_from_moments` with its slope drawn towards 0, by as much as the counts leave in doubt.

    t^2 = (m+ - m-)^2 n+ n- / (n variance) is the squared t statistic of the two means: 1 on
    average where the scores tell nothing. Of the slope is kept

        max(0, 1 - 2 / t^2),

    1 being the share of t^2 that is noise in the means (van Houwelingen and le Cessie's heuristic
    shrinkage), and 1 again because the probability must hold on other images than it was fitted
    to, as AIC counts; the slope is gone where AIC would leave it out, t^2 <= 2. It tends to 1 as
    the counts grow. The intercept is what keeps the mean probability at the prevalence whatever
    the slope, exactly so for normal scores at the full slope, at none, and where n+ = n-:

        log(n+ / n-) - slope m - slope^2 variance (n- - n+) / (2 n),    m the mean of all scores.

    Where no slope is left the probability is the prevalence n+ / n; where a class is missing,
    (n+ + 1) / (n + 2). Rows of one patient count as if they were of several, so that the slope is
    then shrunken less than is due.

    Args:
        positives: How many images are positive.
        negatives: How many are negative.
        mean_positive: Mean score of the positives.
        mean_negative: Mean score of the negatives.
        variance: Variance of the scores about the mean of their own class.

    Raises:
        InvalidValue: where there is no image, a count or the variance is negative.

    Source: van Houwelingen and le Cessie, Statistics in Medicine 1990 (1 - 1 / chi^2 for one
    slope); Copas, Journal of the Royal Statistical Society B 1983; Akaike, 1973.
    """
    full = sigmoid_from_moments(
        positives=positives,
        negatives=negatives,
        mean_positive=mean_positive,
        mean_negative=mean_negative,
        variance=variance,
    )
    if not positives or not negatives:
        return full
    n = positives + negatives
    # full.slope (m+ - m-) is the squared distance of the means in standard deviations
    squared = full.slope * (mean_positive - mean_negative) * positives * negatives / n
    slope = full.slope * max(0.0, 1 - 2 / squared) if squared else 0.0
    mean = (positives * mean_positive + negatives * mean_negative) / n
    tilt = slope * slope * variance * (negatives - positives) / (2 * n)
    return Sigmoid(slope=slope, intercept=log(positives / negatives) - slope * mean - tilt)

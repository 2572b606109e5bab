"""Fitters of calibration maps to scores and outcomes, and how many outcomes each takes.

All draw the outcomes in a little, as Platt does: a positive counts as (n+ + 1) / (n+ + 2), a
negative as 1 / (n- + 2). So no map answers 0 or 1, and scores that part the classes still have a
finite fit.
"""

from collections.abc import Mapping
from math import log
from types import MappingProxyType
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from carina.core import InvalidValue
from carina.measures.logistic import fitted
from carina.measures.maps import BetaMap, IsotonicMap, Sigmoid, beta_terms

__all__ = [
    "MINIMUM_OF_CLASS",
    "FittedTo",
    "fit_beta",
    "fit_isotonic",
    "fit_sigmoid",
    "not_enough_data",
]

FittedTo = Literal["sigmoid", "beta", "isotonic", "threshold"]
"""What can be fitted to the scores of a finding."""

MINIMUM_OF_CLASS: Mapping[FittedTo, int] = MappingProxyType(
    {"sigmoid": 10, "beta": 20, "isotonic": 100, "threshold": 20}
)
"""How many positives, and as many negatives, a fit takes at least.

Ten events a slope (Peduzzi et al., Journal of Clinical Epidemiology 1996): a sigmoid has one, beta
two. A sensitivity of 20 positives is known to steps of 0.05. Isotonic regression has a step for
nearly every positive that stands alone, so that it needs many (Niculescu-Mizil and Caruana, ICML
2005, prefer a sigmoid below about a thousand rows).
"""


def not_enough_data(fit: FittedTo, *, positives: int, negatives: int) -> str | None:
    """The reason why so few outcomes are not fitted to; None where they are enough.

    It says what there is and what is wanted, and gives no number to use in its stead.
    """
    wanted = MINIMUM_OF_CLASS[fit]
    if min(positives, negatives) >= wanted:
        return None
    return (
        f"not enough data: {positives} positive and {negatives} negative, "
        f"{fit} from {wanted} of each"
    )


def fit_sigmoid(
    scores: Float[np.ndarray, " images"], target: Bool[np.ndarray, " images"]
) -> Sigmoid:
    """The sigmoid of greatest likelihood with a slope of at least 0.

    Where the best slope is negative, or all scores are the same, the slope is 0 and the
    probability is the mean of the outcomes as drawn in, near the prevalence.

    Raises:
        InvalidValue: where there is no image or a score is not finite.

    Source: Platt, Advances in Large Margin Classifiers 1999.
    """
    outcome = _drawn_in(scores, target)
    share = float(outcome.mean())
    flat = Sigmoid(slope=0.0, intercept=log(share / (1 - share)))
    centre, spread = float(scores.mean(dtype=np.float64)), float(scores.std(dtype=np.float64))
    if spread <= 1e-12 * abs(centre):
        return flat
    centred = (scores - centre) / spread
    design = np.stack([centred, np.ones_like(centred)], axis=1).astype(np.float64)
    (slope, intercept), _ = fitted(design, outcome, np.array([0.0, flat.intercept]))
    if slope <= 0:
        return flat
    return Sigmoid(
        slope=float(slope) / spread, intercept=float(intercept - slope * centre / spread)
    )


def fit_beta(scores: Float[np.ndarray, " images"], target: Bool[np.ndarray, " images"]) -> BetaMap:
    """The beta map of greatest likelihood with a and b at least 0, of any scores.

    Beta calibration maps numbers in (0, 1). Scores are brought there by `fit_sigmoid`, its
    prevalence divided out, so that s is 1/2 where a score speaks for neither class: there the two
    slopes meet, in the midst of the scores. With the prevalence left in, a rare finding would
    have nearly no score above 1/2 and nothing to tell its upper slope by.

    Raises:
        InvalidValue: where there is no image or a score is not finite.

    Source: Kull, Silva Filho and Flach, AISTATS 2017. Where they set a negative a or b to 0 and fit
    the other again, the better of both ways is taken, which is the optimum with a, b >= 0.
    """
    outcome, plain = _drawn_in(scores, target), fit_sigmoid(scores, target)
    share = float(outcome.mean())
    odds = log(share / (1 - share))
    even = Sigmoid(slope=plain.slope, intercept=plain.intercept - odds)
    if not plain.slope:
        return BetaMap(sigmoid=even, a=0.0, b=0.0, c=odds)
    terms = np.stack([*beta_terms(even, scores), np.ones(len(scores))], axis=1)

    def fit(*used: int) -> tuple[float, list[float]]:
        """Loss, and a, b and c with only some of the terms."""
        columns = list(used)
        found, loss = fitted(terms[:, columns], outcome, np.array([1.0, 1.0, odds])[columns])
        every = np.zeros(3)
        every[columns] = found
        return loss, every.tolist()

    best = fit(0, 1, 2)
    if min(best[1][:2]) < 0:
        best = min(one for one in (fit(0, 2), fit(1, 2), fit(2)) if min(one[1][:2]) >= 0)
    a, b, c = best[1]
    return BetaMap(sigmoid=even, a=a, b=b, c=c)


def fit_isotonic(
    scores: Float[np.ndarray, " images"], target: Bool[np.ndarray, " images"]
) -> IsotonicMap:
    """The rising steps of least squared error, by pooling adjacent violators.

    An edge lies midway between the scores on its sides, so that rounding a score moves no image
    to another step.

    Raises:
        InvalidValue: where there is no image or a score is not finite.

    Source: Ayer et al., Annals of Mathematical Statistics 1955; Zadrozny and Elkan, KDD 2002.
    """
    # scipy.optimize takes 0.1 s to import: only who fits steps waits for it
    from scipy.optimize import isotonic_regression

    outcome = _drawn_in(scores, target)
    at, place = np.unique(scores.astype(np.float64), return_inverse=True)
    count = np.bincount(place)
    mean = np.bincount(place, weights=outcome) / count
    rising = np.asarray(isotonic_regression(mean, weights=count).x)
    first = (
        np.flatnonzero(np.diff(rising) > 1e-12) + 1
    )  # of equal steps the sums differ by rounding
    below, above = at[first - 1], at[first]
    edges = np.maximum(below / 2 + above / 2, np.nextafter(below, np.inf))
    return IsotonicMap(edges=tuple(edges.tolist()), steps=tuple(rising[np.r_[0, first]].tolist()))


def _drawn_in(
    scores: Float[np.ndarray, " images"], target: Bool[np.ndarray, " images"]
) -> Float[np.ndarray, " images"]:
    """Platt's outcomes; the scores are looked at for sense only."""
    if not len(scores) or not np.isfinite(scores).all():
        raise InvalidValue("A calibration map is fitted to one finite score or more.")
    positives = int(target.sum())
    negatives = len(target) - positives
    return np.where(target, (positives + 1) / (positives + 2), 1 / (negatives + 2))

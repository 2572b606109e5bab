"""Maps from scores to probabilities; none turns the order of scores round, all go to JSON."""

from dataclasses import dataclass
from itertools import pairwise
from math import isfinite

import numpy as np
from jaxtyping import Float

from carina.core import InvalidValue

__all__ = ["BetaMap", "CalibrationMap", "IsotonicMap", "Sigmoid"]


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
        return logistic(self.slope * scores.astype(np.float64) + self.intercept)


@dataclass(frozen=True, slots=True, kw_only=True)
class BetaMap:
    """Beta calibration behind a sigmoid: one slope for low scores, another for high ones.

    With s the sigmoid of the score, log odds = a log(s) - b log(1 - s) + c. Far below the score at
    which s is 1/2 the log odds rise by a, far above by b, for each log odd of the sigmoid; with
    a = b it is a sigmoid again.

    Attributes:
        sigmoid: Score to s.
        a: Slope of the low scores; not negative.
        b: Slope of the high scores; not negative.
        c: Log odds at s = 1/2, less (b - a) log 2.

    Source: Kull, Silva Filho and Flach, AISTATS 2017.
    """

    sigmoid: Sigmoid
    a: float
    b: float
    c: float

    def __post_init__(self) -> None:
        if not all(map(isfinite, (self.a, self.b, self.c))) or min(self.a, self.b) < 0:
            raise InvalidValue(
                "A beta map has finite parameters, a and b at least 0; "
                f"got a {self.a}, b {self.b}, c {self.c}."
            )

    def __call__(self, scores: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """Probabilities, float64, of the scores' shape."""
        low, high = beta_terms(self.sigmoid, scores)
        return logistic(self.a * low + self.b * high + self.c)


@dataclass(frozen=True, slots=True, kw_only=True)
class IsotonicMap:
    """Steps: a probability for each stretch of scores, rising from stretch to stretch.

    A score on an edge belongs to the stretch above it. The edges lie between scores of single
    images, and a step tells the outcomes of the few images on it: kept, it is of patients as
    their scores are.

    Attributes:
        edges: Where a stretch ends and the next begins, rising.
        steps: Its probability; one more than there are edges, rising.
    """

    edges: tuple[float, ...]
    steps: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.steps) != len(self.edges) + 1:
            raise InvalidValue(
                "A step map has one step more than edges; "
                f"got {len(self.steps)} steps, {len(self.edges)} edges."
            )
        if not all(0 <= step <= 1 for step in self.steps) or not all(map(isfinite, self.edges)):
            raise InvalidValue("A step map has finite edges and steps in [0, 1].")
        if not all(low < high for row in (self.edges, self.steps) for low, high in pairwise(row)):
            raise InvalidValue("The edges and the steps of a step map rise; got some that do not.")

    def __call__(self, scores: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """Probabilities, float64, of the scores' shape."""
        return np.array(self.steps)[np.searchsorted(self.edges, scores, side="right")]


CalibrationMap = Sigmoid | BetaMap | IsotonicMap
"""A map from scores to probabilities, called on scores; as a field it is told by its ``kind``."""


def logistic(log_odds: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Probability of log odds, without overflow at any of them."""
    return np.asarray(np.exp(-np.logaddexp(0.0, -log_odds)))


def beta_terms(
    sigmoid: Sigmoid, scores: Float[np.ndarray, "*shape"]
) -> tuple[Float[np.ndarray, "*shape"], Float[np.ndarray, "*shape"]]:
    """log(s) and -log(1 - s) of a score's sigmoid, exact in both tails."""
    log_odds = sigmoid.slope * scores.astype(np.float64) + sigmoid.intercept
    return -np.logaddexp(0.0, -log_odds), np.asarray(np.logaddexp(0.0, log_odds))

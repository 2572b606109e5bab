"""How well scores rank: AUROC, average precision and the ROC curve; ties count as ties."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Int, Num

from carina.core import InvalidValue
from carina.measures.weights import Weights, ratio, summed

__all__ = [
    "RocCurve",
    "auroc",
    "average_precision",
    "roc_curve",
    "weighted_auroc",
    "weighted_average_precision",
]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RocCurve:
    """The points of a ROC curve, from nothing flagged to all flagged.

    Attributes:
        thresholds: Flagged is a score at or above; the first is infinite: nothing is flagged.
        false_positive_rate: Share of the negatives flagged.
        sensitivity: Share of the positives flagged.
    """

    thresholds: Float[np.ndarray, " points"]
    false_positive_rate: Float[np.ndarray, " points"]
    sensitivity: Float[np.ndarray, " points"]


def auroc(scores: Float[np.ndarray, " images"], target: Bool[np.ndarray, " images"]) -> float:
    """Area under the ROC curve: the chance that a positive outscores a negative, ties half.

    Exact: it is counted in whole and half pairs, so any strictly increasing map of the scores
    that keeps them apart leaves it unchanged to the last bit.

    Raises:
        InvalidValue: where a class is missing or a score is not finite.

    Source: Hanley and McNeil, Radiology 1982.
    """
    _, found, alarms = flagged(scores, target)
    twice = np.diff(alarms, prepend=0) @ (found + np.r_[0, found[:-1]])
    return float(twice) / (2.0 * float(found[-1]) * float(alarms[-1]))


def average_precision(
    scores: Float[np.ndarray, " images"], target: Bool[np.ndarray, " images"]
) -> float:
    """Mean precision over the positives, in steps: sum of (R_k - R_(k-1)) P_k.

    k runs over the distinct scores from the top; all images of one score enter together.
    As scikit-learn's: no interpolation.

    Raises:
        InvalidValue: where a class is missing or a score is not finite.
    """
    _, found, alarms = flagged(scores, target)
    gained = np.diff(found, prepend=0)
    return float(gained @ (found / (found + alarms))) / float(found[-1])


def roc_curve(
    scores: Float[np.ndarray, " images"], target: Bool[np.ndarray, " images"]
) -> RocCurve:
    """Every point of the ROC curve, one a distinct score.

    Raises:
        InvalidValue: where a class is missing or a score is not finite.
    """
    thresholds, found, alarms = flagged(scores, target)
    return RocCurve(
        thresholds=np.r_[np.inf, thresholds],
        false_positive_rate=np.r_[0.0, alarms / alarms[-1]],
        sensitivity=np.r_[0.0, found / found[-1]],
    )


def weighted_auroc(
    scores: Float[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    weights: Num[np.ndarray, "draws images"],
) -> Float[np.ndarray, " draws"]:
    """`auroc` in each of many draws, NaN where a draw lacks a class.

    A whole weight k counts an image as k images of the same score; then every sum is exact.

    Raises:
        InvalidValue: where a score is not finite or a weight is negative or not finite.
    """
    return auroc_of(scores, target, Weights.of(weights))


def weighted_average_precision(
    scores: Float[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    weights: Num[np.ndarray, "draws images"],
) -> Float[np.ndarray, " draws"]:
    """`average_precision` in each of many draws, NaN where a draw lacks a class.

    Raises:
        InvalidValue: where a score is not finite or a weight is negative or not finite.
    """
    return average_precision_of(scores, target, Weights.of(weights))


def flagged(
    scores: Float[np.ndarray, " images"], target: Bool[np.ndarray, " images"]
) -> tuple[Float[np.ndarray, " points"], Int[np.ndarray, " points"], Int[np.ndarray, " points"]]:
    """At each distinct score, from the top: it, and how many positives and negatives reach it."""
    must_be_finite(scores)
    for kind, there in (("positive", target.any()), ("negative", not target.all())):
        if not there:
            raise InvalidValue(f"Ranking needs both classes; no {kind} among {len(target)} images.")
    order = np.argsort(-scores, kind="stable")
    falling = scores[order]
    last = np.flatnonzero(np.r_[falling[1:] != falling[:-1], True])
    found = np.cumsum(target[order])[last]
    return falling[last], found, last + 1 - found


def auroc_of(
    scores: Float[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    weights: Weights,
) -> Float[np.ndarray, " draws"]:
    """`weighted_auroc` over `Weights`: sorted once, then one walk upwards for all draws."""
    groups = list(tied(scores, target, weights.unit))

    def walk(block: np.ndarray) -> np.ndarray:
        rows = list(block)
        won = np.zeros(block.shape[1])
        below, found, product = (np.zeros(block.shape[1], dtype=block.dtype) for _ in range(3))
        for positives, negatives in groups:
            beaten = below
            if positives and negatives:
                beaten = below + 0.5 * summed(rows, negatives)
            for unit in positives:
                np.multiply(rows[unit], beaten, out=product)
                np.add(won, product, out=won)
                np.add(found, rows[unit], out=found)
            for unit in negatives:
                np.add(below, rows[unit], out=below)
        return ratio(won, found.astype(np.float64) * below)

    return weights.each(walk, weights.pairs_type)


def average_precision_of(
    scores: Float[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    weights: Weights,
) -> Float[np.ndarray, " draws"]:
    """`weighted_average_precision` over `Weights`: one walk downwards for all draws."""
    groups = list(tied(scores, target, weights.unit))[::-1]

    def walk(block: np.ndarray) -> np.ndarray:
        rows = list(block)
        found, alarms, area, reached, precision = (np.zeros(block.shape[1]) for _ in range(5))
        for positives, negatives in groups:
            for unit in negatives:
                np.add(alarms, rows[unit], out=alarms)
            if not positives:
                continue
            gained = summed(rows, positives)
            np.add(found, gained, out=found)
            np.add(found, alarms, out=reached)
            # where nobody is reached yet, found and gained are zero too: any divisor will do
            np.divide(found, reached, out=precision, where=reached > 0)
            np.multiply(precision, gained, out=precision)
            np.add(area, precision, out=area)
        mean = ratio(area, found)
        mean[alarms == 0] = np.nan
        return mean

    return weights.each(walk)


def tied(
    scores: Float[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    unit: Int[np.ndarray, " images"],
) -> Iterator[tuple[list[int], list[int]]]:
    """Units of the positive and of the negative images at each distinct score, from the bottom."""
    must_be_finite(scores)
    order = np.argsort(scores, kind="stable")
    rising = scores[order]
    ends = (np.flatnonzero(rising[1:] != rising[:-1]) + 1).tolist()
    units, hits = unit[order].tolist(), target[order].tolist()
    for start, end in pairwise([0, *ends, len(units)]):
        here = range(start, end)
        yield [units[i] for i in here if hits[i]], [units[i] for i in here if not hits[i]]


def must_be_finite(scores: Float[np.ndarray, " images"]) -> None:
    if not np.isfinite(scores).all():
        bad = int((~np.isfinite(scores)).sum())
        raise InvalidValue(
            f"Scores are finite numbers; {bad} of {len(scores)} are NaN or infinite."
        )

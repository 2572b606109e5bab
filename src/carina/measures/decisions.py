"""How good yes-or-no answers are, for one finding; and exact match over all of them."""

import numpy as np
from jaxtyping import Bool, Float, Num

from carina.core import InvalidValue
from carina.measures.weights import Weights, ratio

__all__ = [
    "exact_match",
    "f1",
    "precision",
    "sensitivity",
    "specificity",
    "weighted_exact_match",
    "weighted_f1",
    "weighted_precision",
    "weighted_sensitivity",
    "weighted_specificity",
]


def f1(predicted: Bool[np.ndarray, " images"], target: Bool[np.ndarray, " images"]) -> float:
    """Harmonic mean of precision and sensitivity: 2 TP / (2 TP + FP + FN).

    Raises:
        InvalidValue: where no image is positive, so that there is no sensitivity.
    """
    if not target.any():
        raise InvalidValue(f"F1 needs a positive image; none among {len(target)}.")
    return 2.0 * int((predicted & target).sum()) / int(predicted.sum() + target.sum())


def weighted_f1(
    predicted: Bool[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    weights: Num[np.ndarray, "draws images"],
) -> Float[np.ndarray, " draws"]:
    """`f1` in each of many draws, NaN where a draw lacks positives.

    Raises:
        InvalidValue: where a weight is negative or not finite.
    """
    return f1_of(predicted, target, Weights.of(weights))


def f1_of(
    predicted: Bool[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    weights: Weights,
) -> Float[np.ndarray, " draws"]:
    """`weighted_f1` over `Weights`."""
    hits, flagged, positive = weights.totals(predicted & target, predicted, target)
    score = ratio(2.0 * hits, flagged + positive)
    score[positive == 0] = np.nan
    return score


def precision(predicted: Bool[np.ndarray, " images"], target: Bool[np.ndarray, " images"]) -> float:
    """Share of the flagged images that are positive, TP / (TP + FP); 0 where none is flagged.

    Where none is flagged there is no such share; 0 is what the field counts, and what keeps F1 the
    harmonic mean of precision and sensitivity.

    Raises:
        InvalidValue: where no image is positive.
    """
    _must_hold("Precision", "positive", target)
    return int((predicted & target).sum()) / max(1, int(predicted.sum()))


def sensitivity(
    predicted: Bool[np.ndarray, " images"], target: Bool[np.ndarray, " images"]
) -> float:
    """Share of the positives that are flagged, TP / (TP + FN); also called recall.

    Raises:
        InvalidValue: where no image is positive.
    """
    _must_hold("Sensitivity", "positive", target)
    return int((predicted & target).sum()) / int(target.sum())


def specificity(
    predicted: Bool[np.ndarray, " images"], target: Bool[np.ndarray, " images"]
) -> float:
    """Share of the negatives that are left alone, TN / (TN + FP).

    Raises:
        InvalidValue: where no image is negative.
    """
    _must_hold("Specificity", "negative", ~target)
    return sensitivity(~predicted, ~target)


def weighted_precision(
    predicted: Bool[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    weights: Num[np.ndarray, "draws images"],
) -> Float[np.ndarray, " draws"]:
    """`precision` in each of many draws, NaN where a draw lacks positives.

    Raises:
        InvalidValue: where a weight is negative or not finite.
    """
    return precision_of(predicted, target, Weights.of(weights))


def weighted_sensitivity(
    predicted: Bool[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    weights: Num[np.ndarray, "draws images"],
) -> Float[np.ndarray, " draws"]:
    """`sensitivity` in each of many draws, NaN where a draw lacks positives.

    Raises:
        InvalidValue: where a weight is negative or not finite.
    """
    return sensitivity_of(predicted, target, Weights.of(weights))


def weighted_specificity(
    predicted: Bool[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    weights: Num[np.ndarray, "draws images"],
) -> Float[np.ndarray, " draws"]:
    """`specificity` in each of many draws, NaN where a draw lacks negatives.

    Raises:
        InvalidValue: where a weight is negative or not finite.
    """
    return specificity_of(predicted, target, Weights.of(weights))


def precision_of(
    predicted: Bool[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    weights: Weights,
) -> Float[np.ndarray, " draws"]:
    """`weighted_precision` over `Weights`."""
    hits, flagged, positive = weights.totals(predicted & target, predicted, target)
    share = np.asarray(hits / np.where(flagged > 0, flagged, 1.0))
    share[positive == 0] = np.nan
    return share


def sensitivity_of(
    predicted: Bool[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    weights: Weights,
) -> Float[np.ndarray, " draws"]:
    """`weighted_sensitivity` over `Weights`."""
    hits, positive = weights.totals(predicted & target, target)
    return ratio(hits, positive)


def specificity_of(
    predicted: Bool[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    weights: Weights,
) -> Float[np.ndarray, " draws"]:
    """`weighted_specificity` over `Weights`."""
    return sensitivity_of(~predicted, ~target, weights)


def exact_match(
    predicted: Bool[np.ndarray, "images labels"],
    target: Bool[np.ndarray, "images labels"],
    known: Bool[np.ndarray, "images labels"],
) -> float:
    """Share of images all of whose known labels are answered rightly.

    Images without any known label are left out.

    Raises:
        InvalidValue: where no image has a known label.
    """
    counted = np.any(known, axis=1)
    if not counted.any():
        raise InvalidValue(f"Exact match needs a known label; none in {len(known)} images.")
    return float(matched(predicted, target, known)[counted].mean())


def weighted_exact_match(
    predicted: Bool[np.ndarray, "images labels"],
    target: Bool[np.ndarray, "images labels"],
    known: Bool[np.ndarray, "images labels"],
    weights: Num[np.ndarray, "draws images"],
) -> Float[np.ndarray, " draws"]:
    """`exact_match` in each of many draws, NaN where a draw has no image with a known label.

    Raises:
        InvalidValue: where a weight is negative or not finite.
    """
    counted = np.any(known, axis=1)
    right = matched(predicted, target, known)
    return mean_of(right[counted], Weights.of(weights).only(counted))


def matched(
    predicted: Bool[np.ndarray, "images labels"],
    target: Bool[np.ndarray, "images labels"],
    known: Bool[np.ndarray, "images labels"],
) -> Bool[np.ndarray, " images"]:
    """Whether all known labels of an image are answered rightly."""
    return np.asarray(np.all((predicted == target) | ~known, axis=1))


def mean_of(
    values: Bool[np.ndarray, " images"] | Float[np.ndarray, " images"], weights: Weights
) -> Float[np.ndarray, " draws"]:
    """The weighted mean of a value over the images, for each draw."""
    above, below = weights.totals(values, np.ones(len(values)))
    return ratio(above, below)


def _must_hold(what: str, kind: str, there: Bool[np.ndarray, " images"]) -> None:
    if not there.any():
        raise InvalidValue(f"{what} needs a {kind} image; none among {len(there)}.")

"""How good drawn masks are: overlap, boundaries, and what drawing nothing would have scored.

On data where most images are without a lesion, Dice over all images with "two empty masks agree"
is mostly the share of empty ones: the authors of Freeze the backbones (arXiv 2401.01179) report
73 % on SIIM where drawing nothing scores about as much. So the positive images lead, and two
predictors that have seen no image stand beside every score.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from carina.core import Estimate, Mismatch
from carina.measures import (
    PatientResamples,
    boundary_distances,
    dice,
    iou,
    mean_interval,
)

__all__ = ["EMPTY_CONVENTION", "MASK_SCORES", "blind_masks", "judge_masks"]

EMPTY_CONVENTION = (
    "dice_all is over all images: an image without the structure scores 1 where nothing is drawn "
    "and 0 where anything is"
)
"""What a table of mask scores says of empty masks."""

MASK_SCORES = ("dice_positive", "iou_positive", "dice_all", "average_distance", "hd95")
"""What is measured: the first two on positive images, the last two where both masks have a pixel,
in pixels of the encoder's input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Film:
    """One image's scores."""

    dice: float
    iou: float
    average_distance: float | None
    hd95: float | None


def judge_masks(
    predicted: Bool[np.ndarray, "drawn _ _"],
    truth: Bool[np.ndarray, "films rows cols"],
    resamples: PatientResamples,
) -> Mapping[str, Estimate]:
    """Every one of `MASK_SCORES`, means over images with intervals by patient.

    Args:
        predicted: Drawn masks.
        truth: People's.
        resamples: Draws of the patients of these images.

    Raises:
        Mismatch: where predicted and true masks are not of the same images.
    """
    if predicted.shape != truth.shape:
        raise Mismatch(f"Drawn are masks of {predicted.shape}, true ones of {truth.shape}.")
    films = [_judged(drawn, true) for drawn, true in zip(predicted, truth, strict=True)]
    positive: np.ndarray = np.asarray(truth.any(axis=(1, 2)))
    every = np.ones_like(positive)
    far = np.array([film.hd95 is not None for film in films])

    def mean(values: list[float], known: Bool[np.ndarray, " films"]) -> Estimate:
        return mean_interval(np.array(values), positive, resamples, known=known)

    return {
        "dice_positive": mean([film.dice for film in films], positive),
        "iou_positive": mean([film.iou for film in films], positive),
        "dice_all": mean([film.dice for film in films], every),
        "average_distance": mean([film.average_distance or 0.0 for film in films], far),
        "hd95": mean([film.hd95 or 0.0 for film in films], far),
    }


def blind_masks(
    learned_from: Bool[np.ndarray, "films rows cols"], films: int
) -> dict[str, Bool[np.ndarray, "{films} rows cols"]]:
    """What predictors draw that look at no image.

    Args:
        learned_from: Masks of the films that may be learned from.
        films: How many to draw on.

    Returns:
        "all-empty", nothing; "mean-mask", the pixels that are inside on half of those films.
    """
    middle = learned_from.mean(axis=0) >= 0.5
    return {
        "all-empty": np.zeros((films, *middle.shape), dtype=np.bool_),
        "mean-mask": np.broadcast_to(middle, (films, *middle.shape)),
    }


def _judged(drawn: Bool[np.ndarray, "rows cols"], true: Bool[np.ndarray, "rows cols"]) -> _Film:
    average, hd95 = boundary_distances(drawn, true) or (None, None)
    return _Film(dice=dice(drawn, true), iou=iou(drawn, true), average_distance=average, hd95=hd95)

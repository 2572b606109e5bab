"""How well a mask covers another: overlap, and the distance of their boundaries."""

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import binary_erosion, distance_transform_edt

__all__ = ["boundary_distances", "dice", "iou"]


def dice(predicted: Bool[np.ndarray, "rows cols"], truth: Bool[np.ndarray, "rows cols"]) -> float:
    """Twice what both share over what each has; 1 where both are empty, 0 where only one is.

    Source: Dice, Ecology 1945. For one empty mask and one that is not the formula gives 0; that
    two empty ones agree is a convention.
    """
    each = int(predicted.sum()) + int(truth.sum())
    return 2 * int((predicted & truth).sum()) / each if each else 1.0


def iou(predicted: Bool[np.ndarray, "rows cols"], truth: Bool[np.ndarray, "rows cols"]) -> float:
    """What both share over what either has; 1 where both are empty.

    Source: Jaccard, Bulletin de la Société Vaudoise des Sciences Naturelles 1901.
    """
    either = int((predicted | truth).sum())
    return int((predicted & truth).sum()) / either if either else 1.0


def boundary_distances(
    predicted: Bool[np.ndarray, "rows cols"],
    truth: Bool[np.ndarray, "rows cols"],
    *,
    spacing: tuple[float, float] = (1.0, 1.0),
) -> tuple[float, float] | None:
    """Average and 95th percentile of the distances between two boundaries; None where one is empty.

    A mask's boundary are its pixels with a neighbour, of four, that is not in it; beyond the image
    nothing is. The average is over the pixels of both boundaries, each to the nearest of the other;
    the percentile is the larger of those of the two directions, as MONAI has it, not that of both
    directions together.

    Args:
        predicted: One mask.
        truth: The other.
        spacing: Height and width of a pixel, in the unit of the answer.

    Source: Huttenlocher et al., IEEE TPAMI 1993 (Hausdorff distance); Maier-Hein et al., Metrics
    reloaded, Nature Methods 2024 (when each is apt).
    """
    if not predicted.any() or not truth.any():
        return None
    there = _to_boundary(predicted, truth, spacing)
    back = _to_boundary(truth, predicted, spacing)
    average = (there.sum() + back.sum()) / (len(there) + len(back))
    return float(average), float(max(np.percentile(there, 95), np.percentile(back, 95)))


def _to_boundary(
    mask: Bool[np.ndarray, "rows cols"],
    other: Bool[np.ndarray, "rows cols"],
    spacing: tuple[float, float],
) -> Float[np.ndarray, " pixels"]:
    """Distance of each boundary pixel of a mask to the nearest of the other's."""
    away = distance_transform_edt(~_boundary(other), sampling=spacing)
    found: np.ndarray = np.asarray(away)[_boundary(mask)]
    return found


def _boundary(mask: Bool[np.ndarray, "rows cols"]) -> Bool[np.ndarray, "rows cols"]:
    edge: np.ndarray = mask & ~binary_erosion(mask)
    return edge

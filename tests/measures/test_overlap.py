"""Overlap and boundaries of masks: by hand, by identities, and as MONAI has them."""

from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from carina.measures import boundary_distances, dice, iou

MASKS = arrays(np.bool_, (9, 7))
EMPTY = np.zeros((9, 7), dtype=bool)


def block(top: int, left: int, rows: int, cols: int) -> np.ndarray:
    mask = np.zeros((20, 20), dtype=bool)
    mask[top : top + rows, left : left + cols] = True
    return mask


def test_half_of_a_block_by_hand() -> None:
    whole, half = block(2, 2, 4, 4), block(2, 2, 4, 2)

    assert dice(half, whole) == pytest.approx(2 * 8 / (8 + 16))
    assert iou(half, whole) == pytest.approx(8 / 16)


@given(MASKS, MASKS)
def test_dice_follows_from_iou_and_neither_cares_who_is_who(
    one: np.ndarray, two: np.ndarray
) -> None:
    assert dice(one, two) == pytest.approx(2 * iou(one, two) / (1 + iou(one, two)))
    assert dice(one, two) == dice(two, one)
    assert iou(one, two) == iou(two, one)


def test_two_empty_masks_agree_and_one_does_not() -> None:
    assert dice(EMPTY, EMPTY) == iou(EMPTY, EMPTY) == 1.0
    assert dice(EMPTY, ~EMPTY) == iou(~EMPTY, EMPTY) == 0.0


def test_a_block_moved_by_three_pixels_is_three_pixels_away_at_most() -> None:
    found = boundary_distances(block(4, 4, 8, 8), block(4, 7, 8, 8))

    assert found is not None
    average, hd95 = found
    assert hd95 == pytest.approx(3.0)
    assert 0 < average < 3


def test_points_by_hand_and_the_spacing_is_the_unit() -> None:
    here, there = block(2, 3, 1, 1), block(5, 7, 1, 1)

    assert boundary_distances(here, there) == pytest.approx((5.0, 5.0))
    assert boundary_distances(here, there, spacing=(2.0, 2.0)) == pytest.approx((10.0, 10.0))
    assert boundary_distances(here, there, spacing=(1.0, 0.0)) == pytest.approx((3.0, 3.0))


def test_without_a_pixel_there_is_no_distance() -> None:
    assert boundary_distances(EMPTY, ~EMPTY) is None
    assert boundary_distances(~EMPTY, EMPTY) is None


@given(MASKS.filter(np.any))
def test_a_mask_lies_on_itself(mask: np.ndarray) -> None:
    assert boundary_distances(mask, mask) == (0.0, 0.0)


@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning")  # MONAI's own call
@pytest.mark.parametrize("seed", range(5))
def test_distances_are_monais(seed: int) -> None:
    metrics = import_module("monai.metrics")  # seconds: only where it is asked for
    torch = import_module("torch")
    rng = np.random.default_rng(seed)
    one, two = (
        block(*rng.integers(1, 6, 2), *rng.integers(3, 11, 2))
        | block(12, 12, 3, int(rng.integers(2, 6)))
        for _ in range(2)
    )
    pair = [torch.tensor(mask[None, None]).float() for mask in (one, two)]
    average, hd95 = boundary_distances(one, two) or (None, None)
    how = {"include_background": True}
    there = metrics.compute_average_surface_distance(*pair, symmetric=True, **how)

    assert average == pytest.approx(there.item(), abs=1e-5)
    assert hd95 == pytest.approx(
        metrics.compute_hausdorff_distance(*pair, percentile=95, **how).item(), abs=1e-5
    )

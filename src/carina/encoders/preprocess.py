"""From one grey image to an encoder's input: fitted, antialiased, scaled; the same bits each time."""

from functools import lru_cache
from math import ceil
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from PIL import Image

from carina.core import InvalidValue
from carina.encoders.card import Preprocess

__all__ = ["prepare", "prepare_mask"]

_SLACK = 1e-4  # rounding of whoever scaled the image to [0, 1]
_FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
_SUPPORT = {Image.Resampling.BILINEAR: 1, Image.Resampling.BICUBIC: 2}
"""How many pixels either side of its middle a filter reaches; as often more as it shrinks."""


def prepare(
    image: Float[np.ndarray, "rows cols"], spec: Preprocess
) -> Float[np.ndarray, "channels {spec.size} {spec.size}"]:
    """A grey image as the encoder with this `spec` wants it, float32.

    The filter widens when it shrinks (antialiasing), works in float32 and is clipped to [0, 1]
    again, so that bicubic overshoot stays inside what a byte could have held.

    Args:
        image: Grey values in [0, 1], 0 the darkest, any size.
        spec: The encoder's input recipe; its docstring says what each step is.

    Raises:
        InvalidValue: where the image is empty, not finite or not in [0, 1].
    """
    if image.size == 0:
        raise InvalidValue(f"An image has pixels; got one of shape {image.shape}.")
    low, high = float(image.min()), float(image.max())
    if not (low >= -_SLACK and high <= 1 + _SLACK):
        raise InvalidValue(
            f"prepare wants grey values in [0, 1]; got {low:g} to {high:g}. "
            "Divide by the largest value the pixels could have."
        )
    if spec.stretch and high > low:
        image = (image - low) / (high - low)
    fitted = _fit(np.ascontiguousarray(image, dtype=np.float32), spec)
    grey = np.clip(np.asarray(fitted, dtype=np.float32), 0.0, 1.0) * np.float32(spec.scale)
    mean = np.array(spec.mean, dtype=np.float32)[:, None, None]
    deviation = np.array(spec.deviation, dtype=np.float32)[:, None, None]
    scaled: np.ndarray = (grey - mean) / deviation  # of one channel where all are alike
    return scaled if len(scaled) == spec.channels else np.repeat(scaled, spec.channels, axis=0)


def prepare_mask(
    mask: Bool[np.ndarray, "rows cols"], spec: Preprocess
) -> Bool[np.ndarray, "{spec.size} {spec.size}"]:
    """A mask on the pixels of the input that `prepare` makes of its image.

    A pixel is in it where at least half of what it shows is; of a mask too small for that the pixels
    that show most of it are, so that no finding is lost. What a crop cuts off is gone; what padding
    adds is outside.

    Raises:
        InvalidValue: where the mask is empty of pixels.
    """
    if mask.size == 0:
        raise InvalidValue(f"A mask has pixels; got one of shape {mask.shape}.")
    shares = np.asarray(_fit(mask.astype(np.float32), spec))
    inside: np.ndarray = shares >= min(0.5, max(float(shares.max()), _SLACK))
    return inside


def _fit(image: Float[np.ndarray, "rows cols"], spec: Preprocess) -> Image.Image:
    filter_ = _FILTERS[spec.interpolation]
    side, size = spec.size, image.shape[::-1]
    match spec.fit:
        case "crop":
            short = min(size)
            wanted = spec.resize or side
            # the longer side is cut down to whole pixels, as torchvision's Resize does
            cols, rows = (wanted * length // short for length in size)
            picture = _resized(image, (cols, rows), filter_)
            left, top = round((cols - side) / 2), round((rows - side) / 2)
            return picture.crop((left, top, left + side, top + side))
        case "pad":
            long = max(size)
            cols, rows = (max(1, round(side * length / long)) for length in size)
            canvas = Image.new("F", (side, side), 0.0)
            picture = _resized(image, (cols, rows), filter_)
            canvas.paste(picture, ((side - cols) // 2, (side - rows) // 2))
            return canvas
        case _:
            return _resized(image, (side, side), filter_)


def _resized(
    image: Float[np.ndarray, "rows cols"], size: tuple[int, int], filter_: Image.Resampling
) -> Image.Image:
    """An image resized with Pillow's weights: down as a product, then across by Pillow itself.

    A row of the result has few rows of the image in it. Their weights as a sparse matrix shrink a
    film of 3000 x 2500 in a quarter of the time; which way comes first moves the last bits.
    """
    down = _weights(image.shape[0], size[1], filter_) @ image
    return Image.fromarray(down).resize(size, filter_)


@lru_cache(maxsize=256)
def _weights(rows: int, wanted: int, filter_: Image.Resampling) -> Any:
    """What each row of an image weighs in each row that Pillow makes of it, (wanted, rows), sparse.

    Rows further apart than the filter reaches can be read off together: Pillow resizes a picture with
    as many columns as that, each row of it bright in one.
    """
    from scipy.sparse import csr_array  # 0.1 s, for whoever prepares a film

    reach = _SUPPORT[filter_] * max(1.0, rows / wanted)
    apart = 2 * ceil(reach) + 3
    comb = np.eye(apart, dtype=np.float32)[np.arange(rows) % apart]
    read = np.asarray(Image.fromarray(comb).resize((apart, wanted), filter_))
    middle = ((np.arange(wanted) + 0.5) * (rows / wanted)).astype(np.int64)
    near = middle[:, None] + np.arange(apart) - apart // 2
    made, place = np.nonzero((near >= 0) & (near < rows))
    row = near[made, place]
    weights = csr_array((read[made, row % apart], (made, row)), shape=(wanted, rows))
    weights.eliminate_zeros()
    return weights

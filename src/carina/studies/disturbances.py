"""What other detectors, settings and archives do to a film, in three steps each.

For asking how far a reader's answers hold on films unlike those it learned from. Sizes are shares of
the film's longer side, so that a step is as strong on a large film as on a small one.
"""

import io
from enum import StrEnum

import numpy as np
from jaxtyping import Float32
from PIL import Image

from carina.core import InvalidValue

__all__ = ["LEVELS", "Disturbance", "disturbed"]


class Disturbance(StrEnum):
    """What is done to a film."""

    EXPOSURE = "exposure"
    """Grey values are raised to a power, which darkens the film."""
    NOISE = "noise"
    """Normal noise in grains of 1/512 of the longer side."""
    BLUR = "blur"
    """A Gaussian, its deviation in 1/512 of the longer side."""
    JPEG = "jpeg"
    """Compressed with loss, 8 bits."""
    RESOLUTION = "resolution"
    """Shrunk so far, and enlarged again."""
    INVERSION = "inversion"
    """Turned round, dense tissue dark: this share of films."""


LEVELS: dict[Disturbance, tuple[float, float, float]] = {
    Disturbance.EXPOSURE: (1.5, 2.25, 3.375),
    Disturbance.NOISE: (0.03, 0.06, 0.12),
    Disturbance.BLUR: (1.0, 2.0, 4.0),
    Disturbance.JPEG: (50, 20, 5),
    Disturbance.RESOLUTION: (0.5, 0.25, 0.125),
    Disturbance.INVERSION: (0.1, 0.5, 1.0),
}
"""Of each its steps: the power, the deviation, the deviation, the quality, the scale, the share."""
_GRAINS = 512


def disturbed(
    pixels: Float32[np.ndarray, "rows cols"],
    what: Disturbance,
    level: int,
    *,
    rng: np.random.Generator,
) -> Float32[np.ndarray, "rows cols"]:
    """The film after it, of the same size and in [0, 1].

    Args:
        pixels: In [0, 1].
        what: Is done.
        level: 1, 2 or 3.
        rng: Draws the noise, and whether a film is turned round.

    Raises:
        InvalidValue: for another level.
    """
    if level not in (1, 2, 3):
        raise InvalidValue(f"There are levels 1, 2 and 3; got {level}.")
    strength = LEVELS[what][level - 1]
    match what:
        case Disturbance.EXPOSURE:
            after = pixels**strength
        case Disturbance.NOISE:
            after = pixels + strength * _grains(pixels.shape, rng)
        case Disturbance.BLUR:
            from scipy.ndimage import gaussian_filter  # 0.1 s, for whoever blurs

            after = gaussian_filter(pixels, strength * max(pixels.shape) / _GRAINS)
        case Disturbance.JPEG:
            after = _compressed(pixels, int(strength))
        case Disturbance.RESOLUTION:
            small = _resized(pixels, tuple(max(1, round(n * strength)) for n in pixels.shape))
            after = _resized(small, pixels.shape)
        case Disturbance.INVERSION:
            after = 1 - pixels if rng.random() < strength else pixels
    return np.clip(after, 0, 1).astype(np.float32)


def _grains(shape: tuple[int, ...], rng: np.random.Generator) -> Float32[np.ndarray, "rows cols"]:
    fewer = tuple(max(1, round(n * _GRAINS / max(shape))) for n in shape)
    drawn = rng.normal(size=fewer).astype(np.float32)
    return _resized(drawn, shape, Image.Resampling.NEAREST)


def _compressed(
    pixels: Float32[np.ndarray, "rows cols"], quality: int
) -> Float32[np.ndarray, "rows cols"]:
    file = io.BytesIO()
    Image.fromarray(np.rint(pixels * 255).astype(np.uint8)).save(file, "JPEG", quality=quality)
    with Image.open(file) as image:
        return np.asarray(image, dtype=np.float32) / 255


def _resized(
    pixels: Float32[np.ndarray, "_ _"],
    shape: tuple[int, ...],
    by: Image.Resampling = Image.Resampling.BILINEAR,
) -> Float32[np.ndarray, "rows cols"]:
    rows, cols = shape
    return np.asarray(Image.fromarray(pixels).resize((cols, rows), by))

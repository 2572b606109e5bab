"""Outlines of drawn and true masks on a film, as a picture."""

import io

import numpy as np
from jaxtyping import Bool, Float
from PIL import Image
from scipy.ndimage import binary_erosion

__all__ = ["outline_picture"]

_DRAWN, _TRUE = (230, 159, 0), (86, 180, 233)  # orange and sky blue of Okabe and Ito


def outline_picture(
    film: Float[np.ndarray, "size size"],
    drawn: Bool[np.ndarray, "size size"],
    true: Bool[np.ndarray, "size size"],
) -> bytes:
    """A PNG of a film with the drawn mask's outline in orange over the true one's in blue.

    The file holds pixels and nothing else.

    Args:
        film: Grey values from 0 to 1.
        drawn: What a decoder drew.
        true: What a person drew, or a phantom is known to have.
    """
    shown = np.repeat(np.round(255 * film).astype(np.uint8)[..., None], 3, axis=2)
    shown[_edge(true)] = _TRUE
    shown[_edge(drawn)] = _DRAWN
    file = io.BytesIO()
    Image.fromarray(shown).save(file, format="PNG")
    return file.getvalue()


def _edge(mask: Bool[np.ndarray, "size size"]) -> Bool[np.ndarray, "size size"]:
    """The pixels of a mask that touch what is not of it; the picture's border is no edge."""
    edge: np.ndarray = mask & ~binary_erosion(mask, border_value=1)
    return edge

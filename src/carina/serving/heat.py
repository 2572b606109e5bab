"""A heat map as a picture: the film as the encoder sees it, and over it where a finding is seen."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from PIL import Image

__all__ = ["Heat", "heat_picture"]

_COLOUR = (230, 159, 0)  # orange of Okabe and Ito, told from grey by who sees no red
_OPAQUE = 0.65


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Heat:
    """Where a reader sees a finding on one image.

    Attributes:
        image: Its file, as it was asked for.
        finding: The finding.
        film: Grey values from 0 to 1 of the image as the encoder takes it: fitted to a square.
        heat: What each pixel says, in the unit of the finding's score; above 0 speaks for it.
    """

    image: Path
    finding: str
    film: Float[np.ndarray, "size size"]
    heat: Float[np.ndarray, "size size"]

    @property
    def picture(self) -> bytes:
        """A PNG file of it; see `heat_picture`."""
        return heat_picture(self.film, self.heat)


def heat_picture(
    film: Float[np.ndarray, "size size"], heat: Float[np.ndarray, "size size"]
) -> bytes:
    """A PNG of a film with what speaks for a finding in orange, strongest where it is highest.

    What speaks against it is left grey. The file holds pixels and nothing else.
    """
    top = float(heat.max())
    shown = np.clip(heat / top, 0, 1) if top > 0 else np.zeros_like(heat)
    cover = (_OPAQUE * shown)[..., None]
    mixed = (1 - cover) * 255 * film[..., None] + cover * np.array(_COLOUR)
    file = io.BytesIO()
    Image.fromarray(np.round(mixed).astype(np.uint8)).save(file, format="PNG")
    return file.getvalue()

"""From a chest to a film: sites with their own look, exposure, scatter, noise, frame, marker.

None of it knows of a finding: every number here is drawn from a generator of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from carina.phantoms.canvas import blurred, smooth_field

__all__ = ["SITES", "Exposure", "Site", "developed", "exposure"]

_LETTERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "L": ("10000", "10000", "10000", "10000", "10000", "10000", "11111"),
        "R": ("11110", "10001", "10001", "11110", "10100", "10010", "10001"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The look of one hospital's films.

    Attributes:
        name: What a table calls it.
        gamma: Bend of the tone curve; above 1 darkens lungs.
        contrast: Steepness of the curve about its middle.
        blur: Width of the point spread, in pixels of a 256-pixel film.
        noise: Spread of the quantum noise at full density.
        frame: Brightness of what lies outside the collimator.
        collimated: Share of films on which the collimator is seen.
    """

    name: str
    gamma: float
    contrast: float
    blur: float
    noise: float
    frame: float
    collimated: float


SITES = (
    Site(name="north", gamma=1.0, contrast=0.6, blur=0.45, noise=0.012, frame=0.0, collimated=0.2),
    Site(name="south", gamma=0.8, contrast=0.3, blur=0.65, noise=0.018, frame=0.0, collimated=0.7),
    Site(name="east", gamma=1.25, contrast=0.9, blur=0.40, noise=0.010, frame=0.95, collimated=0.5),
    Site(name="west", gamma=0.9, contrast=0.5, blur=0.80, noise=0.024, frame=0.1, collimated=0.4),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """How one film was taken.

    Attributes:
        level: Attenuation that comes out black.
        reach: Attenuation from black to white.
        dose: Noise is divided by its root; 1 is the site's usual.
        tilt: Change of density across and down the film (heel effect, rotated tube).
        scatter: Strength of the slow unevenness of scattered radiation.
        mas: The tube's charge in mAs, as a header tells it.
    """

    level: float
    reach: float
    dose: float
    tilt: tuple[float, float]
    scatter: float
    mas: float


def exposure(rng: np.random.Generator, view: str) -> Exposure:
    """An exposure as they vary from film to film; more dose and scatter in bed (AP)."""
    dose = float(np.exp(rng.normal(0, 0.3)))
    usual = 3.2 if view == "AP" else 2.0
    return Exposure(
        level=rng.uniform(-0.06, 0.14),
        reach=rng.uniform(0.98, 1.28),
        dose=dose,
        tilt=(rng.normal(0, 0.07), rng.normal(0, 0.05)),
        scatter=rng.uniform(0.02, 0.07),
        mas=round(usual * dose, 1),
    )


def developed(
    attenuation: Float[np.ndarray, "rows cols"],
    rng: np.random.Generator,
    site: Site,
    exposure: Exposure,
) -> Float[np.ndarray, "rows cols"]:
    """The film of an attenuation map: 0 is black, 1 white and dense, both always present."""
    size = len(attenuation)
    ramp = np.linspace(-1, 1, size, dtype=np.float32)
    film: np.ndarray = blurred(attenuation, site.blur * size / 256)
    film += np.float32(exposure.tilt[0]) * ramp + np.float32(exposure.tilt[1]) * ramp[:, None]
    film += np.float32(exposure.scatter) * smooth_field(rng, size, 3)
    film = np.clip((film - np.float32(exposure.level)) / np.float32(exposure.reach), 0.0, 1.0)
    film = film ** np.float32(site.gamma)
    film += np.float32(site.contrast) * (film - 0.5) * film * (1 - film)
    noise = rng.standard_normal((size, size), dtype=np.float32)
    film += np.float32(site.noise / exposure.dose**0.5) * noise * (0.35 + film)
    film = np.clip(film, 0.0, 1.0)
    _collimate(film, rng, site)
    _mark(film, rng)
    return film


def _collimate(film: Float[np.ndarray, "rows cols"], rng: np.random.Generator, site: Site) -> None:
    """Blind edges, and the black line round every film."""
    size = len(film)
    shown = rng.random() < site.collimated
    for _ in range(4):
        width = int(rng.integers(0, max(2, round(0.045 * size))))
        if shown:
            film[:width] = site.frame
        film[:1] = 0.0
        film[:] = np.rot90(film)


def _mark(film: Float[np.ndarray, "rows cols"], rng: np.random.Generator) -> None:
    """The side marker: L on the patient's left or R on the right, at the top."""
    size = len(film)
    letter = "L" if rng.random() < 0.8 else "R"
    block = np.array([[int(dot) for dot in line] for line in _LETTERS[letter]], dtype=bool)
    block = np.kron(block, np.ones((max(1, round(size / 170)),) * 2, dtype=bool))
    rows, columns = block.shape
    top = int(rng.uniform(0.05, 0.14) * size)
    aside = int(rng.uniform(0.05, 0.13) * size)
    left = size - aside - columns if letter == "L" else aside
    film[top : top + rows, left : left + columns][block] = 1.0

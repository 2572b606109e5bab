"""The six findings that phantoms have: what each does to a film, where, and how it is told.

A lesion changes three things: how much of the lung's air is replaced, what is added on top
(lines, bands), and how well vessels are still seen through it. The signs follow the
Fleischner Society's glossary of terms for thoracic imaging (Hansell et al., Radiology 2008).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Bool, Float

from carina.core import InvalidValue
from carina.phantoms.anatomy import Thorax
from carina.phantoms.canvas import blurred, smooth_field, step

__all__ = ["FINDINGS", "LARGE_HEART", "Lesion", "Place", "lesion"]

FINDINGS = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Pleural Effusion",
    "Pneumothorax",
)
"""What can be drawn; names of `carina.studies`."""
LARGE_HEART = 0.515
"""The cardiothoracic ratio from which a phantom's heart is enlarged; ordinary ones stay below 0.5."""

_LEAST = 0.002  # of the film, for fluid to show
_AS_LIVER = 0.24  # fluid hides the diaphragm: both are as dense


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How a lesion is told in words.

    Attributes:
        side: "right", "left", "bilateral" or "" where there is no side to it.
        zone: "upper", "middle", "lower" or "".
        size: "small", "moderate" or "large".
    """

    side: str = ""
    zone: str = ""
    size: str = "moderate"

    def __post_init__(self) -> None:
        if self.side not in ("", "right", "left", "bilateral"):
            raise InvalidValue(f"A side is right, left, bilateral or blank; got {self.side!r}.")
        if self.zone not in ("", "upper", "middle", "lower"):
            raise InvalidValue(f"A zone is upper, middle, lower or blank; got {self.zone!r}.")
        if self.size not in ("small", "moderate", "large"):
            raise InvalidValue(f"A size is small, moderate or large; got {self.size!r}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesion:
    """What one finding does to a film.

    Attributes:
        mask: Where it is; never empty.
        filled: Share of the air that it replaces, from 0 to 1.
        added: Attenuation it adds, whatever lies under it.
        seen: How well vessels are seen through it, 1 as well as ever.
        place: How it is told.
    """

    mask: Bool[np.ndarray, "rows cols"]
    filled: Float[np.ndarray, "rows cols"]
    added: Float[np.ndarray, "rows cols"]
    seen: Float[np.ndarray, "rows cols"]
    place: Place

    def __post_init__(self) -> None:
        if not self.mask.any():
            raise InvalidValue("A lesion is somewhere on the film; this one's mask is empty.")


def lesion(finding: str, rng: np.random.Generator, thorax: Thorax) -> Lesion:
    """One finding drawn on one chest.

    Cardiomegaly is in the build of the thorax; its lesion only marks the heart.
    """
    return _DRAWN[finding](rng, thorax)


def _atelectasis(rng: np.random.Generator, thorax: Thorax) -> Lesion:
    """Plate-like bands in the lower half, with a little loss of air around them."""
    side, sides = _sides(rng, bilateral=0.3)
    x, y = thorax.canvas.x, thorax.canvas.y
    added, haze = np.zeros_like(x), np.zeros_like(x)
    for one in sides:
        for _ in range(int(rng.integers(2, 5))):
            row, column = _somewhere(rng, thorax, one, 0.50, 0.95)
            tilt = one * rng.normal(0.25, 0.35)
            dx, dy = x - x[row, column], y - y[row, column]
            along, off = dx + tilt * dy, dy - tilt * dx + rng.normal(0, 0.5) * dx * dx
            reach, thick = rng.uniform(0.10, 0.24), rng.uniform(0.009, 0.020)
            ends = np.exp(-(np.square(np.square(along / reach))))
            added += rng.uniform(0.13, 0.21) * np.exp(-((off / thick) ** 2)) * ends
            haze += rng.uniform(0.04, 0.10) * np.exp(-((off / 0.05) ** 2)) * ends
    within = step(thorax.edge, 0.01) * step(thorax.floor, 0.01) * (thorax.air > 0.02)
    added = (added * within).astype(np.float32)
    return Lesion(
        mask=(added > 0.04) & thorax.body & np.isin(thorax.side, sides),
        filled=np.clip(haze, 0, 0.3).astype(np.float32),
        added=added,
        seen=np.ones_like(x),
        place=Place(side=side, zone="lower", size=_size(rng)),
    )


def _cardiomegaly(_: np.random.Generator, thorax: Thorax) -> Lesion:
    """The enlarged heart itself."""
    nothing = np.zeros_like(thorax.canvas.x)
    ratio = thorax.build.heart
    size = "small" if ratio < 0.54 else "moderate" if ratio < 0.57 else "large"
    return Lesion(
        mask=thorax.heart, filled=nothing, added=nothing, seen=nothing + 1, place=Place(size=size)
    )


def _consolidation(rng: np.random.Generator, thorax: Thorax) -> Lesion:
    """Patchy filling of air spaces with mottled edges, bronchi left dark within it."""
    side, sides = _sides(rng, bilateral=0.2)
    canvas, x, y = thorax.canvas, thorax.canvas.x, thorax.canvas.y
    zone, low, high = _ZONES[int(rng.integers(len(_ZONES)))]
    filled, added = np.zeros_like(x), np.zeros_like(x)
    for one in sides:
        row, column = _somewhere(rng, thorax, one, low, high)
        at, down = float(x[row, column]), float(y[row, column])
        wide, tall = rng.uniform(0.10, 0.20), rng.uniform(0.10, 0.18)
        form = np.exp(-(((x - at) / wide) ** 2) - ((y - down) / tall) ** 2)
        form += 0.16 * smooth_field(rng, canvas.size, 20) + 0.09 * smooth_field(
            rng, canvas.size, 56
        )
        patch = step(form - 0.45, 0.14) * (thorax.side == one)
        mottle = (
            1
            + 0.13 * smooth_field(rng, canvas.size, 64)
            + 0.10 * smooth_field(rng, canvas.size, 110)
        )
        filled += rng.uniform(0.55, 0.80) * patch * mottle
        added += patch * _bronchi(rng, thorax, one, at, down)
    filled = np.clip(filled, 0, 0.9).astype(np.float32)
    return Lesion(
        mask=((filled > 0.2) & thorax.lungs) & thorax.body,
        filled=filled,
        added=(-added * thorax.air).astype(np.float32),
        seen=1 - filled,
        place=Place(side=side, zone=zone, size=_size(rng)),
    )


_ZONES = (("upper", 0.12, 0.36), ("middle", 0.36, 0.62), ("lower", 0.62, 0.95))


def _bronchi(
    rng: np.random.Generator, thorax: Thorax, side: int, at: float, down: float
) -> Float[np.ndarray, "rows cols"]:
    """Air-filled bronchi that run from the hilum through a place, forking."""
    canvas = thorax.canvas
    steps = np.linspace(0, 1, 60)
    film = np.zeros_like(canvas.x)
    start = np.array([side * 0.13, 0.45])
    for _ in range(5):
        end = np.array([at, down]) + rng.normal(0, 0.06, 2)
        end += 0.35 * (end - start)
        bow = rng.normal(0, 0.04) * np.sin(np.pi * steps)
        points = start + (end - start) * steps[:, None]
        length = float(np.hypot(*(end - start)))
        weight = np.full(60, length / 60) * np.linspace(1.2, 0.7, 60)
        film += canvas.drawn(points[:, 0] + bow, points[:, 1] - bow, weight)
    return 0.20 * blurred(film, 1.0 * canvas.size / 256)


def _edema(rng: np.random.Generator, thorax: Thorax) -> Lesion:
    """Septal lines at the bases, cuffed bronchi at the hila, a net and a haze between them."""
    canvas, y, across = thorax.canvas, thorax.canvas.y, thorax.across
    much = rng.uniform(0.75, 1.35)
    lines = _septa_and_cuffs(rng, thorax)
    ridges = [np.exp(-np.square(smooth_field(rng, canvas.size, k) / 0.22)) for k in (36, 60)]
    net = 0.55 * ridges[0] + 0.45 * ridges[1]
    wings = np.exp(-(((across - 0.22) / 0.20) ** 2) - ((y - 0.58) / 0.32) ** 2)
    net *= 0.35 + 0.65 * wings
    haze = much * rng.uniform(0.04, 0.12) * wings * (1 + 0.4 * smooth_field(rng, canvas.size, 12))
    added = much * (0.19 * lines + 0.055 * net) * np.sqrt(thorax.air)
    return Lesion(
        mask=thorax.lungs & (wings > 0.35) & thorax.body,
        filled=np.clip(haze, 0, 0.5).astype(np.float32),
        added=added.astype(np.float32),
        seen=(1.0 + 0.35 * step(0.45 - y, 0.1)).astype(np.float32),
        place=Place(size="small" if much < 0.9 else "moderate" if much < 1.15 else "large"),
    )


def _septa_and_cuffs(rng: np.random.Generator, thorax: Thorax) -> Float[np.ndarray, "rows cols"]:
    """Short lines that reach the lateral wall, and rings about bronchi seen on end."""
    xs, ys, weights = [], [], []
    along, round_ = np.linspace(0, 1, 14), np.linspace(0, 2 * np.pi, 24)
    for side in (-1, 1):
        for _ in range(int(rng.integers(10, 20))):
            down, length = rng.uniform(0.50, 1.0), rng.uniform(0.03, 0.065)
            xs.append(side * (thorax.build.width * 0.965 - length * along))
            ys.append(down + rng.normal(0.0, 0.08) * length * along)
            weights.append(np.full(14, 0.85 * length / 14))
        for _ in range(int(rng.integers(4, 8))):
            radius = rng.uniform(0.010, 0.019)
            xs.append(side * rng.uniform(0.13, 0.25) + radius * np.cos(round_))
            ys.append(rng.uniform(0.32, 0.66) + radius * np.sin(round_))
            weights.append(np.full(24, 0.7 * 2 * np.pi * radius / 24))
    canvas = thorax.canvas
    lines = canvas.drawn(np.concatenate(xs), np.concatenate(ys), np.concatenate(weights))
    return blurred(lines, 0.7 * canvas.size / 256)


def _effusion(rng: np.random.Generator, thorax: Thorax) -> Lesion:
    """Fluid that rises towards the side wall in a meniscus and hides the diaphragm."""
    side, sides = _sides(rng, bilateral=0.25)
    heights = {one: float(rng.uniform(0.13, 0.40)) for one in sides}
    filled, above, mask = _fluid(thorax, heights)
    while mask.sum() < _LEAST * mask.size:  # where the film ends above the angle, more of it
        heights = {one: height + 0.05 for one, height in heights.items()}
        filled, above, mask = _fluid(thorax, heights)
    height = heights[sides[-1]]
    return Lesion(
        mask=mask,
        filled=filled,
        added=(_AS_LIVER * above * (1 - thorax.heart_shade)).astype(np.float32),
        seen=1 - filled,
        place=Place(
            side=side, size="small" if height < 0.23 else "moderate" if height < 0.35 else "large"
        ),
    )


def _fluid(
    thorax: Thorax, heights: Mapping[int, float]
) -> tuple[
    Float[np.ndarray, "rows cols"], Float[np.ndarray, "rows cols"], Bool[np.ndarray, "rows cols"]
]:
    """The air that fluid of some height replaces on each side, its shadow, and where it shows."""
    y, across = thorax.canvas.y, thorax.across
    filled = np.zeros_like(y)
    for one, height in heights.items():
        near = np.clip((across - 0.08) / (thorax.build.width - 0.08), 0, 1)
        top = thorax.angle(one) - height * (0.50 + 0.60 * np.square(near * near))
        below = (y - top) * (thorax.side == one)
        filled += (1 - np.exp(-np.clip(below, 0, None) / 0.035)) * (thorax.side == one)
    filled = np.clip(filled, 0, 0.94).astype(np.float32)
    above = filled * step(thorax.floor, 0.008) * step(thorax.edge, 0.01)
    return filled, above, (above > 0.4) & (thorax.air > 0.02) & thorax.body


def _pneumothorax(rng: np.random.Generator, thorax: Thorax) -> Lesion:
    """A fine pleural line off the wall; outside it air without vessels."""
    one = int(rng.choice((-1, 1)))
    y = thorax.canvas.y
    thick, end = rng.uniform(0.05, 0.14), rng.uniform(0.5, 1.0)
    gap = (
        thick
        * np.clip(1.25 - y / end, 0, 1.25) ** 0.8
        * (1 + 0.10 * np.sin(7 * y + rng.uniform(0, 6)))
    )
    roof = y - 1.9 * (thorax.across - 0.46 * thorax.build.width) ** 2
    inwards = np.minimum(thorax.edge, 0.9 * roof + 0.02) - gap
    own = (thorax.side == one) & (gap > 0.008)
    outside = step(-inwards, 0.006) * own
    line = np.exp(-((inwards / 0.0065) ** 2)) * own * step(thorax.air - 0.1, 0.05)
    mask = (outside > 0.5) & thorax.lungs
    return Lesion(
        mask=(mask) & thorax.body,
        filled=(0.03 * (thorax.side == one) * (1 - outside)).astype(np.float32),
        added=(rng.uniform(0.10, 0.14) * line - 0.02 * outside * thorax.air).astype(np.float32),
        seen=(1 - outside).astype(np.float32),
        place=Place(
            side=_NAMES[one],
            zone="upper",
            size="small" if thick < 0.08 else "moderate" if thick < 0.11 else "large",
        ),
    )


_NAMES = {-1: "right", 1: "left"}
_DRAWN: Mapping[str, Callable[[np.random.Generator, Thorax], Lesion]] = MappingProxyType(
    dict(
        zip(
            FINDINGS,
            (_atelectasis, _cardiomegaly, _consolidation, _edema, _effusion, _pneumothorax),
            strict=True,
        )
    )
)


def _sides(rng: np.random.Generator, *, bilateral: float) -> tuple[str, tuple[int, ...]]:
    """A side in words and as signs."""
    if rng.random() < bilateral:
        return "bilateral", (-1, 1)
    one = int(rng.choice((-1, 1)))
    return _NAMES[one], (one,)


def _size(rng: np.random.Generator) -> str:
    return str(rng.choice(("small", "moderate", "large"), p=(0.4, 0.4, 0.2)))


def _somewhere(
    rng: np.random.Generator, thorax: Thorax, side: int, low: float, high: float
) -> tuple[int, int]:
    """A pixel of the lung of one side between two heights; any of that lung where there is none."""
    lung = thorax.lung(side)
    zone = lung & (thorax.canvas.y > low) & (thorax.canvas.y < high)
    places = np.argwhere(zone if zone.any() else lung)
    row, column = places[int(rng.integers(len(places)))]
    return int(row), int(column)

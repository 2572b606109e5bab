"""The drawing board: body coordinates on a film, smooth profiles, random fields, drawn lines.

Body coordinates have their origin between the lung apices: ``x`` runs to the patient's left
(to the right of the film), ``y`` runs down, and one unit is about the height of a lung.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from carina.core import InvalidValue

__all__ = ["Canvas", "Pose", "Profile", "blurred", "canvas", "smooth_field", "step"]

_FILM = 1.56  # units of the body that a film of scale 1 is wide
_CENTRE = 0.58  # height of the body at the middle of a film without shift
_STEPS = 2048
_LOW, _HIGH = -1.0, 2.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """How a patient stands before the film.

    Attributes:
        turn: Rotation in the plane of the film, in radians.
        scale: Size on the film; 1 shows about one and a half lung heights.
        right: Shift to the right of the film, in units of the body.
        down: Shift down the film.
        skew: How far the front of the chest is off the back, to the patient's left.
    """

    turn: float = 0.0
    scale: float = 1.0
    right: float = 0.0
    down: float = 0.0
    skew: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Canvas:
    """Where each pixel of a square film lies in the body.

    Attributes:
        x: Place across, to the patient's left.
        y: Place down from the lung apices.
        pose: What was used to find it.
    """

    x: Float[np.ndarray, "rows cols"]
    y: Float[np.ndarray, "rows cols"]
    pose: Pose

    @property
    def size(self) -> int:
        """Pixels a side."""
        return len(self.x)

    def drawn(
        self,
        x: Float[np.ndarray, " points"],
        y: Float[np.ndarray, " points"],
        weight: Float[np.ndarray, " points"],
    ) -> Float[np.ndarray, "rows cols"]:
        """Points of the body set on the film, each shared among its four pixels.

        A point stands for a piece of line: its weight is the length of the piece, in units of
        the body, times the width, in pixels of a film of 256 a side. What falls beside the
        film is lost.
        """
        columns, lines = self._pixels(x, y)
        column, line = np.floor(columns).astype(np.int64), np.floor(lines).astype(np.int64)
        inside = (column >= 0) & (line >= 0) & (column < self.size - 1) & (line < self.size - 1)
        column, line, weight = column[inside], line[inside], weight[inside]
        right, down = columns[inside] - column, lines[inside] - line
        at = line * self.size + column
        places = np.concatenate([at, at + 1, at + self.size, at + self.size + 1])
        shares = np.concatenate(
            [
                weight * (1 - right) * (1 - down),
                weight * right * (1 - down),
                weight * (1 - right) * down,
                weight * right * down,
            ]
        )
        film = np.bincount(places, shares, minlength=self.size**2)
        pixels = film.reshape(self.size, self.size).astype(np.float32)
        return pixels * np.float32(self.size / _FILM * self.pose.scale * self.size / 256)

    def _pixels(
        self, x: Float[np.ndarray, " points"], y: Float[np.ndarray, " points"]
    ) -> tuple[Float[np.ndarray, " points"], Float[np.ndarray, " points"]]:
        """Columns and rows, with fractions, of points of the body."""
        pose, middle = self.pose, (self.size - 1) / 2
        dx, dy = (x + pose.right) * pose.scale, (y - _CENTRE + pose.down) * pose.scale
        cos, sin = np.cos(pose.turn), np.sin(pose.turn)
        unit = self.size / _FILM
        return middle + unit * (cos * dx - sin * dy), middle + unit * (sin * dx + cos * dy)


def canvas(size: int, pose: Pose) -> Canvas:
    """A film of ``size`` pixels a side before a patient in a pose.

    Raises:
        InvalidValue: where the film is too small to show a rib (below 64 pixels).
    """
    if size < 64:
        raise InvalidValue(f"A phantom is at least 64 pixels a side; {size} were asked for.")
    places = ((np.arange(size) - (size - 1) / 2) * _FILM / size).astype(np.float32)
    columns, lines = places[None, :], places[:, None]
    cos, sin = np.float32(np.cos(pose.turn)), np.float32(np.sin(pose.turn))
    return Canvas(
        x=(cos * columns + sin * lines) / np.float32(pose.scale) - np.float32(pose.right),
        y=(cos * lines - sin * columns) / np.float32(pose.scale) + np.float32(_CENTRE - pose.down),
        pose=pose,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A smooth curve through knots, looked up quickly; flat beyond its ends.

    Attributes:
        at: Places of the knots, rising.
        values: What the curve is there, before smoothing.
        smooth: Width of the smoothing, in units of the body.
    """

    at: Sequence[float]
    values: Sequence[float]
    smooth: float = 0.03

    def __call__(self, place: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """The curve at each place."""
        grid = np.linspace(_LOW, _HIGH, _STEPS)
        table = np.interp(grid, self.at, self.values)
        table = gaussian_filter1d(table, self.smooth / (grid[1] - grid[0]), truncate=3.0)
        index = ((place - _LOW) * ((_STEPS - 1) / (_HIGH - _LOW))).astype(np.int32)
        looked_up: np.ndarray = table.astype(np.float32)[np.clip(index, 0, _STEPS - 1)]
        return looked_up


def step(distance: Float[np.ndarray, "rows cols"], width: float) -> Float[np.ndarray, "rows cols"]:
    """From 0 to 1 as a distance passes 0, over about twice the width on either side."""
    scaled = distance * np.float32(0.5 / width)
    np.clip(scaled, -1.0, 1.0, out=scaled)
    curve = scaled * scaled
    curve *= -0.25
    curve += 0.75
    curve *= scaled
    curve += 0.5
    return curve


def smooth_field(
    rng: np.random.Generator, size: int, knots: int
) -> Float[np.ndarray, "{size} {size}"]:
    """A random film of mean 0 and spread 1 that varies over ``size / knots`` pixels."""
    weights = _spline(size, knots)
    values = rng.standard_normal((knots + 3, knots + 3)).astype(np.float32)
    field: np.ndarray = weights @ values @ weights.T
    return field


def blurred(film: Float[np.ndarray, "rows cols"], width: float) -> Float[np.ndarray, "rows cols"]:
    """A film seen through a Gaussian of that many pixels."""
    soft: np.ndarray = gaussian_filter(film, width, truncate=3.0, mode="nearest")
    return soft


@lru_cache(maxsize=32)
def _spline(size: int, knots: int) -> Float[np.ndarray, "places knots"]:
    """Weights of cubic B-splines at each pixel, scaled so that white noise keeps spread 1."""
    place = np.arange(size, dtype=np.float32)[:, None] / size * knots + 1
    away = np.abs(place - np.arange(knots + 3, dtype=np.float32)[None, :])
    near = 2 / 3 - away**2 + away**3 / 2
    far = np.clip(2 - away, 0, None) ** 3 / 6
    weights = np.where(away < 1, near, far)
    scaled: np.ndarray = (weights / np.sqrt((weights**2).sum(1, keepdims=True))).astype(np.float32)
    return scaled

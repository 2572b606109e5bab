"""A chest without findings: outline, lungs, heart, mediastinum, diaphragm, bones, vessels.

Everything is an additive map of attenuation, as on a film: tissue adds, air in the lungs
takes away. Proportions follow ordinary posteroanterior films (the heart's width below half
of the chest's, the right dome of the diaphragm above the left, ten posterior ribs above it).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from carina.phantoms.canvas import Canvas, Profile, blurred, smooth_field, step

__all__ = [
    "Build",
    "Thorax",
    "bones",
    "lucency",
    "parenchyma",
    "soft_tissue",
    "thorax",
    "unevenness",
    "vessels",
]

_TAKEN_BY_AIR = 0.50
_PEDICLE = 0.075


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """How one patient is built; lengths in units of the body.

    Attributes:
        width: Half the inner width of the chest at its widest.
        heart: Width of the heart over the inner width of the chest.
        lean: Share of the heart's width that lies left of the midline.
        wall: Thickness of the chest wall at the side.
        breast: Density of the breast shadows; 0 for none.
        breast_height: Where their lower edge lies.
        fat: Density of soft tissue over everything.
        knob: How far the aortic arch stands out.
        ribs: Distance between two ribs.
        bone: Density of ribs and clavicles.
        lift: How far each side of the diaphragm (right, left) is raised.
        gas: Density taken away by gas in the stomach; 0 for none.
    """

    width: float = 0.55
    heart: float = 0.44
    lean: float = 0.64
    wall: float = 0.08
    breast: float = 0.0
    breast_height: float = 0.95
    fat: float = 0.1
    knob: float = 0.03
    ribs: float = 0.105
    bone: float = 0.07
    lift: tuple[float, float] = (0.0, 0.0)
    gas: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Thorax:
    """Where the organs of one patient lie on one film.

    Attributes:
        canvas: The film in coordinates of the body.
        build: The patient's build.
        side: -1 on the patient's right (left of the film), +1 on the left.
        across: Distance from the midline.
        edge: Distance inside the rib cage from its lateral wall.
        floor: Height above the diaphragm.
        air: How much air a ray meets, from 0 to about 1, before anything fills the lung.
        body: Inside the outline of the body.
        lungs: Inside a lung and not behind heart, spine or diaphragm.
        heart: Inside the silhouette of the heart.
        heart_shade: The heart's silhouette with soft edges, from 0 to 1.
        pedicle_shade: The same of the great vessels above it.
    """

    canvas: Canvas
    build: Build
    side: Float[np.ndarray, "rows cols"]
    across: Float[np.ndarray, "rows cols"]
    edge: Float[np.ndarray, "rows cols"]
    floor: Float[np.ndarray, "rows cols"]
    air: Float[np.ndarray, "rows cols"]
    body: Bool[np.ndarray, "rows cols"]
    lungs: Bool[np.ndarray, "rows cols"]
    heart: Bool[np.ndarray, "rows cols"]
    heart_shade: Float[np.ndarray, "rows cols"]
    pedicle_shade: Float[np.ndarray, "rows cols"]

    def lung(self, side: int) -> Bool[np.ndarray, "rows cols"]:
        """The lung of one side: -1 right, +1 left."""
        lung: np.ndarray = self.lungs & (self.side == side)
        return lung

    def by_side(
        self, rng: np.random.Generator, low: float, high: float
    ) -> Float[np.ndarray, "rows cols"]:
        """One random number for the right side of the body and another for the left."""
        right, left = rng.uniform(low, high, 2)
        return np.where(self.side > 0, np.float32(left), np.float32(right))

    def angle(self, side: int) -> float:
        """How deep the costophrenic angle of a side reaches."""
        return _dome(self.build, side) + 0.47 * (1 - _CREST) ** 2 * self.build.width / 0.55


_CREST = 0.42  # of the half width, where the dome is highest


def _dome(build: Build, side: int) -> float:
    right, left = build.lift
    return 1.0 - (left - 0.045 if side > 0 else right)


def thorax(canvas: Canvas, build: Build) -> Thorax:
    """The organs of a patient laid out on a film."""
    x, y = canvas.x, canvas.y
    across, side = np.abs(x), np.where(x < 0, np.float32(-1), np.float32(1))
    width = build.width
    cage = Profile(
        at=[-0.05, 0.0, 0.08, 0.2, 0.35, 0.55, 0.8, 1.1, 1.5],
        values=[width * v for v in (0.40, 0.46, 0.58, 0.74, 0.86, 0.96, 1.0, 1.0, 0.97)],
        smooth=0.05,
    )
    edge = cage(y) - across
    roof = y - 1.9 * (across - 0.46 * width) ** 2
    dome = np.where(side > 0, np.float32(_dome(build, 1)), np.float32(_dome(build, -1)))
    off = across / width - _CREST
    fall = np.where(off > 0, np.float32(0.47), np.float32(0.30)) * (width / 0.55)
    floor = dome + fall * off**2 - y
    middle = across - (0.05 + 0.015 * y)
    heart, pedicle = _silhouette(canvas, build)
    inside = step(edge, 0.008) * step(roof, 0.012) * step(floor, 0.006) * step(middle, 0.02)
    depth = np.tanh(np.clip(edge, 0, None) / 0.16 + 0.25) * np.tanh(np.clip(roof, 0, None) / 0.14)
    depth *= 0.80 + 0.20 * np.tanh(np.clip(floor, 0, None) / 0.2)
    heart_shade, pedicle_shade = step(heart, 0.012), step(pedicle, 0.014)
    shade = np.maximum(heart_shade, pedicle_shade)
    outline = _outline(build)(y) - across
    lungs = (inside > 0.5) & (shade < 0.5) & (outline > 0)
    return Thorax(
        canvas=canvas,
        build=build,
        side=side,
        across=across,
        edge=edge,
        floor=floor,
        air=inside * depth * (1 - 0.80 * shade),
        body=outline > 0,
        lungs=lungs,
        heart=(heart > 0) & (outline > 0),
        heart_shade=heart_shade,
        pedicle_shade=pedicle_shade,
    )


def _silhouette(
    canvas: Canvas, build: Build
) -> tuple[Float[np.ndarray, "rows cols"], Float[np.ndarray, "rows cols"]]:
    """Distances inside the heart and inside the great vessels above it."""
    x, y = canvas.x - np.float32(canvas.pose.skew), canvas.y
    whole = 2 * build.width * build.heart
    left, right, lift = build.lean * whole, (1 - build.lean) * whole, sum(build.lift) / 2
    heights = [v - lift for v in (0.34, 0.42, 0.50, 0.60, 0.70, 0.80, 0.88, 0.95, 1.02, 1.2)]
    towards_left = Profile(
        at=heights,
        values=[left * v for v in (0.0, 0.42, 0.50, 0.65, 0.82, 0.95, 1.0, 0.98, 0.85, 0.3)],
    )
    towards_right = Profile(
        at=heights,
        values=[right * v for v in (0.0, 0.30, 0.60, 0.88, 1.0, 1.0, 0.94, 0.85, 0.7, 0.3)],
    )
    heart = np.where(x > 0, towards_left(y) - x, towards_right(y) + x)
    arch = [_PEDICLE * v for v in (0.8, 0.85, 0.9, 1.0, 1.05, 0.95, 1.0, 0.6)]
    arch[3] += build.knob
    great_left = Profile(at=[0.0, 0.12, 0.2, 0.28, 0.36, 0.42, 0.5, 0.7], values=arch, smooth=0.025)
    great_right = Profile(
        at=[0.0, 0.15, 0.3, 0.5, 0.7],
        values=[_PEDICLE * v for v in (0.8, 0.95, 1.0, 1.1, 0.6)],
    )
    pedicle = np.where(x > 0, great_left(y) - x, great_right(y) + x)
    return heart, pedicle


def _outline(build: Build) -> Profile:
    side = build.width + build.wall
    return Profile(
        at=[-0.6, -0.26, -0.14, 0.0, 0.12, 0.26, 0.40, 0.6, 1.3],
        values=[0.22, 0.24, 0.52, 0.90, 1.0, 0.92, side + 0.06, side, side + 0.2 * build.fat],
        smooth=0.03,
    )


def lucency(
    thorax: Thorax, filled: Float[np.ndarray, "rows cols"]
) -> Float[np.ndarray, "rows cols"]:
    """What air takes away from the attenuation; where ``filled`` is 1 there is none left."""
    taken: np.ndarray = np.float32(-_TAKEN_BY_AIR) * thorax.air * (1 - filled)
    return taken


def soft_tissue(rng: np.random.Generator, thorax: Thorax) -> Float[np.ndarray, "rows cols"]:
    """Chest wall, arms, breasts, mediastinum, heart, abdomen and neck."""
    build, canvas = thorax.build, thorax.canvas
    x, y, across = canvas.x, canvas.y, thorax.across
    outline = _outline(build)(y)
    ratio = np.clip(across / outline, 0, 1) ** 2
    film: np.ndarray = (0.66 + 0.5 * build.fat) * np.sqrt(np.clip(1 - ratio * ratio, 0, None))
    spine = step(0.052 - across, 0.012)
    discs = 0.75 + 0.25 * np.cos(y * np.float32(2 * np.pi / 0.088))
    film += 0.10 * spine * discs * step(y + 0.5, 0.3)
    windpipe = step(0.026 - np.abs(x - 0.3 * canvas.pose.skew), 0.01) * step(0.33 - y, 0.03)
    film -= 0.10 * windpipe
    below = np.maximum(
        step(-thorax.floor, 0.008), step(0.13 - across, 0.06) * step(y - 0.93, 0.06)
    ) * step(outline - across - 0.02, 0.02)
    film += np.maximum.reduce(
        [
            0.25 * thorax.heart_shade,
            0.20 * thorax.pedicle_shade * step(y - 0.02, 0.06),
            0.27 * below,
        ]
    )
    film += 0.03 * below * smooth_field(rng, canvas.size, 7)
    film += 0.09 * np.exp(-(((across - 0.62) / 0.22) ** 2 + ((y - 0.02) / 0.14) ** 2))
    socket = 1 - ((across - build.width - 0.23) / 0.085) ** 2 - ((y - 0.03) / 0.085) ** 2
    film += 0.06 * np.sqrt(np.clip(socket, 0, None)) + 0.03 * step(socket, 0.10)
    film += _stomach(rng, thorax) + _breasts(rng, thorax) + _arms(rng, thorax)
    return film.astype(np.float32)


def _stomach(rng: np.random.Generator, thorax: Thorax) -> Float[np.ndarray, "rows cols"]:
    """Gas under the left dome of the diaphragm."""
    x, y = thorax.canvas.x, thorax.canvas.y
    at, top = rng.uniform(0.15, 0.32), _dome(thorax.build, 1) + rng.uniform(0.07, 0.11)
    reach = 1 - ((x - at) / rng.uniform(0.08, 0.15)) ** 2 - ((y - top) / 0.05) ** 2
    gas: np.ndarray = -thorax.build.gas * step(reach, 0.35) * step(-thorax.floor, 0.02)
    return gas.astype(np.float32)


def _breasts(rng: np.random.Generator, thorax: Thorax) -> Float[np.ndarray, "rows cols"]:
    """Two round shadows over the lower chest, sharp below and faint above."""
    build, x, y = thorax.build, thorax.canvas.x, thorax.canvas.y
    film = np.zeros_like(x)
    if build.breast <= 0:
        return film
    for side in (-1, 1):
        radius = rng.uniform(0.24, 0.34)
        at = side * (0.55 * build.width + rng.uniform(-0.03, 0.06))
        bottom = build.breast_height + rng.uniform(-0.05, 0.05)
        near = 1 - ((x - at) / (radius * 1.05)) ** 2 - ((y - bottom + radius) / radius) ** 2
        thick = np.sqrt(np.clip(near, 0, None)) * np.clip(
            (y - bottom + 1.7 * radius) / radius, 0, 1
        )
        film += np.float32(build.breast * rng.uniform(0.8, 1.2)) * thick
    return film


def _arms(rng: np.random.Generator, thorax: Thorax) -> Float[np.ndarray, "rows cols"]:
    """Upper arms beside the chest, where they are on the film at all."""
    y, across = thorax.canvas.y, thorax.across
    start = thorax.build.width + thorax.build.wall + 0.15 + thorax.by_side(rng, 0.0, 0.22)
    away = np.abs(across - start - thorax.by_side(rng, -0.05, 0.35) * (y - 0.2))
    round_ = np.sqrt(np.clip(1 - np.square(away / 0.15), 0, None))
    arm = 0.55 * round_ + 0.10 * step(0.032 - away, 0.012)
    film: np.ndarray = arm * step(y - 0.25, 0.16)
    return film


def bones(rng: np.random.Generator, thorax: Thorax) -> Float[np.ndarray, "rows cols"]:
    """Posterior and anterior ribs, clavicles and the edges of the shoulder blades."""
    build, y, across = thorax.build, thorax.canvas.y, thorax.across
    near = across / build.width
    fade = step(thorax.edge + 0.035, 0.02) * step(y + 0.08, 0.03) * step(1.25 - y, 0.2)
    fade *= 1 - 0.6 * step(-thorax.floor, 0.02)
    behind = (
        y - (0.10 * near + 0.20 * near * near * near) * (0.75 + 0.5 * y) + 0.03 * near * (1 - near)
    )
    film: np.ndarray = build.bone * _bands(behind / build.ribs + rng.random(), 0.42) * fade
    before = y + (0.34 * near - 0.10 * near**2) * (0.8 + 0.3 * y)
    seen = step(near - 0.42, 0.10) * step(0.95 - y, 0.15) * step(y - 0.12, 0.08)
    film += (
        0.55 * build.bone * _bands(before / (1.18 * build.ribs) + rng.random(), 0.46) * fade * seen
    )
    bow = 0.16 * np.square(across - 0.35) - rng.uniform(0.10, 0.22) * across
    away = np.abs(y - bow - thorax.by_side(rng, 0.07, 0.15))
    band = step(0.021 - away, 0.006) * (0.6 + 0.5 * step(away - 0.012, 0.005))
    ends = step(across - 0.05, 0.02) * step(0.66 - across, 0.03)
    film += 1.25 * build.bone * band * ends
    blade = across - build.width * thorax.by_side(rng, 0.86, 1.02) - 0.10 * (0.45 - y)
    reach = step(y + 0.02, 0.05) * step(thorax.by_side(rng, 0.42, 0.55) - y, 0.04)
    rim = np.exp(-np.square(blade / 0.012))
    film += build.bone * reach * (0.35 * step(blade, 0.01) + 0.5 * rim)
    return film.astype(np.float32)


def _bands(phase: Float[np.ndarray, "rows cols"], share: float) -> Float[np.ndarray, "rows cols"]:
    """Bands that fill a share of each period, brighter at their lower and upper edge."""
    part = np.abs(phase - np.floor(phase) - 0.5) * 2
    inside = step(share - part, 0.06)
    return inside * (0.62 + 0.38 * step(part - share + 0.16, 0.08))


def vessels(rng: np.random.Generator, thorax: Thorax) -> Float[np.ndarray, "rows cols"]:
    """The vascular tree of both lungs, wide at the hila and fine towards the periphery."""
    canvas = thorax.canvas
    thick, fine = np.zeros_like(canvas.x), np.zeros_like(canvas.x)
    for side in (-1, 1):
        hilum = (side * 0.125 + 0.4 * canvas.pose.skew, 0.47 - 0.02 * (side > 0))
        angles = np.linspace(-1.25, 1.45, 12) + rng.normal(0, 0.12, 12)
        starts = np.tile(np.array([hilum]), (12, 1)) + rng.normal(0, 0.012, (12, 2))
        lengths = rng.uniform(0.15, 0.28, 12) * (1 + 0.25 * np.sin(angles))
        for level, (width, share) in enumerate(
            [(1.5, 1.0), (0.95, 0.9), (0.65, 0.75), (0.5, 0.65)]
        ):
            points, ends, turned = _branches(rng, starts, angles, lengths, side)
            steps = points.shape[1]
            taper = np.linspace(1.0, 0.75, steps)[None, :] * lengths[:, None] / steps
            weight = (share * width * taper).ravel()
            drawn = canvas.drawn(points[..., 0].ravel(), points[..., 1].ravel(), weight)
            if level == 0:
                thick += drawn
            else:
                fine += drawn
            starts = np.repeat(ends, 2, axis=0)
            spread = np.tile([-0.30, 0.36], len(ends)) + rng.normal(0, 0.14, 2 * len(ends))
            angles, lengths = np.repeat(turned, 2) + spread, np.repeat(lengths, 2) * 0.68
    pixel = canvas.size / 256
    film: np.ndarray = 1.1 * blurred(thick, 1.5 * pixel) + blurred(fine, 0.75 * pixel)
    hila = np.exp(-(((thorax.across - 0.13) / 0.055) ** 2) - ((canvas.y - 0.47) / 0.10) ** 2)
    return (0.15 * film + 0.065 * hila).astype(np.float32)


def _branches(
    rng: np.random.Generator,
    starts: Float[np.ndarray, "branches 2"],
    angles: Float[np.ndarray, " branches"],
    lengths: Float[np.ndarray, " branches"],
    side: int,
) -> tuple[
    Float[np.ndarray, "branches points 2"],
    Float[np.ndarray, "branches 2"],
    Float[np.ndarray, " branches"],
]:
    """Gently bent branches from their starts; also their ends and the way they point there."""
    along = np.linspace(0, 1, 28)
    bend = rng.normal(0.10, 0.22, len(angles))
    way = angles[:, None] + bend[:, None] * along[None, :]
    stride = lengths[:, None] / len(along)
    across = starts[:, :1] + side * np.cumsum(np.cos(way) * stride, axis=1)
    down = starts[:, 1:] + np.cumsum(np.sin(way) * stride, axis=1)
    points = np.stack([across, down], axis=-1)
    return points, points[:, -1], way[:, -1]


def unevenness(rng: np.random.Generator, thorax: Thorax) -> Float[np.ndarray, "rows cols"]:
    """Share of the air that any chest lacks here and there: breath, posture, skin folds."""
    size = thorax.canvas.size
    share: np.ndarray = thorax.by_side(rng, 0.0, 0.16) + np.float32(0.055) * smooth_field(
        rng, size, 5
    )
    return share.clip(0.0, 0.4)


def parenchyma(rng: np.random.Generator, thorax: Thorax) -> Float[np.ndarray, "rows cols"]:
    """The faint uneven grain of aerated lung."""
    size = thorax.canvas.size
    grain = 0.6 * smooth_field(rng, size, 48) + 0.5 * smooth_field(rng, size, 100)
    uneven: np.ndarray = np.float32(0.012) * grain * thorax.air
    return uneven

"""What lies on a patient in bed: electrodes of a monitor and their wires, no finding at all."""

import numpy as np
from jaxtyping import Float

from carina.phantoms.anatomy import Thorax
from carina.phantoms.canvas import blurred, step

__all__ = ["monitor"]


def monitor(rng: np.random.Generator, thorax: Thorax) -> Float[np.ndarray, "rows cols"]:
    """Two to four electrodes on the chest, each with a wire that leaves the film."""
    canvas = thorax.canvas
    along = np.linspace(0, 1, 220)
    film, wires = np.zeros_like(canvas.x), np.zeros_like(canvas.x)
    leave = np.array([rng.uniform(-0.7, 0.7), 1.45])
    for _ in range(int(rng.integers(2, 5))):
        side = int(rng.choice((-1, 1)))
        at = np.array([side * rng.uniform(0.25, 0.95) * thorax.build.width, rng.uniform(0.05, 0.9)])
        distance = np.hypot(canvas.x - at[0], canvas.y - at[1])
        film += 0.10 * step(0.016 - distance, 0.003) + 0.09 * step(0.007 - distance, 0.003)
        bow = rng.normal(0, 0.16) * np.sin(np.pi * along)
        points = at + (leave - at) * along[:, None]
        length = float(np.hypot(*(leave - at)))
        weight = np.full(len(along), 0.75 * length / len(along))
        wires += canvas.drawn(points[:, 0] + bow, points[:, 1] + 0.3 * bow, weight)
    return film + 0.16 * blurred(wires, 0.6 * canvas.size / 256)

"""Films and pictures as the input guard sees them, for fitting and for judging it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from carina.phantoms import draw
from carina.studies import read_data, read_image, square

SETS = ("nih", "covid", "paediatric")
PHANTOMS = {"train": range(250), "val": range(250, 400), "test": range(400, 600)}
_SEED = 11


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """One film, as a square of ranks.

    Attributes:
        set: Whose data set, or "phantom".
        split: "train", "val" or "test".
        patient: Unique over the sets.
        lateral: Whether the table says so.
        small: (64, 64) ranks.
        tilted: Likewise of two copies, tilted by up to 10 degrees and cut by up to 13 % a side;
            of training films only.
        part: Likewise of a part, enlarged, a quarter to less than a half of each side.
    """

    set: str
    split: str
    patient: str
    lateral: bool
    small: np.ndarray
    tilted: tuple[np.ndarray, ...]
    part: np.ndarray


def films(data: Path, *splits: str) -> list[Seen]:
    """Every film of some splits, and drawn ones."""
    found = []
    for name in SETS:
        manifest = read_data(data / name)
        for row, split in enumerate(manifest.split):
            if split in splits:
                found.append(
                    _seen(
                        read_image(manifest.root / manifest.image[row]).pixels,
                        of=(name, split, f"{name} {manifest.patient[row]}"),
                        lateral=manifest.view[row] == "LATERAL",
                        random=np.random.default_rng([SETS.index(name), row]),
                    )
                )
    for split in splits:
        found += [
            _seen(
                np.asarray(draw(_SEED, number, size=128).pixels, dtype=np.float32),
                of=("phantom", split, f"phantom {number}"),
                lateral=False,
                random=np.random.default_rng([len(SETS), number]),
            )
            for number in PHANTOMS[split]
        ]
    return found


def _seen(
    pixels: np.ndarray, *, of: tuple[str, str, str], lateral: bool, random: np.random.Generator
) -> Seen:
    name, split, patient = of
    copies = 2 if split == "train" else 0
    return Seen(
        set=name,
        split=split,
        patient=patient,
        lateral=lateral,
        small=square(pixels),
        tilted=tuple(square(_tilted(pixels, random)) for _ in range(copies)),
        part=square(_part(pixels, random)),
    )


def _tilted(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    image = Image.fromarray(np.ascontiguousarray(pixels, dtype=np.float32))
    angle = float(random.uniform(-10, 10))
    turned = np.asarray(image.rotate(angle, resample=Image.Resampling.BILINEAR))
    (top, bottom), (left, right) = (
        (random.uniform(0, 0.13, 2) * side).astype(int).tolist() for side in pixels.shape
    )
    rows, cols = pixels.shape
    return turned[top : rows - bottom, left : cols - right]


def _part(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    high, wide = (int(side * random.uniform(0.25, 0.45)) for side in pixels.shape)
    top = int(random.integers(pixels.shape[0] - high))
    left = int(random.integers(pixels.shape[1] - wide))
    return pixels[top : top + high, left : left + wide]

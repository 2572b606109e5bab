"""Films and pictures as the input guard sees them, for fitting and for judging it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

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
    """

    set: str
    split: str
    patient: str
    lateral: bool
    small: np.ndarray


def films(data: Path, *splits: str) -> list[Seen]:
    """Every film of some splits, and drawn ones."""
    found = []
    for name in SETS:
        manifest = read_data(data / name)
        for row, split in enumerate(manifest.split):
            if split not in splits:
                continue
            found.append(
                Seen(
                    set=name,
                    split=split,
                    patient=f"{name} {manifest.patient[row]}",
                    lateral=manifest.view[row] == "LATERAL",
                    small=square(read_image(manifest.root / manifest.image[row]).pixels),
                )
            )
    for split in splits:
        found += [
            Seen(
                set="phantom",
                split=split,
                patient=f"phantom {number}",
                lateral=False,
                small=square(np.asarray(draw(_SEED, number, size=128).pixels, dtype=np.float32)),
            )
            for number in PHANTOMS[split]
        ]
    return found

"""A folder of small films with the findings of ChestX-ray14, for benchmarks in miniature."""

from pathlib import Path

import numpy as np
from PIL import Image

from carina.recipes import NIH_FINDINGS


def hospital(folder: Path) -> None:
    """Small films with the fifteen findings, some to learn from and some held back."""
    findings = (*NIH_FINDINGS, "No Finding")
    rng = np.random.default_rng(7)
    lines = [
        ",".join(("image", "patient", "split", *(name.replace(" ", "_") for name in findings)))
    ]
    for patient in range(30):
        present = rng.random(15) < 0.4
        pixels = rng.normal(100, 20, (30, 30)) + 40 * present[:, None].repeat(2, axis=0)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{patient}.png")
        split = ("train", "train", "train", "val", "test")[patient % 5]
        lines.append(",".join((f"{patient}.png", f"p{patient}", split, *map(str, present * 1))))
    (folder / "films.csv").write_text("\n".join(lines) + "\n")
    named = "\n".join(f'"{name}" = "{name.replace(" ", "_")}"' for name in findings)
    (folder / "mapping.toml").write_text(
        'table = "films.csv"\nsource = "drawn"\n[columns]\nimage = "image"\npatient = "patient"\n'
        f'split = "split"\n[labels.columns]\n{named}\n'
    )

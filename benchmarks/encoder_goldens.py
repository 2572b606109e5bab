"""Write the numbers every known encoder is held against when it is loaded.

    python benchmarks/encoder_goldens.py [NAME=WEIGHTS ...] [--film]

Encoders that need no weights are measured anyway; those named with weights beside them. Entries of
others stay. ``--film`` draws the film anew, after which every entry has to be measured again.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from carina import encoders
from carina.core import read_json, write_json
from carina.encoders import listing, load_encoder
from carina.encoders.self_check import Goldens, golden_of
from carina.phantoms import draw

FOLDER = Path(encoders.__file__).parent
GOLDENS, FILM = FOLDER / "goldens.json", FOLDER / "phantom.png"
SIDE = 192


def draw_film() -> None:
    """The first phantom with an effusion, in 8 bits."""
    for patient in range(100):
        phantom = draw(27, patient, size=SIDE)
        if phantom.findings["Pleural Effusion"]:
            pixels = (phantom.pixels.clip(0, 1) * 255).round().astype(np.uint8)
            Image.fromarray(pixels).save(FILM, optimize=True)
            return
    raise AssertionError("a hundred phantoms, and none with an effusion")


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("named", nargs="*", metavar="NAME=WEIGHTS")
    parser.add_argument("--film", action="store_true")
    asked = parser.parse_args()
    if asked.film:
        draw_film()
    free = [i.card.name for i in listing() if i.installed and i.weights != "required"]
    wanted = dict.fromkeys(free, "") | dict(each.split("=", 1) for each in asked.named)
    before = read_json(GOLDENS, Goldens).encoders if GOLDENS.is_file() and not asked.film else {}
    # so that a number that has changed is measured and not refused
    write_json(GOLDENS, Goldens(made_by="python benchmarks/encoder_goldens.py", encoders={}))
    found = dict(before)
    for name, weights in wanted.items():
        encoder = load_encoder(name, weights=Path(weights) if weights else None)
        found[encoder.card.fingerprint] = golden_of(encoder)
        print(f"{name}: deviation {found[encoder.card.fingerprint].deviation:.4f}")
    whole = Goldens(
        made_by="python benchmarks/encoder_goldens.py",
        encoders={
            key: replace(golden, pooled=tuple(float(f"{x:.9g}") for x in golden.pooled))
            for key, golden in sorted(found.items(), key=lambda item: item[1].name)
        },
    )
    write_json(GOLDENS, whole)


if __name__ == "__main__":
    main()

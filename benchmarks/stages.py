"""Where the milliseconds of a film go: ``make bench`` draws them into docs/pictures/speed.png.

Drawn films are encoded and answered for in one thread; each part is timed in seconds of the processor,
alone and on the same files. What is left of the whole, such as writing the store, stands as the rest.
"""

import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import matplotlib as mpl
import torch
from matplotlib import pyplot as plt

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.encode_files import TALL, WIDE, manifest_of, write_dicom, write_jpeg
from benchmarks.predict import drawn_bundle
from carina.bundles import write_bundle
from carina.core import digest_image
from carina.encoders import FrozenImages, encode_images, load_image_encoder, prepare
from carina.features import Store, encode
from carina.serving import load_predictor
from carina.studies import decode_image, inspect

PARTS = {
    "read and digest": "#8c6bb1",
    "decode": "#6baed6",
    "inspect": "#74c476",
    "prepare": "#2171b5",
    "encode": "#fd8d3c",
    "the rest": "#bdbdbd",
}
"""What is done to a film, in order, to its colour."""
*_, REST = PARTS
TURNS = 3


def stages(
    paths: Sequence[Path], encoder: FrozenImages, whole: Callable[[], object], *, inspected: bool
) -> dict[str, float]:
    """Milliseconds a film of each part, and of what else the whole takes.

    Args:
        paths: Films.
        encoder: That reads them.
        whole: What is taken apart, over all the films.
        inspected: Whether it looks if they are films of a chest.
    """
    spec = encoder.card.preprocess
    assert spec is not None
    data = [path.read_bytes() for path in paths]
    pictures = [decode_image(each) for each in data]
    pixels = [each.pixels for each in pictures]
    prepared = [prepare(each, spec) for each in pixels]
    work: dict[str, Callable[[], object]] = {
        "read and digest": lambda: [digest_image(path.read_bytes()) for path in paths],
        "decode": lambda: [decode_image(each) for each in data],
        "prepare": lambda: [prepare(each, spec) for each in pixels],
        "encode": lambda: list(encode_images(encoder, prepared)),
    }
    if inspected:
        work["inspect"] = lambda: [inspect(each) for each in pictures]
    took = {name: _milliseconds(part) / len(paths) for name, part in work.items()}
    return took | {REST: max(0.0, _milliseconds(whole) / len(paths) - sum(took.values()))}


def measured(*, small: bool) -> dict[str, dict[str, float]]:
    """Of encoding from JPEG and from DICOM, and of an answer for a JPEG."""
    encoder = load_image_encoder("toy-image" if small else "efficientnet-lite0")
    assert isinstance(encoder, FrozenImages)
    with TemporaryDirectory() as scratch:
        jpegs, dicoms, bundle = (Path(scratch) / name for name in ("jpeg", "dicom", "bundle"))
        shape = (300, 250) if small else (TALL, WIDE)
        for folder, many, write in (
            (jpegs, 4 if small else 64, write_jpeg),
            (dicoms, 2 if small else 16, partial(write_dicom, shape=shape)),
        ):
            folder.mkdir()
            for number in range(many):
                write(folder / f"{number:04d}", number)
        write_bundle(bundle, drawn_bundle(encoder))
        predictor = load_predictor(bundle)
        names = {
            "encode a JPEG\n512 x 512": jpegs,
            f"encode a DICOM\n{shape[0]} x {shape[1]}, 16 bits": dicoms,
        }
        found = {
            name: stages(
                sorted(folder.iterdir()),
                encoder,
                partial(_encoded, folder, encoder),
                inspected=False,
            )
            for name, folder in names.items()
        }
        films = sorted(jpegs.iterdir())
        found["answer for a JPEG\n512 x 512"] = stages(
            films,
            encoder,
            lambda: [list(predictor.predict([film])) for film in films],
            inspected=True,
        )
        return found


def drawn(found: Mapping[str, Mapping[str, float]], path: Path) -> None:
    """Bars of milliseconds, a part after the other."""
    mpl.rcParams.update({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False})
    figure, axis = plt.subplots(figsize=(8.0, 2.4), layout="constrained")
    begins = dict.fromkeys(found, 0.0)
    for part, colour in PARTS.items():
        wide = {name: took.get(part, 0.0) for name, took in found.items()}
        axis.barh(
            list(wide), list(wide.values()), left=list(begins.values()), color=colour, label=part
        )
        for row, (name, here) in enumerate(wide.items()):
            if here >= 1:
                axis.text(begins[name] + here / 2, row, f"{here:.0f}", ha="center", va="center")
            begins[name] += here
    axis.invert_yaxis()
    axis.set_xlabel("milliseconds of one core, a film")
    figure.legend(loc="outside upper center", ncols=len(PARTS), frameon=False)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _encoded(films: Path, encoder: FrozenImages) -> None:
    manifest = manifest_of(films, sorted(path.name for path in films.iterdir()))
    with TemporaryDirectory() as scratch:
        for _ in encode(manifest, encoder, Store(Path(scratch) / "store"), workers=1):
            pass


def _milliseconds(work: Callable[[], object]) -> float:
    """Of the processor; the median of several turns, after one that is not counted."""
    took = []
    for _ in range(TURNS + 1):
        before = time.process_time()
        work()
        took.append(1000 * (time.process_time() - before))
    return median(took[1:])


def main() -> None:
    """Measure, print and draw."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--picture", type=Path, required=True, help="PNG to draw into")
    parser.add_argument("--small", action="store_true", help="sizes of a test")
    given = parser.parse_args()
    torch.set_num_threads(1)
    found = measured(small=given.small)
    for name, took in found.items():
        said = ", ".join(f"{part} {took[part]:.1f}" for part in PARTS if part in took)
        print(f"{' '.join(name.split())}: {said} ms")
    drawn(found, given.picture)


if __name__ == "__main__":
    main()

"""How surely copies of a film are found, how often others are taken for copies, and what leaks.

Copies are made of every fifth film of the shared sets; each has to be paired with its own film among
all films. The limit was set after a look at copies of 200 films. Of the four pairs among the films
as they are, three are equal to the pixel and one, seen by eye, is one film under two dates: none is
a false alarm.
"""

import argparse
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from carina.measures import wilson
from carina.studies import CheckReport, Manifest, check, image_bytes, read_data
from carina.studies.likeness import alike, thumbnail

SETS = ("nih", "covid", "paediatric")
EVERY = 5


def _resized(width: int, height: int) -> Callable[[Image.Image], Image.Image]:
    return lambda film: film.resize((width, height), Image.Resampling.BILINEAR)


def _scaled(factor: float) -> Callable[[Image.Image], Image.Image]:
    return lambda film: film.resize(
        (max(1, round(film.width * factor)), max(1, round(film.height * factor))),
        Image.Resampling.BICUBIC,
    )


def _jpeg(quality: int) -> Callable[[Image.Image], Image.Image]:
    def copy(film: Image.Image) -> Image.Image:
        file = io.BytesIO()
        film.save(file, "JPEG", quality=quality)
        return Image.open(io.BytesIO(file.getvalue())).convert("L")

    return copy


def _curve(to: Callable[[np.ndarray], np.ndarray]) -> Callable[[Image.Image], Image.Image]:
    table = np.clip(np.round(to(np.arange(256.0))), 0, 255).astype(int).tolist()
    return lambda film: film.point(table)


def _trimmed(share: float) -> Callable[[Image.Image], Image.Image]:
    def copy(film: Image.Image) -> Image.Image:
        x, y = round(film.width * share), round(film.height * share)
        return film.crop((x, y, film.width - x, film.height - y))

    return copy


PROMISED: dict[str, Callable[[Image.Image], Image.Image]] = {
    "half the size": _scaled(0.5),
    "twice the size": _scaled(2),
    "224 x 224, whatever its shape": _resized(224, 224),
    "JPEG of quality 30": _jpeg(30),
    "JPEG of quality 10": _jpeg(10),
    "30 of 255 brighter, clipped": _curve(lambda v: v + 30),
    "30 of 255 darker, clipped": _curve(lambda v: v - 30),
    "half as much contrast again": lambda film: ImageEnhance.Contrast(film).enhance(1.5),
    "gamma 0.7": _curve(lambda v: 255 * (v / 255) ** 0.7),
    "gamma 1.5": _curve(lambda v: 255 * (v / 255) ** 1.5),
    "half the size, JPEG 50, 15 brighter": lambda film: _curve(lambda v: v + 15)(
        _jpeg(50)(_scaled(0.5)(film))
    ),
}
NOT_PROMISED: dict[str, Callable[[Image.Image], Image.Image]] = {
    "1 % trimmed from each side": _trimmed(0.01),
    "2 % trimmed from each side": _trimmed(0.02),
    "histogram equalised": lambda film: _equalised(film),
    "mirrored": lambda film: film.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
}


def _equalised(film: Image.Image) -> Image.Image:
    counts = np.cumsum(film.histogram())
    return film.point((counts * 255 // counts[-1]).astype(int).tolist())


def _opened(manifest: Manifest, row: int) -> Image.Image:
    return Image.open(io.BytesIO(image_bytes(manifest.root / manifest.image[row]))).convert("L")


def _small(film: Image.Image) -> np.ndarray:
    return thumbnail(np.asarray(film, dtype=np.float32) / 255)


def main() -> None:
    """Measure and print two tables."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--data", type=Path, required=True, help="folder that holds nih/ and others")
    given = asked.parse_args()
    sets = {name: read_data(given.data / name) for name in SETS}
    films = [_opened(one, row) for one in sets.values() for row in range(len(one))]
    smalls = [_small(film) for film in films]
    picked = list(range(0, len(films), EVERY))
    print("| copies | found | of | 95 % interval | other films taken for the copy |")
    print("| --- | --- | --- | --- | --- |")
    own = alike(np.stack(smalls))
    twins = {frozenset(pair) for pair in zip(own.first.tolist(), own.second.tolist(), strict=True)}
    for made, kinds in ((True, PROMISED), (False, NOT_PROMISED)):
        for kind, copied in kinds.items():
            copies = [_small(copied(films[place])) for place in picked]
            both = alike(np.stack([*smalls, *copies]))
            met = {
                (int(one), picked[int(two) - len(films)])
                for one, two in zip(both.first, both.second, strict=True)
                if one < len(films) <= two
            }
            found = sum((place, place) in met for place in picked)
            others = sum(one != of and frozenset((one, of)) not in twins for one, of in met)
            low, high = wilson(found, len(picked))
            mark = "" if made else " (not promised)"
            print(
                f"| {kind}{mark} | {found / len(picked):.3f} | {len(picked)} | "
                f"{low:.3f} to {high:.3f} | {others} |"
            )
    pairs = len(films) * (len(films) - 1) // 2
    print()
    print("| data set | against | what | images |")
    print("| --- | --- | --- | --- |")
    print(f"| all three | each other | pairs of films at all | {pairs} |")
    print(f"| all three | each other | pairs taken for one picture | {len(own.first)} |")
    for name, manifest in sets.items():
        _told(name, "itself", manifest, None)
        for other in SETS[: SETS.index(name)]:
            _told(name, other, manifest, sets[other])


def _told(name: str, against: str, manifest: Manifest, other: Manifest | None) -> None:
    *_, report = check(manifest, against=other)
    assert isinstance(report, CheckReport)
    topics = [
        one
        for one in report.remarks
        if one.section and (other is None or one.topic.startswith("shared-"))
    ]
    for one in topics:
        print(f"| {name} | {against} | {one.topic} ({one.severity}) | {one.count} |")
    if not topics:
        print(f"| {name} | {against} | nothing | 0 |")


if __name__ == "__main__":
    main()

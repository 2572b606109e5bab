"""Small films and the manifests of them."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from carina.core import generator
from carina.encoders import ImageEncoder, load_image_encoder
from carina.features import EncodedAll, Store, encode
from carina.studies import LabelSpace, Manifest

DrawFilms = Callable[[Path, int], Path]
ReadFilms = Callable[[Path], Manifest]
EncodeFilms = Callable[..., EncodedAll]

_LONG_AGO = 1_600_000_000


@pytest.fixture(scope="session")
def draw_films() -> DrawFilms:
    """Draw some tiny films, old enough for their digests to be remembered."""

    def draw(folder: Path, count: int) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            pixels = generator(5, number).integers(0, 256, (20, 18), dtype=np.uint8)
            path = folder / f"Smith-{number:04d}.png"
            Image.fromarray(pixels).save(path)
            os.utime(path, (_LONG_AGO, _LONG_AGO))
        return folder

    return draw


@pytest.fixture(scope="session")
def read_films() -> ReadFilms:
    """Every file of a folder as a row; two films a patient."""

    def read(folder: Path) -> Manifest:
        names = tuple(sorted(path.name for path in folder.iterdir()))
        blank = ("",) * len(names)
        return Manifest(
            root=folder,
            image=names,
            study=names,
            patient=tuple(f"Smith^{row // 2}" for row in range(len(names))),
            view=blank,
            sex=blank,
            age=(40.0,) * len(names),
            site=blank,
            date=("19990231",) * len(names),
            split=("train",) * len(names),
            report=blank,
            labels=np.zeros((len(names), 1), dtype=np.int8),
            space=LabelSpace(names=("Edema",)),
            source="drawn",
        )

    return read


@pytest.fixture(scope="session")
def toy() -> ImageEncoder:
    return load_image_encoder("toy-image")


@pytest.fixture(scope="session")
def encode_films() -> EncodeFilms:
    """Encode to the end and give the last event."""

    def run(
        manifest: Manifest, encoder: ImageEncoder, store: Store, **options: object
    ) -> EncodedAll:
        settings: dict[str, object] = {"batch": 4, "rows_per_segment": 8, "workers": 2, **options}
        *_, last = encode(manifest, encoder, store, **settings)  # type: ignore[arg-type]
        assert isinstance(last, EncodedAll)
        return last

    return run


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory, draw_films: DrawFilms) -> Path:
    """Twenty-one films, of which two are alike, and two files nobody can read."""
    folder = draw_films(tmp_path_factory.mktemp("films"), 20)
    (folder / "Smith-0007b.png").write_bytes((folder / "Smith-0003.png").read_bytes())
    (folder / "Smith-0009b.png").write_bytes(b"\x89PNG\r\n\x1a\n cut short")
    (folder / "Smith-0015b.txt").write_text("Smith^7, born 19990231")
    for path in folder.iterdir():
        os.utime(path, (_LONG_AGO, _LONG_AGO))
    return folder

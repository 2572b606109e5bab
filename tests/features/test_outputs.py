"""Maps for decoders and crops of the film, kept beside pooled features and read from the disk."""

import os
from collections.abc import Callable, Generator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from carina.core import Mismatch, generator
from carina.encoders import ImageEncoder, encode_images, load_image_encoder, prepare
from carina.features import EncodedAll, FeatureTable, Store, encode, forget
from carina.features.outputs import corners
from carina.recipes import one_thread
from carina.studies import Manifest, read_image

Encode = Callable[..., EncodedAll]
OUTPUTS = ("pooled", "tokens", "stages", "crops")
ALL = np.arange(6)


@pytest.fixture(scope="module")
def manifest(
    tmp_path_factory: pytest.TempPathFactory, read_films: Callable[[Path], Manifest]
) -> Manifest:
    """Six films of three patients, larger than the encoder's input and not square."""
    folder = tmp_path_factory.mktemp("films")
    for number in range(6):
        pixels = generator(5, number).integers(0, 256, (300, 261), dtype=np.uint8)
        path = folder / f"Smith-{number:04d}.png"
        Image.fromarray(pixels).save(path)
        os.utime(path, (1_600_000_000, 1_600_000_000))
    return read_films(folder)


@pytest.fixture(scope="module")
def lite() -> ImageEncoder:
    return load_image_encoder("efficientnet-lite0")


@pytest.fixture(scope="module")
def whole(
    manifest: Manifest, lite: ImageEncoder, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Store, tuple[str, ...]]:
    """A store with every output, in one go of two segments."""
    store = Store(tmp_path_factory.mktemp("whole") / "store")
    *_, last = encode(manifest, lite, store, outputs=OUTPUTS, rows_per_segment=4)
    assert isinstance(last, EncodedAll)
    return store, tuple(digest or "" for digest in last.digests)


@pytest.fixture
def table(whole: tuple[Store, tuple[str, ...]], lite: ImageEncoder) -> FeatureTable:
    store, digests = whole
    return store.table(lite.card, digests, outputs=OUTPUTS)


def inputs(manifest: Manifest, lite: ImageEncoder, part: int | None) -> list[np.ndarray]:
    """What the encoder takes: the whole films, or one of their corners."""
    spec = lite.card.preprocess
    assert spec is not None
    films = [read_image(manifest.root / name).pixels for name in manifest.image]
    return [prepare(film if part is None else corners(film)[part], spec) for film in films]


def test_stages_are_what_the_encoder_gives(
    manifest: Manifest, lite: ImageEncoder, table: FeatureTable
) -> None:
    with one_thread():  # as each of the encoders side by side
        found = list(encode_images(lite, inputs(manifest, lite, None)[:4], stages=True))
    rows = np.array([3, 0, 3])

    stored = table.stages(rows)

    assert len(stored) == len(lite.card.stages) == 5
    maps = [torch.cat(each) for each in zip(*(batch.stages or () for batch in found), strict=True)]
    for each, fresh, stage in zip(stored, maps, lite.card.stages, strict=True):
        assert each.shape[1:] == (stage.width, 224 // stage.stride, 224 // stage.stride)
        assert torch.equal(each, fresh[rows])


def test_crops_are_the_whole_and_its_corners_at_full_resolution(
    manifest: Manifest, lite: ImageEncoder, table: FeatureTable
) -> None:
    crops = table.crops(ALL)

    assert crops.shape == (6, 5, lite.card.dim)
    assert torch.equal(crops[:, 0], table.pooled())
    for part in range(4):
        films = inputs(manifest, lite, part)
        with one_thread():
            fresh = [found.pooled for found in encode_images(lite, films[:4])]
        assert torch.equal(crops[:4, 1 + part], torch.cat(fresh))


def test_corners_overlap_in_an_eighth_and_lose_no_pixel() -> None:
    image = np.arange(48 * 32, dtype=np.float32).reshape(48, 32)
    parts = corners(image)

    assert [part.shape for part in parts] == [(27, 18)] * 4
    assert parts[0][0, 0] == image[0, 0]
    assert parts[1][0, -1] == image[0, -1]
    assert parts[2][-1, 0] == image[-1, 0]
    assert parts[3][-1, -1] == image[-1, -1]
    assert {value for part in parts for value in part.ravel()} == set(image.ravel())
    shared = set(parts[0].ravel()) & set(parts[1].ravel())
    assert len(shared) == 27 * 32 // 8
    assert [part.shape for part in corners(np.zeros((1, 1), dtype=np.float32))] == [(1, 1)] * 4


def test_one_go_and_a_go_that_was_cut_end_in_the_same_bytes(
    manifest: Manifest, lite: ImageEncoder, whole: tuple[Store, tuple[str, ...]], tmp_path: Path
) -> None:
    cut = Store(tmp_path / "store")
    shuffled = ("crops", "stages", "tokens", "pooled")
    going = encode(manifest, lite, cut, outputs=shuffled, rows_per_segment=4)
    while not cut.root.is_dir() or not list(cut.segment_folders(lite.card)):
        next(going)
    assert isinstance(going, Generator)
    going.close()
    for _ in encode(manifest, lite, cut, outputs=OUTPUTS, rows_per_segment=4):
        pass

    def segments(store: Store) -> dict[str, bytes]:
        folder = store.encoder_folder(lite.card)
        files = [path for path in folder.glob("*/*") if path.is_file()]
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}

    assert segments(cut) == segments(whole[0])
    names = {Path(name).name for name in segments(cut)}
    assert {"stage-2.npy", "stage-32.npy", "crops.npy", "tokens.npy", "pooled.npy"} <= names
    assert not [fault for checked in cut.verify() for fault in checked.faults]


def test_what_was_not_asked_for_is_told(
    whole: tuple[Store, tuple[str, ...]], lite: ImageEncoder
) -> None:
    store, digests = whole
    with store.table(lite.card, digests) as table:
        for output in ("tokens", "stages", "crops"):
            with pytest.raises(Mismatch, match=rf'opened without {output}; .*"pooled", "{output}"'):
                getattr(table, output)(ALL)
    twice = store.table((lite.card, lite.card), digests, outputs=OUTPUTS)
    with twice, pytest.raises(Mismatch, match="Crops of 2 encoders"):
        twice.crops(ALL)


def test_no_rows_are_no_rows(table: FeatureTable, lite: ImageEncoder) -> None:
    none = ALL[:0]

    assert table.crops(none).shape == (0, 5, lite.card.dim)
    assert [len(each) for each in table.stages(none)] == [0] * 5


def test_a_patient_who_is_forgotten_leaves_every_output(
    manifest: Manifest, toy: ImageEncoder, encode_films: Encode, tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    done = encode_films(manifest, toy, store, outputs=("pooled", "crops"))
    digests = [digest or "" for digest in done.digests]
    with store.table(toy.card, digests, outputs=("pooled", "crops")) as table:
        before = table.crops(np.array([0, 1, 4, 5]))

    forget(store, "Smith^1")

    kept = [digests[row] for row in (0, 1, 4, 5)]
    with store.table(toy.card, kept, outputs=("pooled", "crops")) as table:
        assert torch.equal(table.crops(np.arange(4)), before)

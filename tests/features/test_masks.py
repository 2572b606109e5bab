"""Masks on the pixels of an encoder's input."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from carina.core import Mismatch
from carina.encoders import Preprocess, prepare, prepare_mask
from carina.features import MaskTable, read_masks
from carina.studies import find_marks, read_folder


@given(size=st.integers(1, 40), seed=st.integers(0, 50))
def test_packed_masks_come_back_to_the_pixel(size: int, seed: int) -> None:
    masks = np.random.default_rng(seed).random((3, size, size)) < 0.4
    table = MaskTable(
        structure="lungs", rows=np.arange(3), packed=np.packbits(masks, axis=2), size=size
    )

    assert np.array_equal(table.of(np.array([2, 0, 2])), masks[[2, 0, 2]])
    assert np.array_equal(table.positive, masks.any(axis=(1, 2)))


@settings(deadline=None, max_examples=30)
@given(fit=st.sampled_from(["squash", "crop", "pad"]), seed=st.integers(0, 50))
def test_a_mask_goes_where_its_image_goes(fit: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = np.zeros((60, 44), dtype=bool)
    top, left = rng.integers(0, 30, 2)
    mask[top : top + 25, left : left + 14] = True
    spec = Preprocess(size=32, fit=fit, channels=1)
    as_image = prepare(mask.astype(np.float32), spec)[0]
    fitted = prepare_mask(mask, spec)

    assert np.array_equal(fitted, as_image >= 0.5)


def test_a_mask_smaller_than_a_pixel_is_not_lost() -> None:
    mask = np.zeros((1024, 1024), dtype=bool)
    mask[700:703, 130:132] = True
    fitted = prepare_mask(mask, Preprocess(size=16, channels=1))

    assert np.argwhere(fitted).tolist() == [[10, 2]]
    assert not prepare_mask(np.zeros_like(mask), Preprocess(size=16)).any()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for folder in ("films", "masks"):
        (tmp_path / folder).mkdir()
    for number in range(3):
        film = np.full((20, 16), 40 * number + 10, dtype=np.uint8)
        Image.fromarray(film).save(tmp_path / "films" / f"f{number}.png")
    mask = np.zeros((20, 16), dtype=np.uint8)
    mask[:10] = 255
    Image.fromarray(mask).save(tmp_path / "masks" / "f0.png")
    Image.fromarray(mask[:, :9]).save(tmp_path / "masks" / "f1.png")
    rows = [f"films/f{number}.png,P{number},train,0" for number in range(3)]
    (tmp_path / "films.csv").write_text("\n".join(["file,who,split,e", *rows]) + "\n")
    (tmp_path / "mapping.toml").write_text(
        'table = "films.csv"\n[columns]\nimage = "file"\npatient = "who"\nsplit = "split"\n'
        '[labels.columns]\nEdema = "e"\n'
    )
    return tmp_path


def test_a_mask_of_another_size_is_set_aside_and_nothing_else_is_lost(data: Path) -> None:
    manifest = read_folder(data)
    masks = read_masks(
        manifest, find_marks(manifest, "lungs", data / "masks"), Preprocess(size=8, channels=1)
    )

    assert masks.rows.tolist() == [0]
    assert masks.of(np.array([0]))[0].sum() == 4 * 8
    assert list(masks.set_aside) == [1]
    assert "20 x 9 pixels and its film has 20 x 16" in masks.set_aside[1]
    assert list(masks.reasons().values()) == [1]


def test_where_no_mask_can_be_used_the_reasons_are_told(data: Path) -> None:
    (data / "masks" / "f0.png").unlink()
    manifest = read_folder(data)

    with pytest.raises(Mismatch, match=r"No mask of 'lungs' can be used: 1 x The mask was drawn"):
        read_masks(manifest, find_marks(manifest, "lungs", data / "masks"), Preprocess(size=8))

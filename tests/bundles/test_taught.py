"""Which cells of which films taught a reader: written, salted, compared."""

from pathlib import Path

import numpy as np
import pytest

from carina.bundles import Taught, cell_codes, read_taught, write_taught
from carina.core import InvalidValue, UnreadableFile

SHARE = np.array([[1, 0, 0.5], [0, 0, 1], [1, 1, 0]], dtype=np.float32)
TIMES = np.array([[1, 1, 1], [1, 0, 1], [0, 0, 0]], dtype=np.uint8)
IMAGES = np.array([11, 12, 2**62], dtype=np.int64)


def taught(share: np.ndarray = SHARE) -> Taught:
    return Taught(
        labels=("Edema", "Mass", "Nodule"),
        patients=np.array([1, 1, 2], dtype=np.int64),
        images=IMAGES,
        times=TIMES,
        cells=cell_codes(IMAGES, share, TIMES, "salt"),
    )


def same(one: Taught, other: Taught) -> bool:
    return one.labels == other.labels and all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("patients", "images", "times", "cells")
    )


def test_written_and_read_it_is_the_same(tmp_path: Path) -> None:
    write_taught(tmp_path / "taught.parquet", taught())
    empty = taught().limited_to(np.zeros(3, dtype=bool))
    write_taught(tmp_path / "empty.parquet", empty)

    assert same(read_taught(tmp_path / "taught.parquet"), taught())
    assert same(read_taught(tmp_path / "empty.parquet"), empty)


def test_the_code_of_cells_changes_with_what_was_shown_and_with_nothing_else() -> None:
    hidden = SHARE.copy()
    hidden[1, 1], hidden[2] = 1, 0.25  # never shown
    shown = SHARE.copy()
    shown[0, 2] = 1

    assert np.array_equal(taught(hidden).cells, taught().cells)
    assert (taught(shown).cells != taught().cells).tolist() == [True, False, False]


def test_salted_once_more_codes_are_others_and_still_tell_films_apart() -> None:
    once, other = taught().salted("a"), taught().salted("b")

    assert not set(once.images) & set(taught().images)
    assert not set(once.images) & set(other.images)
    assert once.patients[0] == once.patients[1] != once.patients[2]


def test_rows_and_columns_must_fit() -> None:
    with pytest.raises(InvalidValue, match="one row a film"):
        Taught(
            labels=("Edema",),
            patients=IMAGES,
            images=IMAGES,
            times=TIMES,
            cells=IMAGES,
        )


def test_what_is_no_such_table_is_told(tmp_path: Path) -> None:
    (tmp_path / "taught.parquet").write_bytes(b"PAR1")
    with pytest.raises(UnreadableFile, match="damaged"):
        read_taught(tmp_path / "taught.parquet")

"""A manifest is valid once it exists."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carina.core import ManifestError
from carina.studies import LabelSpace, Manifest, Presence, Split


def manifest(**columns: Any) -> Manifest:
    rows = {
        "root": Path("images"),
        "image": ("a.png", "b.png", "c.png"),
        "study": ("s1", "s1", "s2"),
        "patient": ("p1", "p1", "p2"),
        "view": ("PA", "LATERAL", ""),
        "sex": ("F", "F", ""),
        "age": (61.0, 61.0, float("nan")),
        "site": ("", "", ""),
        "date": ("", "", ""),
        "split": ("train", "train", "test"),
        "report": ("", "", ""),
        "labels": np.array([[1, 0], [-1, 0], [-2, 1]], dtype=np.int8),
        "space": LabelSpace(names=("Edema", "Mass")),
    }
    return Manifest(**{**rows, **columns})


def test_a_row_reads_as_a_study() -> None:
    *_, last = manifest()

    assert last.image == Path("images/c.png")
    assert last.age is None
    assert last.split is Split.TEST
    assert last.labels == {"Edema": Presence.UNMENTIONED, "Mass": Presence.PRESENT}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"patient": ("p1", "p1", "p1")}, r"1 patient\(s\) stand in two splits"),
        ({"split": ("train", "train", "tset")}, "No split named 'tset'"),
        ({"view": ("PA",)}, "'view' has 1 rows"),
        ({"space": LabelSpace(names=("Edema",))}, r"wanted \(3, 1\)"),
        ({"labels": np.full((3, 2), 7, dtype=np.int8)}, r"got \[7\]"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        manifest(**columns)


def test_labels_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="read-only"):
        manifest().labels[0, 0] = 1


@given(rows=st.lists(st.integers(0, 2), max_size=5))
def test_taken_rows_are_the_rows_asked_for(rows: list[int]) -> None:
    whole = manifest()

    taken = whole.take(np.array(rows, dtype=np.int64))

    assert [row.image for row in taken] == [whole.study_at(row).image for row in rows]
    assert np.array_equal(taken.labels, whole.labels[rows])


def test_rows_of_splits_come_in_order() -> None:
    assert manifest().rows(Split.TEST, Split.TRAIN).tolist() == [0, 1, 2]
    assert manifest().rows(Split.TEST).tolist() == [2]
    assert manifest().rows(Split.VAL).tolist() == []


@pytest.mark.parametrize(
    "change",
    [
        {"image": ("a.png", "b.png", "d.png")},
        {"age": (61.0, 62.0, float("nan"))},
        {"labels": np.array([[1, 0], [-1, 0], [-2, 0]], dtype=np.int8)},
        {"space": LabelSpace(names=("Edema", "Nodule"))},
        {"source": "other"},
    ],
)
def test_the_digest_changes_with_every_column(change: dict[str, Any]) -> None:
    assert replace(manifest(), **change).digest != manifest().digest


def test_the_digest_does_not_know_where_the_files_lie() -> None:
    assert manifest(root=Path("elsewhere")).digest == manifest().digest

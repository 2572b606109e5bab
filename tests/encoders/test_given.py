"""Features that were computed elsewhere: read whole, or refused with the reason."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from carina.core import CarinaError, InvalidValue, Mismatch, MissingFile, UnreadableFile
from carina.encoders import load_encoder, load_image_encoder, load_text_encoder
from carina.encoders.given import GivenImages, read_given

VALUES = np.arange(12, dtype=np.float32).reshape(3, 4) / 7
NAMES = ["a/1.png", "b.png", "c.png"]


def written(folder: Path, form: str, values: np.ndarray = VALUES, key: str = "image") -> Path:
    """The same three rows in each form a user may have them in."""
    path = folder / f"features.{form.partition(' ')[0]}"
    if form == "npy":
        np.save(path, values)
        return path
    names = pl.Series(key, NAMES[: len(values)])
    if form.endswith("list"):
        frame = pl.DataFrame([names, pl.Series("features", values.tolist())])
    elif form.endswith("array"):
        frame = pl.DataFrame([names, pl.Series("features", values)])
    else:
        columns = [pl.Series(f"f{index}", values[:, index]) for index in range(values.shape[1])]
        frame = pl.DataFrame([*columns[:2], names, *columns[2:]])
    if path.suffix == ".csv":
        frame.write_csv(path)
    else:
        frame.write_parquet(path)
    return path


@pytest.mark.parametrize("form", ["npy", "csv", "parquet", "parquet list", "parquet array"])
def test_every_form_gives_the_same_rows(form: str, tmp_path: Path) -> None:
    found = read_given(written(tmp_path, form), "image", who="embeddings:mine")

    np.testing.assert_array_equal(found.values, VALUES)
    assert found.names == (None if form == "npy" else tuple(NAMES))


def test_a_name_is_an_encoder_whatever_the_form(tmp_path: Path) -> None:
    first, second = (
        load_image_encoder("embeddings:mine", weights=written(tmp_path, form)).card
        for form in ("npy", "csv")
    )
    other = load_image_encoder("embeddings:other", weights=tmp_path / "features.npy").card

    assert first == second
    assert first.dim == 4
    assert first.fingerprint != other.fingerprint
    assert [seen.source for seen in first.exposed_to] == ["unknown"]
    assert str(tmp_path) not in repr(first)


def test_it_encodes_no_image(tmp_path: Path) -> None:
    given = load_image_encoder("embeddings:mine", weights=written(tmp_path, "npy"))

    assert isinstance(given, GivenImages)
    with pytest.raises(Mismatch, match="no model behind it: it encodes no image"):
        given.to(torch.device("cpu")).encode(torch.zeros(1, 1, 16, 16))


def broken(folder: Path, how: str) -> Path:
    values: Any = VALUES.copy()
    match how:
        case "nan":
            values[1, 1] = np.nan
        case "infinite in float32":
            values = values.astype(np.float64)
            values[0, 0] = 1e300
        case "flat":
            values = values.ravel()
        case "whole numbers":
            values = values.astype(np.int64)
        case "objects":
            values = np.array([[{}]], dtype=object)
        case "empty":
            values = values[:0]
        case "torn":
            path = written(folder, "npy")
            path.write_bytes(path.read_bytes()[:-9])
            return path
        case "torn table":
            path = written(folder, "parquet")
            path.write_bytes(path.read_bytes()[:-9])
            return path
        case "no names":
            return written(folder, "csv", key="film")
        case "words":
            path = folder / "features.csv"
            path.write_text("image,f0,sex\nSmith.png,0.1,F\n")
            return path
        case "an index":
            path = folder / "features.csv"
            path.write_text(",image,f0\n0,Smith.png,0.1\n")
            return path
        case "duplicates":
            path = folder / "features.csv"
            path.write_text("image,f0\nSmith.png,0.1\nSmith.png,0.2\n")
            return path
        case "a nameless row":
            path = folder / "features.csv"
            path.write_text("image,f0\n,0.1\nSmith.png,0.2\n")
            return path
        case "a gap":
            path = folder / "features.csv"
            path.write_text("image,f0,f1\nJones.png,0.1,\nSmith.png,0.2,0.3\n")
            return path
        case "ragged":
            path = folder / "features.parquet"
            rows = pl.Series("features", [[0.1, 0.2], [0.3], [0.4, 0.5]])
            pl.DataFrame([pl.Series("image", NAMES), rows]).write_parquet(path)
            return path
        case "another form":
            path = folder / "features.pkl"
            path.write_bytes(b"\x80\x04.")
            return path
        case _:
            return folder / "absent.npy"
    return written(folder, "npy", values)


@pytest.mark.parametrize(
    ("how", "error", "told"),
    [
        ("nan", InvalidValue, "1 of 3 rows of the features have a NaN"),
        ("a gap", InvalidValue, "1 of 2 rows of the features have a NaN"),
        ("infinite in float32", InvalidValue, "1 of 3 rows"),
        ("flat", UnreadableFile, r"shape \(12,\); wanted floating point of shape"),
        ("whole numbers", UnreadableFile, "holds int64"),
        ("objects", UnreadableFile, "holds objects"),
        ("empty", InvalidValue, "has numbers"),
        ("torn", UnreadableFile, "damaged"),
        ("torn table", UnreadableFile, "damaged"),
        ("no names", UnreadableFile, "no column 'image' of text"),
        ("words", UnreadableFile, "these are none: 'sex'"),
        ("an index", UnreadableFile, "Leave them out"),
        ("duplicates", InvalidValue, r"1 row\(s\) of the features name what an earlier"),
        ("a nameless row", UnreadableFile, r"1 row\(s\) of features.csv have no image"),
        ("ragged", UnreadableFile, "different widths"),
        ("another form", UnreadableFile, "wanted .npy, .parquet, .csv"),
        ("absent", MissingFile, "absent.npy"),
    ],
)
def test_what_is_no_table_of_features_is_refused_and_nobody_named(
    how: str, error: type[CarinaError], told: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=told) as raised:
        load_image_encoder("embeddings:mine", weights=broken(tmp_path, how))

    assert "Smith" not in str(raised.value)
    assert str(tmp_path) not in str(raised.value)


def test_rows_in_order_are_as_many_as_the_tables(tmp_path: Path) -> None:
    given = read_given(written(tmp_path, "npy"), "image", who="x")

    assert given.places(["x", "y", "z"]) == (0, 1, 2)
    with pytest.raises(Mismatch, match="have 3 rows, the table 2"):
        given.places(["x", "y"])


def test_rows_by_name_are_found_by_name(tmp_path: Path) -> None:
    given = read_given(written(tmp_path, "csv"), "image", who="x")

    assert given.places(["c.png", "z.png", "a/1.png"]) == (2, None, 0)
    with pytest.raises(Mismatch, match="None of the 3 names"):
        given.places(["1.png"])


@pytest.mark.parametrize("name", ["embeddings:", "embeddings:a/b", "embeddings:a b"])
def test_a_name_is_a_plain_word(name: str, tmp_path: Path) -> None:
    with pytest.raises(CarinaError, match=r"your name for|Nothing stands"):
        load_encoder(name, weights=written(tmp_path, "npy"))


def test_texts_are_found_letter_by_letter_in_the_images_space(tmp_path: Path) -> None:
    texts = load_text_encoder("embeddings-text:mine", weights=written(tmp_path, "csv", key="text"))
    images = load_image_encoder("embeddings:mine", weights=written(tmp_path, "npy"))

    found = texts.encode(("c.png", "a/1.png", "c.png")).pooled
    np.testing.assert_array_equal(found.numpy(), VALUES[[2, 0, 2]])
    assert texts.encode(()).pooled.shape == (0, 4)
    assert texts.card.space == images.card.space != ""
    with pytest.raises(Mismatch, match="1 of 2 texts are not in the file") as raised:
        texts.encode(("c.png", "Smith is ill"))
    assert "Smith" not in str(raised.value)


def test_texts_have_names(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="finds its rows by text"):
        load_text_encoder("embeddings-text:mine", weights=written(tmp_path, "npy"))

"""Boxes and masks: what was marked, and where."""

from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from carina.core import ConfigError, InvalidValue, ManifestError
from carina.studies import Box, Mask, read_boxes

HEADER = "image,label,x,y,w,h\n"


def gaps(pixels: np.ndarray) -> str:
    """The relative form of a mask, by counting equal neighbours down the columns."""
    down = [bool(pixel) for column in pixels.T for pixel in column]
    runs = [(value, len(list(run))) for value, run in groupby(down)]
    if runs and runs[0][0]:
        runs.insert(0, (False, 0))
    if runs and not runs[-1][0]:
        runs.pop()
    return " ".join(str(length) for _, length in runs)


def painted(text: str, rows: int, cols: int) -> np.ndarray:
    """The mask of a relative form, pixel by pixel."""
    pixels = np.zeros((rows, cols), dtype=bool)
    at = 0
    for order, word in enumerate(text.split()):
        for _ in range(int(word)):
            pixels[at % rows, at // rows] = order % 2 == 1
            at += 1
    return pixels


def mask(text: str) -> Mask:
    return Mask.from_gaps(text, image="a.dcm", finding="Pneumothorax")


def box(*, x: float, y: float, width: float, height: float) -> Box:
    return Box(image="a.png", finding="Mass", x=x, y=y, width=width, height=height)


@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=12)))
def test_what_is_written_as_gaps_and_runs_is_decoded_to_the_same_pixels(pixels: np.ndarray) -> None:
    assert (mask(gaps(pixels)).decode(*pixels.shape) == pixels).all()


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 5)), max_size=5))
def test_decoding_agrees_with_painting_pixel_by_pixel(pairs: list[tuple[int, int]]) -> None:
    text = " ".join(f"{gap} {length}" for gap, length in pairs)

    assert (mask(text).decode(9, 8) == painted(text, 9, 8)).all()


def test_a_mask_runs_down_the_columns() -> None:
    assert mask("1 2 2 1").decode(3, 2).tolist() == [[False, False], [True, False], [True, True]]


def test_an_image_larger_than_wide_is_no_trouble() -> None:
    assert mask("0 2").decode(2, 5).sum(axis=0).tolist() == [2, 0, 0, 0, 0]


@pytest.mark.parametrize("text", ["3", "1 -2", "a b", "1 2 3", "1.0 2", "١ 2", "5 0"])
def test_what_is_no_list_of_pairs_is_refused_unquoted(text: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        mask(text)

    assert text not in str(refused.value)


def test_a_mask_of_another_image_is_refused() -> None:
    with pytest.raises(InvalidValue, match=r"reaches pixel 12 of an image of 9"):
        mask("2 10").decode(3, 3)


def test_runs_that_overlap_are_refused() -> None:
    with pytest.raises(InvalidValue, match="do not overlap"):
        Mask(image="a", finding="Mass", runs=((0, 4), (3, 2)))


def test_a_box_holds_the_pixels_whose_centre_is_inside() -> None:
    drawn = box(x=0.6, y=1.0, width=2.0, height=1.4).decode(4, 4)

    assert np.argwhere(drawn).tolist() == [[1, 1], [1, 2]]


def test_a_box_beyond_the_image_is_cut_off() -> None:
    assert box(x=-2.0, y=2.0, width=20.0, height=20.0).decode(3, 4).sum() == 4


@pytest.mark.parametrize("side", ["width", "height"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_a_box_without_extent_is_refused(side: str, value: float) -> None:
    with pytest.raises(InvalidValue, match="wider and higher"):
        box(**({"x": 0.0, "y": 0.0, "width": 1.0, "height": 1.0} | {side: value}))


def test_boxes_of_a_table_are_read_with_their_findings_by_name(tmp_path: Path) -> None:
    (tmp_path / "boxes.csv").write_text(HEADER + "a.png,Infiltrate,1,2.5,3,4\n")

    (read,) = read_boxes(tmp_path / "boxes.csv")

    assert read == Box(image="a.png", finding="Infiltration", x=1.0, y=2.5, width=3.0, height=4.0)


@pytest.mark.parametrize(
    "row", ["a.png,Mass,1,2,3,", "a.png,Mass,1,2,Plantagenet,4", "a,b,1,2,0,4"]
)
def test_rows_without_a_box_are_counted_and_not_quoted(tmp_path: Path, row: str) -> None:
    (tmp_path / "boxes.csv").write_text(HEADER + row + "\n")

    with pytest.raises(ManifestError, match=r"1 row\(s\) of boxes.csv hold no box") as refused:
        read_boxes(tmp_path / "boxes.csv")

    assert "Plantagenet" not in str(refused.value)


def test_a_table_of_something_else_is_told_its_columns(tmp_path: Path) -> None:
    (tmp_path / "boxes.csv").write_text("image,label,x,y,wide,h\n")

    with pytest.raises(ConfigError, match="'w'"):
        read_boxes(tmp_path / "boxes.csv")


def test_the_real_boxes_lie_on_their_films(shared: Path) -> None:
    from PIL import Image

    folder = shared / "data" / "cxr" / "nih"
    lines = (folder / "boxes.csv").read_text().splitlines()[1:]

    read = read_boxes(folder / "boxes.csv")

    assert len(read) == len(lines) == 254
    assert sum(one.reader == "nih_bbox" for one in read) == 51
    assert sum(one.finding == "Lung Opacity" for one in read) == 203
    for one, line in zip(read, lines, strict=True):
        name, reader, label, *sides = line.split(",")
        assert (one.image, one.reader) == (name, reader)
        assert one.finding.replace(" ", "_") == label or one.finding in (
            "Pleural Effusion",
            "Infiltration",
        )
        assert [one.x, one.y, one.width, one.height] == list(map(float, sides))
        with Image.open(folder / "images" / name) as film:
            cols, rows = film.size
        drawn = one.decode(rows, cols)
        area = min(one.x + one.width, cols) - max(one.x, 0)
        area *= min(one.y + one.height, rows) - max(one.y, 0)
        assert drawn.sum() == pytest.approx(area, abs=one.width + one.height + 1)

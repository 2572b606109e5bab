"""PNG and JPEG files, and what every form has in common."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from carina.core import MissingFile, UnreadableFile, digest_image
from carina.studies import Flag, Form, decode_image, load_image, looks_like_image, read_image

RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)


def encoded(image: Image.Image, form: str = "PNG", **how: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **how)
    return file.getvalue()


def test_eight_bits_are_divided_by_255() -> None:
    picture = decode_image(encoded(Image.fromarray(RAMP)))

    assert np.array_equal(picture.pixels, RAMP.astype(np.float32) / 255)
    assert (picture.form, picture.photometric, picture.bits) == (Form.PNG, "MONOCHROME2", 8)
    assert picture.flags == ()


def test_sixteen_bits_are_divided_by_65535() -> None:
    deep = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)

    picture = decode_image(encoded(Image.fromarray(deep)))

    assert np.array_equal(picture.pixels, deep.astype(np.float32) / 65535)
    assert picture.bits == 16


def test_one_bit_is_black_and_white() -> None:
    picture = decode_image(encoded(Image.fromarray(RAMP > 100)))

    assert np.array_equal(picture.pixels, (RAMP > 100).astype(np.float32))
    assert picture.bits == 1


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_grey_in_colour_is_the_same_grey(mode: str) -> None:
    picture = decode_image(encoded(Image.fromarray(RAMP).convert(mode)))

    assert np.array_equal(picture.pixels, RAMP.astype(np.float32) / 255)


def test_a_palette_is_looked_up() -> None:
    image = Image.fromarray(RAMP[:, ::-1].copy()).convert("P")
    image.putpalette([level for entry in range(256) for level in (255 - entry,) * 3])

    picture = decode_image(encoded(image))

    assert np.array_equal(picture.pixels, (255 - RAMP[:, ::-1]).astype(np.float32) / 255)
    assert picture.photometric == "PALETTE COLOR"


def test_colours_weigh_as_they_look() -> None:
    primaries = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], dtype=np.uint8)

    picture = decode_image(encoded(Image.fromarray(primaries)))

    assert picture.pixels[0] == pytest.approx([0.299, 0.587, 0.114], abs=1 / 255)
    assert picture.flags == (Flag.COLOUR,)
    assert picture.photometric == "RGB"


def test_what_is_transparent_is_background() -> None:
    rgba = np.full((2, 2, 4), 255, dtype=np.uint8)
    rgba[0, 0, 3] = 0

    assert decode_image(encoded(Image.fromarray(rgba))).pixels.tolist() == [[0, 1], [1, 1]]


def test_a_jpeg_is_close_to_what_was_saved_and_says_that_it_lost_something() -> None:
    smooth = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)

    picture = decode_image(encoded(Image.fromarray(smooth), "JPEG", quality=95))

    assert np.abs(picture.pixels * 255 - smooth).max() < 4
    assert (picture.form, picture.flags) == (Form.JPEG, (Flag.LOSSY,))


def test_the_orientation_a_jpeg_declares_is_applied() -> None:
    image = Image.fromarray(np.zeros((8, 24), dtype=np.uint8))
    exif = image.getexif()
    exif[0x0112] = 6

    assert decode_image(encoded(image, "JPEG", exif=exif)).pixels.shape == (24, 8)


def test_an_image_of_one_value_is_marked_blank() -> None:
    picture = decode_image(encoded(Image.fromarray(np.full((4, 4), 7, dtype=np.uint8))))

    assert Flag.BLANK in picture.flags


def test_the_pixels_of_a_picture_cannot_be_written() -> None:
    picture = decode_image(encoded(Image.fromarray(RAMP)))

    with pytest.raises(ValueError, match="read-only"):
        picture.pixels[0, 0] = 1


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
@settings(max_examples=15, deadline=None)
@given(share=st.floats(0.01, 0.95))
def test_a_truncated_file_is_refused(form: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (32, 32), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), form)

    with pytest.raises(UnreadableFile):
        decode_image(data[: int(len(data) * share)])


def test_a_declared_size_beyond_reason_is_refused_before_decoding() -> None:
    data = bytearray(encoded(Image.fromarray(RAMP)))
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    data[29:33] = crc32(data[12:29]).to_bytes(4, "big")

    with pytest.raises(UnreadableFile, match="Too large"):
        decode_image(bytes(data))


@pytest.mark.parametrize(
    ("image", "form"),
    [(Image.fromarray(RAMP.astype(np.float32)), "TIFF"), (Image.fromarray(RAMP), "BMP")],
)
def test_other_forms_are_refused_with_the_ones_wanted(image: Image.Image, form: str) -> None:
    with pytest.raises(UnreadableFile, match="wanted PNG, JPEG or DICOM"):
        decode_image(encoded(image, form))


def test_several_frames_are_refused() -> None:
    frames = [Image.fromarray(RAMP), Image.fromarray(255 - RAMP)]

    with pytest.raises(UnreadableFile, match="Several frames"):
        decode_image(encoded(frames[0], "PNG", save_all=True, append_images=frames[1:]))


def test_an_empty_file_says_so() -> None:
    with pytest.raises(UnreadableFile, match="empty"):
        decode_image(b"")


def test_a_file_is_read_once_for_its_digest_and_its_picture(tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    path.write_bytes(encoded(Image.fromarray(RAMP)))

    digest, picture = load_image(path)

    assert digest == digest_image(path.read_bytes())
    assert np.array_equal(picture.pixels, read_image(path).pixels)


def test_a_file_that_is_not_there_is_said_without_its_name(tmp_path: Path) -> None:
    with pytest.raises(MissingFile) as caught:
        read_image(tmp_path / "secret-77.png")

    assert "secret" not in str(caught.value)


def test_a_folder_is_no_image(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="cannot be opened"):
        read_image(tmp_path)


def test_the_form_is_told_by_the_bytes_and_not_by_the_name(
    tmp_path: Path, dicom: Callable[..., bytes]
) -> None:
    path = tmp_path / "film.png"
    path.write_bytes(dicom(RAMP))

    assert read_image(path).form is Form.DICOM


def test_an_image_is_known_by_its_suffix_or_by_how_it_begins(
    tmp_path: Path, dicom: Callable[..., bytes]
) -> None:
    files = {
        "film.PNG": b"",
        "IM0001": dicom(RAMP),
        "1.2.840.7": dicom(RAMP),
        "photograph": encoded(Image.fromarray(RAMP), "JPEG"),
        "table.csv": b"file,who\n",
        "empty": b"",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "folder.png").mkdir()
    seen = {name for name in (*files, "folder.png", "gone") if looks_like_image(tmp_path / name)}

    assert seen == {"film.PNG", "IM0001", "1.2.840.7", "photograph"}

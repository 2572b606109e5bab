"""Every path from stored values to a grey picture, against pydicom's own functions."""

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gdcm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut
from pydicom.uid import (
    MPEG2MPML,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from carina.core import UnreadableFile
from carina.studies import Canvas, Flag, Form, Picture, decode_image, read_image
from carina.studies import dicom as decoding

Make = Callable[..., bytes]
MakeDataset = Callable[..., Dataset]
Recompressed = Callable[[Dataset, int], bytes]
CLOSE = 1e-6
GDCM = {
    JPEG2000Lossless: gdcm.TransferSyntax.JPEG2000Lossless,
    JPEGLosslessSV1: gdcm.TransferSyntax.JPEGLosslessProcess14_1,
}


def film(bits: int = 12, *, signed: bool = False) -> np.ndarray:
    """Stored values that use every bit, smooth enough to compress."""
    ramp = np.add.outer(np.linspace(0, 0.6, 24), np.linspace(0, 0.4, 20))
    stored = np.rint(ramp * (2**bits - 1))
    kind = np.dtype("u1" if bits <= 8 else "u2")
    if signed:
        stored, kind = stored - 2 ** (bits - 1), np.dtype(kind.str.replace("u", "i"))
    made: np.ndarray = stored.astype(kind)
    return made


def code(meaning: str) -> Dataset:
    """An item of a code sequence."""
    item = Dataset()
    item.CodeMeaning = meaning
    return item


def stretched(values: np.ndarray) -> np.ndarray:
    """Lowest to 0, highest to 1."""
    values = values.astype(np.float64)
    result: np.ndarray = (values - values.min()) / (values.max() - values.min())
    return result


def same(picture: Picture, wanted: np.ndarray) -> bool:
    return np.allclose(picture.pixels, wanted, atol=CLOSE)


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("signed", [False, True])
def test_without_a_window_values_are_stretched(dicom: Make, bits: int, signed: bool) -> None:
    stored = film(bits, signed=signed)

    picture = decode_image(dicom(stored, BitsStored=bits))

    assert same(picture, stretched(stored))
    assert (picture.form, picture.bits, picture.photometric) == (Form.DICOM, bits, "MONOCHROME2")
    assert picture.flags == ()


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"WindowCenter": 1800, "WindowWidth": 2500},
        {"RescaleSlope": 2, "RescaleIntercept": -5, "PhotometricInterpretation": "MONOCHROME1"},
        {"PixelPaddingValue": 0},
    ],
)
def test_a_film_worked_out_in_blocks_has_the_bits_of_the_whole(
    dicom: Make, monkeypatch: pytest.MonkeyPatch, told: dict[str, Any]
) -> None:
    stored = film()
    stored[:, -1] = 0
    whole = decode_image(dicom(stored, BitsStored=12, **told))

    monkeypatch.setattr(decoding, "_BLOCK", 3 * stored.shape[1])

    np.testing.assert_array_equal(
        decode_image(dicom(stored, BitsStored=12, **told)).pixels, whole.pixels
    )


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"WindowCenter": 40, "WindowWidth": 90},
        {"RescaleSlope": 2, "RescaleIntercept": -5, "PhotometricInterpretation": "MONOCHROME1"},
        {"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 3},
    ],
)
@pytest.mark.parametrize(("kind", "bits"), [("u1", 8), ("u2", 12), ("i2", 12), ("u2", 16)])
def test_samples_taken_where_they_lie_are_those_pydicom_gives(
    dicom: Make, monkeypatch: pytest.MonkeyPatch, kind: str, bits: int, told: dict[str, Any]
) -> None:
    """In bits that are not stored anything may stand: an old overlay, or a sign."""
    stored = np.random.default_rng(0).integers(0, 256, (31, 17)).astype(kind)
    if kind != "u1":
        stored |= np.array(0b1010 << 12, dtype="u2").astype(kind)
    data = dicom(stored, BitsStored=bits, **told)
    read = decode_image(data)

    monkeypatch.setattr(decoding, "_DEFERRED", 100)
    monkeypatch.setattr(decoding, "_stored", None)  # which is not asked

    np.testing.assert_array_equal(decode_image(data).pixels, read.pixels)
    assert decode_image(data).flags == read.flags
    with pytest.raises(UnreadableFile, match=r"Truncated: \d+ of \d+ bytes"):
        decode_image(data[: -stored.nbytes // 2])


def test_a_canvas_is_written_over_and_grows(dicom: Make) -> None:
    canvas, films = Canvas(), (film(), film().T.copy()[:, :9], np.tile(film(), (3, 2)))
    wanted = [decode_image(dicom(stored, BitsStored=12)).pixels for stored in films]

    for stored, pixels in zip(films, wanted, strict=True):
        put = decode_image(dicom(stored, BitsStored=12), canvas).pixels
        np.testing.assert_array_equal(put, pixels)
        assert not put.flags.writeable
        assert np.shares_memory(put, canvas.of((1, 1)))


@pytest.mark.parametrize("window", [{}, {"WindowCenter": 1800, "WindowWidth": 2500}])
def test_monochrome1_is_the_complement_of_monochrome2(dicom: Make, window: dict[str, Any]) -> None:
    stored = film()
    plain = decode_image(dicom(stored, BitsStored=12, **window))

    turned = decode_image(
        dicom(stored, BitsStored=12, PhotometricInterpretation="MONOCHROME1", **window)
    )

    assert same(turned, 1 - plain.pixels)
    assert Flag.INVERTED in turned.flags


@pytest.mark.parametrize(
    ("photometric", "shape", "turned"),
    [
        ("MONOCHROME2", "IDENTITY", False),
        ("MONOCHROME2", "INVERSE", True),
        ("MONOCHROME1", "IDENTITY", True),
        ("MONOCHROME1", "INVERSE", True),
    ],
)
def test_the_presentation_shape_turns_a_picture_at_most_once(
    dicom: Make, photometric: str, shape: str, turned: bool
) -> None:
    stored = film()

    picture = decode_image(
        dicom(stored, PhotometricInterpretation=photometric, PresentationLUTShape=shape)
    )

    assert same(picture, 1 - stretched(stored) if turned else stretched(stored))


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID", None])
@pytest.mark.parametrize("rescale", [{}, {"RescaleSlope": 2, "RescaleIntercept": -1024}])
@pytest.mark.parametrize("signed", [False, True])
def test_windows_agree_with_pydicom(
    dicom: Make,
    dataset: MakeDataset,
    function: str | None,
    rescale: dict[str, Any],
    signed: bool,
) -> None:
    stored = film(12, signed=signed)
    tags = {
        "BitsStored": 12,
        "WindowCenter": [900, 5],
        "WindowWidth": [1500, 2],
        **rescale,
        **({"VOILUTFunction": function} if function else {}),
    }
    reference = dataset(stored, **tags)
    values = apply_voi_lut(apply_modality_lut(stored, reference), reference)
    low, high = (-2048, 2047) if signed else (0, 4095)
    if rescale:
        low, high = 2 * low - 1024, 2 * high - 1024

    picture = decode_image(dicom(stored, **tags))

    assert same(picture, (values - low) / (high - low))
    assert picture.flags == (Flag.WINDOWED,)


def test_a_window_of_width_one_is_a_threshold(dicom: Make) -> None:
    stored = film()

    picture = decode_image(dicom(stored, WindowCenter=2000, WindowWidth=1))

    assert same(picture, (stored > 1999.5).astype(np.float64))


@pytest.mark.parametrize(
    "window",
    [
        {"WindowCenter": 100, "WindowWidth": 0},
        {"WindowCenter": 100, "WindowWidth": -5},
        {"WindowCenter": 100},
        {"WindowWidth": 100},
        {"WindowCenter": 100, "WindowWidth": 50, "VOILUTFunction": "CUBIC"},
        {"WindowCenter": 100, "WindowWidth": 0.5},
    ],
)
def test_a_window_without_meaning_is_ignored_and_marked(
    dicom: Make, window: dict[str, Any]
) -> None:
    stored = film()

    picture = decode_image(dicom(stored, **window))

    assert same(picture, stretched(stored))
    assert picture.flags == (Flag.WINDOW_IGNORED,)


def lut(descriptor: list[int], data: np.ndarray) -> Dataset:
    item = Dataset()
    item.add_new(0x00283002, "US" if descriptor[1] >= 0 else "SS", descriptor)
    item.add_new(0x00283006, "OW", data.astype("<u2").tobytes())
    return item


def test_a_voi_table_agrees_with_pydicom_and_goes_before_a_window(
    dicom: Make, dataset: MakeDataset
) -> None:
    stored = film()
    table = lut([3000, 500, 12], np.linspace(0, 63.99, 3000) ** 2)
    tags = {"VOILUTSequence": [table], "WindowCenter": 3, "WindowWidth": 2}
    reference = apply_voi_lut(stored, dataset(stored, **tags))

    picture = decode_image(dicom(stored, **tags))

    assert same(picture, reference / 4095)
    assert picture.flags == (Flag.WINDOWED,)


def test_a_modality_table_agrees_with_pydicom(dicom: Make, dataset: MakeDataset) -> None:
    stored = film()
    table = lut([4096, 0, 16], 65535 * np.sqrt(np.linspace(0, 1, 4096)))
    table.ModalityLUTType = "OD"
    reference = apply_modality_lut(stored, dataset(stored, ModalityLUTSequence=[table]))

    picture = decode_image(dicom(stored, ModalityLUTSequence=[table]))

    assert same(picture, stretched(reference))


def test_a_table_of_eight_bit_entries_keeps_indices_above_255(dicom: Make) -> None:
    stored = film()
    item = Dataset()
    item.LUTDescriptor = [4096, 0, 8]
    item.add_new(0x00283006, "OW", (np.arange(4096) // 16).astype("u1").tobytes())

    picture = decode_image(dicom(stored, VOILUTSequence=[item]))

    assert same(picture, (stored // 16) / 255)


def test_a_table_of_65536_entries_writes_its_length_as_zero(dicom: Make) -> None:
    stored = film(16)

    table = lut([0, 0, 16], np.arange(65536)[::-1])

    assert same(decode_image(dicom(stored, VOILUTSequence=[table])), 1 - stored / 65535)


def test_a_table_shorter_than_it_declares_is_refused(dicom: Make) -> None:
    table = lut([4096, 0, 16], np.arange(100))

    with pytest.raises(UnreadableFile, match="Truncated look-up table"):
        decode_image(dicom(film(), VOILUTSequence=[table]))


def test_rescaling_does_not_change_a_stretched_picture(dicom: Make) -> None:
    stored = film()

    picture = decode_image(dicom(stored, RescaleSlope="0.25", RescaleIntercept="-7"))

    assert same(picture, stretched(stored))


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("limit", [None, 59_990])
def test_padding_is_background_and_does_not_stretch_the_rest(
    dicom: Make, photometric: str, limit: int | None
) -> None:
    stored = film()
    padded = stored.copy()
    padded[:, :3] = 60_000
    padded[:, 3] = 60_000 if limit is None else 59_995
    tags = {"PixelPaddingValue": 60_000, "PhotometricInterpretation": photometric}
    wanted = stretched(stored[:, 4:])

    picture = decode_image(
        dicom(padded, **tags, **({"PixelPaddingRangeLimit": limit} if limit else {}))
    )

    assert not picture.pixels[:, :4].any()
    inside = picture.pixels[:, 4:]
    assert np.allclose(inside, 1 - wanted if photometric == "MONOCHROME1" else wanted, atol=CLOSE)
    assert Flag.PADDED in picture.flags


def test_padding_of_signed_values_may_be_written_as_unsigned(
    dicom: Make, dataset: MakeDataset
) -> None:
    stored = film(12, signed=True)
    stored[0, :] = -3000
    made = dataset(stored)
    made.add_new("PixelPaddingValue", "US", 65536 - 3000)

    picture = decode_image(dicom(made))

    assert same(picture, np.vstack([np.zeros((1, 20)), stretched(stored[1:])]))


def test_nothing_but_padding_is_refused(dicom: Make) -> None:
    stored = np.full((4, 4), 9, dtype=np.uint16)

    with pytest.raises(UnreadableFile, match="Nothing but padding"):
        decode_image(dicom(stored, PixelPaddingValue=9))


def test_bits_above_those_stored_do_not_count(dicom: Make) -> None:
    stored = film(12)
    overlaid = stored | np.uint16(0xA000)

    picture = decode_image(dicom(overlaid, BitsStored=12))

    assert same(picture, stretched(stored))


def compressed(made: Dataset, syntax: UID, recompressed: Recompressed) -> bytes:
    """The file of an object, its pixels compressed by pydicom's encoder or by gdcm's."""
    if syntax in GDCM:
        return recompressed(made, GDCM[syntax])
    if syntax != ExplicitVRLittleEndian:
        made.compress(syntax)
    file = io.BytesIO()
    made.save_as(file, enforce_file_format=True)
    return file.getvalue()


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless, JPEGLosslessSV1])
@pytest.mark.parametrize(("bits", "signed"), [(8, False), (12, False), (16, False), (12, True)])
def test_lossless_compression_changes_nothing(
    dataset: MakeDataset, recompressed: Recompressed, syntax: UID, bits: int, signed: bool
) -> None:
    made = dataset(film(bits, signed=signed), BitsStored=bits)
    plain = compressed(made, ExplicitVRLittleEndian, recompressed)
    smaller = compressed(made, syntax, recompressed)

    assert dcmread(io.BytesIO(smaller)).file_meta.TransferSyntaxUID == syntax
    assert np.array_equal(decode_image(smaller).pixels, decode_image(plain).pixels)


def jpeg_dataset(dataset: MakeDataset, pixels: np.ndarray, **tags: Any) -> Dataset:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=95)
    made = dataset(pixels, LossyImageCompression="01", **tags)
    made.PixelData = encapsulate([file.getvalue()])
    made["PixelData"].is_undefined_length = True
    made.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    return made


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEGExtended12Bit])
def test_lossy_jpeg_of_eight_bits_is_close_and_marked(
    dicom: Make, dataset: MakeDataset, syntax: UID
) -> None:
    stored = film(8)
    made = jpeg_dataset(dataset, stored)
    made.file_meta.TransferSyntaxUID = syntax

    picture = decode_image(dicom(made))

    assert np.abs(picture.pixels - stretched(stored)).max() < 0.02
    assert Flag.LOSSY in picture.flags


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_other_plain_encodings_are_read(dataset: MakeDataset, syntax: UID) -> None:
    little = syntax == ImplicitVRLittleEndian
    stored = film(12)
    made = dataset(stored if little else stored.byteswap(), BitsStored=12)
    made.file_meta.TransferSyntaxUID = syntax
    file = io.BytesIO()
    made.save_as(file, enforce_file_format=True, implicit_vr=little, little_endian=little)

    assert same(decode_image(file.getvalue()), stretched(stored))


def test_an_old_file_without_preamble_is_read(dataset: MakeDataset) -> None:
    made = dataset(film(12), BitsStored=12)
    del made.file_meta
    file = io.BytesIO()
    made.save_as(file, implicit_vr=True, little_endian=True)

    assert same(decode_image(file.getvalue()), stretched(film(12)))


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"NumberOfFrames": 2}, "Several frames"),
        ({"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3}, "Not a grey image: RGB"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "Not a grey image"),
        ({"PhotometricInterpretation": None}, "no known photometry"),
        ({"Rows": 40_000, "Columns": 40_000}, "Too large"),
        ({"Rows": 0}, "No pixels"),
        ({"Rows": None}, "No image in it"),
        ({"Rows": 25}, "Truncated: 960 of 1000 bytes"),
        ({"BitsAllocated": 64}, "Bit depth"),
        ({"BitsStored": 12, "HighBit": 15}, "high bit"),
        ({"PixelData": None}, "No pixel data"),
        ({"FloatPixelData": b"\0" * 4}, "Floating-point"),
        ({"BitsAllocated": None}, "Damaged DICOM"),
    ],
)
def test_what_is_no_single_grey_film_is_refused_with_its_reason(
    dicom: Make, tags: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UnreadableFile, match=reason):
        decode_image(dicom(film(16), **tags))


def test_a_deflated_object_is_refused(dataset: MakeDataset, dicom: Make) -> None:
    made = dataset(film())
    made.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian

    with pytest.raises(UnreadableFile, match="Deflated"):
        decode_image(dicom(made))


def test_a_deflated_object_is_refused_however_late_its_header_says_so(
    dataset: MakeDataset, dicom: Make
) -> None:
    made = dataset(film())
    made.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    made.file_meta.FileMetaInformationVersion = b"\0\1" * 2048
    data = dicom(made)
    assert data.index(DeflatedExplicitVRLittleEndian.encode()) > 4096

    with pytest.raises(UnreadableFile, match="Deflated"):
        decode_image(data)


def test_a_film_that_only_names_the_deflated_syntax_is_read(dicom: Make) -> None:
    data = dicom(film(), ImageComments=str(DeflatedExplicitVRLittleEndian))
    assert data.index(DeflatedExplicitVRLittleEndian.encode()) < 2048

    assert decode_image(data).form is Form.DICOM


@pytest.mark.parametrize(("syntax", "bits"), [(MPEG2MPML, 8), (JPEGExtended12Bit, 12)])
def test_a_compression_nobody_decodes_is_named(
    dataset: MakeDataset, dicom: Make, syntax: UID, bits: int
) -> None:
    made = jpeg_dataset(dataset, film(8), BitsAllocated=16, BitsStored=bits)
    made.file_meta.TransferSyntaxUID = syntax

    with pytest.raises(UnreadableFile, match=r"nobody here decodes: (MPEG2|JPEG Ext)"):
        decode_image(dicom(made))


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless, JPEGLosslessSV1])
def test_a_compressed_image_larger_than_its_header_is_refused_before_decoding(
    dataset: MakeDataset, dicom: Make, recompressed: Recompressed, syntax: UID
) -> None:
    made = dcmread(io.BytesIO(compressed(dataset(film(8)), syntax, recompressed)))
    made.Rows = 12

    with pytest.raises(UnreadableFile, match="Sizes disagree"):
        decode_image(dicom(made))


@pytest.mark.parametrize(
    "syntax",
    [ExplicitVRLittleEndian, RLELossless, JPEG2000Lossless, JPEGLSLossless, JPEGLosslessSV1],
)
@settings(max_examples=15, deadline=None)
@given(share=st.floats(0, 0.97))
def test_a_truncated_object_is_refused(
    dataset: MakeDataset, recompressed: Recompressed, syntax: UID, share: float
) -> None:
    data = compressed(dataset(film(16)), syntax, recompressed)

    with pytest.raises(UnreadableFile):
        decode_image(data[: int(len(data) * share)])


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, JPEG2000Lossless])
@settings(max_examples=60, deadline=None)
@given(at=st.floats(0, 1, exclude_max=True), value=st.integers(0, 255))
def test_a_damaged_byte_gives_a_picture_or_a_reason(
    dataset: MakeDataset, recompressed: Recompressed, syntax: UID, at: float, value: int
) -> None:
    made = dataset(film(12), BitsStored=12, WindowCenter=900, WindowWidth=1500)
    data = bytearray(compressed(made, syntax, recompressed))
    data[int(at * len(data))] = value

    try:
        said = repr(decode_image(bytes(data)))
    except UnreadableFile as reason:
        said = str(reason)

    assert "secret" not in said
    assert "Doe" not in said


def test_what_should_be_known_of_a_picture_is_flagged(dicom: Make) -> None:
    picture = decode_image(
        dicom(film(), BurnedInAnnotation="YES", PresentationIntentType="FOR PROCESSING")
    )

    assert picture.flags == (Flag.BURNED_IN, Flag.UNPROCESSED)


@pytest.mark.parametrize(
    ("tags", "view"),
    [
        ({"ViewPosition": "PA"}, "PA"),
        ({"ViewPosition": "LL"}, "LATERAL"),
        ({"ViewPosition": "LLO"}, ""),
        ({}, ""),
        ({"ViewCodeSequence": [code("postero-anterior")]}, "PA"),
        ({"ViewPosition": "", "ViewCodeSequence": [code("Antero-posterior")]}, "AP"),
        ({"ViewCodeSequence": [code("left lateral")]}, "LATERAL"),
        ({"ViewCodeSequence": [code("frontal")]}, ""),
    ],
)
def test_the_view_is_that_of_the_header(dicom: Make, tags: dict[str, Any], view: str) -> None:
    assert decode_image(dicom(film(), **tags)).view == view


@pytest.mark.parametrize(
    ("tags", "laterality"),
    [
        ({"ImageLaterality": "L"}, "L"),
        ({"Laterality": "R"}, "R"),
        ({"ImageLaterality": "U", "Laterality": "R"}, "U"),
        ({"Laterality": "X"}, ""),
        ({}, ""),
    ],
)
def test_the_laterality_is_that_of_the_header(
    dicom: Make, tags: dict[str, Any], laterality: str
) -> None:
    assert decode_image(dicom(film(), **tags)).laterality == laterality


@pytest.mark.parametrize(
    ("said", "years"), [("061Y", 61), ("006M", 0.5), ("101Y", 90), ("", None), (None, None)]
)
def test_the_age_is_in_years_and_the_oldest_are_not_told_apart(
    dicom: Make, said: str | None, years: float | None
) -> None:
    tags = {} if said is None else {"PatientAge": said}

    assert decode_image(dicom(film(), **tags)).age == years


@pytest.mark.parametrize(
    ("modality", "flagged"), [("CR", False), ("DX", False), ("CT", True), ("MR", True), ("", False)]
)
def test_another_modality_is_flagged(dicom: Make, modality: str, flagged: bool) -> None:
    assert (Flag.NO_RADIOGRAPH in decode_image(dicom(film(), Modality=modality)).flags) == flagged


def test_a_picture_tells_nothing_of_the_patient(dicom: Make) -> None:
    said = repr(decode_image(dicom(film())))

    assert "secret" not in said
    assert "Doe" not in said


def test_films_of_one_study_share_a_key_that_is_not_its_number(dicom: Make) -> None:
    one, again, other, blank = (
        decode_image(dicom(film(), StudyInstanceUID=uid)).study_key
        for uid in ("1.2.826.77", "1.2.826.77", "1.2.826.78", "")
    )

    assert one == again != other
    assert "1.2.826" not in one
    assert blank == decode_image(dicom(film())).study_key == ""


def test_a_key_cannot_be_tested_against_a_study_number_in_another_process(
    dicom: Make, tmp_path: Path
) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(dicom(film(), StudyInstanceUID="1.2.826.77"))
    say = "import sys; from pathlib import Path; from carina.studies import read_image"
    say += "; print(read_image(Path(sys.argv[1])).study_key)"
    elsewhere = subprocess.run(
        [sys.executable, "-c", say, str(path)], capture_output=True, text=True, check=True
    ).stdout.strip()

    assert elsewhere
    assert read_image(path).study_key != elsewhere

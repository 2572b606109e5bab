"""DICOM files that any reader shows as they were drawn, with what must never leak planted in."""

from io import BytesIO

import numpy as np
import pytest
from pydicom import Dataset, config, dcmread
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

from carina.core import InvalidValue
from carina.phantoms import PLANTED, Acquisition, Identity
from carina.phantoms.dicom import acquisition, identity, to_dicom
from carina.studies import Flag, decode_image

WAYS = [
    ("CR", bits, photometric, windowed, slope, intercept)
    for bits in (12, 16)
    for photometric in ("MONOCHROME1", "MONOCHROME2")
    for windowed in (False, True)
    for slope, intercept in ((1.0, 0.0), (2.0, -1024.0), (0.5, 100.0))
] + [
    ("DX", bits, photometric, True, 1.0, 0.0)
    for bits in (12, 16)
    for photometric in ("MONOCHROME1", "MONOCHROME2")
]
FILM = np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64)
FIRST = ("Modality", "ImageType", "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID")
OF_DX = (
    "PresentationIntentType",
    "ImageLaterality",
    "ImagerPixelSpacing",
    "PixelIntensityRelationship",
    "PixelIntensityRelationshipSign",
    "PresentationLUTShape",
    "BurnedInAnnotation",
    "LossyImageCompression",
    "PatientOrientation",
    "WindowCenter",
    "WindowWidth",
)


def way(
    modality: str, bits: int, photometric: str, windowed: bool, slope: float, intercept: float
) -> Acquisition:
    return Acquisition(
        modality=modality,
        photometric=photometric,
        bits=bits,
        windowed=windowed,
        slope=slope,
        intercept=intercept,
        mas=2.4,
        maker="Drawn Films Ltd",
    )


def somebody() -> Identity:
    return identity(np.random.default_rng(0), patient=17, study=0, age=60, sex="F")


def written(stored: Acquisition) -> bytes:
    return to_dicom(
        FILM, identity=somebody(), acquisition=stored, view="PA", sex="F", age=60, study=0
    )


def read(data: bytes) -> Dataset:
    return dcmread(BytesIO(data))


@pytest.mark.parametrize("kind", WAYS, ids=str)
def test_every_way_of_storing_shows_the_same_film(
    kind: tuple[str, int, str, bool, float, float],
) -> None:
    shown = decode_image(written(way(*kind)))

    np.testing.assert_allclose(shown.pixels, FILM, atol=1.5 / (0.7 * 2 ** kind[1]) + 1e-5)
    assert shown.bits == kind[1]
    assert (Flag.INVERTED in shown.flags) == (kind[2] == "MONOCHROME1")
    assert (Flag.WINDOWED in shown.flags) == kind[3]


@pytest.mark.parametrize("kind", WAYS, ids=str)
def test_another_reader_agrees(kind: tuple[str, int, str, bool, float, float]) -> None:
    dataset = read(written(way(*kind)))
    values = apply_modality_lut(dataset.pixel_array, dataset)
    shown = np.asarray(apply_voi_lut(values, dataset), dtype=float)
    shown = (shown - shown.min()) / (shown.max() - shown.min())

    expected = 1 - FILM if kind[2] == "MONOCHROME1" else FILM
    np.testing.assert_allclose(shown, expected, atol=3 / 2 ** kind[1])


def test_dense_is_stored_low_in_monochrome1_and_high_in_monochrome2() -> None:
    low = read(written(way("CR", 12, "MONOCHROME1", False, 1.0, 0.0))).pixel_array
    high = read(written(way("CR", 12, "MONOCHROME2", False, 1.0, 0.0))).pixel_array

    assert (low[0, 0], low[-1, -1]) == (4095, 0)
    assert (high[0, 0], high[-1, -1]) == (0, 4095)


@pytest.mark.parametrize("kind", [WAYS[0], WAYS[-1], WAYS[-2]], ids=str)
def test_headers_hold_what_the_standard_asks_for(
    kind: tuple[str, int, str, bool, float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config.settings, "reading_validation_mode", config.RAISE)
    dataset = read(written(way(*kind)))

    for name in FIRST + (OF_DX if kind[0] == "DX" else ()):
        assert dataset.get(name) not in (None, ""), name
    assert all(element.value is not None for element in dataset.iterall())
    assert dataset.HighBit == dataset.BitsStored - 1
    assert dataset.SOPClassUID.name.startswith(
        "Computed Radiography" if kind[0] == "CR" else "Digital X-Ray Image"
    )
    assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID


def test_a_header_names_whom_it_would_name() -> None:
    who = somebody()
    dataset = read(written(way(*WAYS[0])))

    assert dataset.PatientID == who.patient == "PHX-00017"
    assert str(dataset.PatientName) == who.name
    assert (dataset.PatientBirthDate, dataset.StudyDate) == (who.birth, who.date)
    assert who.birth < who.date < "1902"
    assert dataset.AccessionNumber == who.accession
    assert {who.patient, who.name, who.birth, who.date, who.accession} < set(who.planted)
    assert f"{who.date[:4]}-{who.date[4:6]}-{who.date[6:]}" in who.planted
    for text in (who.patient, who.name, who.accession, who.institution, who.physician):
        assert text.startswith(PLANTED)


def test_two_studies_of_a_patient_name_the_same_person_on_different_days() -> None:
    first, second = (
        identity(np.random.default_rng(5), patient=3, study=study, age=70, sex="M")
        for study in (0, 1)
    )

    assert (first.patient, first.name, first.birth) == (second.patient, second.name, second.birth)
    assert first.date < second.date
    assert first.accession != second.accession


def test_films_are_stored_in_every_way() -> None:
    rng = np.random.default_rng(0)
    ways = [acquisition(rng, mas=2.0) for _ in range(400)]

    assert {(one.photometric, one.bits, one.windowed) for one in ways} == {
        (photometric, bits, windowed)
        for photometric in ("MONOCHROME1", "MONOCHROME2")
        for bits in (12, 16)
        for windowed in (False, True)
    }
    assert {one.modality for one in ways} == {"CR", "DX"}
    assert {one.slope for one in ways} == {0.5, 1.0, 2.0}


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        (("MR", 12, "MONOCHROME2", True, 1.0, 0.0), "CR or DX; got 'MR'"),
        (("CR", 8, "MONOCHROME2", True, 1.0, 0.0), "12 or 16 bits; got 8"),
        (("CR", 12, "RGB", True, 1.0, 0.0), "MONOCHROME1 or 2; got 'RGB'"),
        (("DX", 12, "MONOCHROME2", False, 1.0, 0.0), "slope 1, intercept 0 and a window"),
    ],
)
def test_what_the_standard_forbids_is_refused(
    kind: tuple[str, int, str, bool, float, float], fault: str
) -> None:
    with pytest.raises(InvalidValue, match=fault):
        way(*kind)

"""Phantoms as DICOM: computed and digital radiography headers, with what must never leak.

Headers follow the CR and DX image objects of DICOM PS3.3 (A.2, A.26). DX prescribes an
identity rescale and a window, so only CR films carry a slope, or no window at all.
"""

from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from jaxtyping import Float

from carina.core import InvalidValue

__all__ = ["PLANTED", "Acquisition", "Identity", "acquisition", "identity", "to_dicom"]

PLANTED = ("PHX-", "Plantagenet", "Wintersbourne", "ACX", "Quillfeather")
"""Every identifying text in a phantom's tags, table and file names begins with one of these,
save the dates, which are all in the years before 1902."""

_GIVEN = ("Alienor", "Berengar", "Cecily", "Drogo", "Ermengarde", "Fulk", "Godwin", "Hawise")
_FAMILIES = ("Plantagenet-Ashby", "Plantagenet-Byrne", "Plantagenet-Cole", "Plantagenet-Doyle")
_MAKERS = ("Carina Phantom Works", "Drawn Films Ltd")
_CR = "1.2.840.10008.5.1.4.1.1.1"
_DX = "1.2.840.10008.5.1.4.1.1.1.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a phantom would be, were it somebody: planted, to be looked for where it must not be.

    Attributes:
        patient: The patient's identifier; file names begin with it.
        name: Family and given name.
        birth: Date of birth, as DICOM writes dates.
        date: Date of the study, likewise.
        accession: Number of the order.
        institution: Hospital.
        physician: Who asked for it.
    """

    patient: str
    name: str
    birth: str
    date: str
    accession: str
    institution: str
    physician: str

    @property
    def planted(self) -> tuple[str, ...]:
        """Every text that names the patient or a day, as tags, tables and names write it."""
        days = [f"{day[:4]}-{day[4:6]}-{day[6:]}" for day in (self.birth, self.date)]
        return (
            self.patient,
            *self.name.split("^"),
            self.name,
            self.birth,
            self.date,
            *days,
            self.accession,
            self.institution,
            *self.physician.split("^"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquisition:
    """How a film is stored.

    Attributes:
        modality: "CR" or "DX".
        photometric: "MONOCHROME1" (dense stored low) or "MONOCHROME2".
        bits: Bits stored, 12 or 16.
        windowed: Whether a VOI window says what is black and white; the stored values reach
            beyond it. Without one they fill all bits.
        slope: Of the modality LUT.
        intercept: Of the modality LUT.
        mas: Charge of the tube in mAs.
        maker: Manufacturer.
    """

    modality: str
    photometric: str
    bits: int
    windowed: bool
    slope: float
    intercept: float
    mas: float
    maker: str

    def __post_init__(self) -> None:
        if self.modality not in ("CR", "DX"):
            raise InvalidValue(f"A radiograph is CR or DX; got {self.modality!r}.")
        if self.photometric not in ("MONOCHROME1", "MONOCHROME2"):
            raise InvalidValue(f"A grey image is MONOCHROME1 or 2; got {self.photometric!r}.")
        if self.bits not in (12, 16):
            raise InvalidValue(f"Phantoms are stored in 12 or 16 bits; got {self.bits}.")
        if self.modality == "DX" and (self.slope, self.intercept, self.windowed) != (1, 0, True):
            raise InvalidValue("A DX film has slope 1, intercept 0 and a window (PS3.3 C.8.11.3).")


def identity(rng: np.random.Generator, *, patient: int, study: int, age: int, sex: str) -> Identity:
    """A made-up person, recognisable in every line.

    Args:
        rng: The patient's own generator, so that two studies agree.
        patient: Number of the patient.
        study: Number of the study, from 0.
        age: Whole years at the study.
        sex: "F" or "M".
    """
    given = [name for i, name in enumerate(_GIVEN) if (i % 2 == 0) == (sex == "F")]
    month, day = int(rng.integers(1, 13)), int(rng.integers(1, 29))
    name = f"{rng.choice(_FAMILIES)}^{rng.choice(given)}"
    born = f"{1901 - age - 1:04d}{month:02d}{day:02d}"
    later = min(12, int(rng.integers(1, 9)) + 3 * study)
    return Identity(
        patient=f"PHX-{patient:05d}",
        name=name,
        birth=born,
        date=f"1901{later:02d}{int(rng.integers(1, 29)):02d}",
        accession=f"ACX{patient:05d}{study}",
        institution="Wintersbourne Infirmary",
        physician="Quillfeather^Ossian",
    )


def acquisition(rng: np.random.Generator, *, mas: float) -> Acquisition:
    """A way of storing as they vary between hospitals and machines."""
    modality = "CR" if rng.random() < 0.6 else "DX"
    plain = modality == "DX" or rng.random() < 0.5
    return Acquisition(
        modality=modality,
        photometric=f"MONOCHROME{int(rng.integers(1, 3))}",
        bits=int(rng.choice((12, 16))),
        windowed=modality == "DX" or bool(rng.random() < 0.5),
        slope=1.0 if plain else float(rng.choice((0.5, 2.0))),
        intercept=0.0 if plain else float(rng.choice((-1024.0, 100.0))),
        mas=mas,
        maker=str(rng.choice(_MAKERS)),
    )


def to_dicom(
    pixels: Float[np.ndarray, "rows cols"],
    *,
    identity: Identity,
    acquisition: Acquisition,
    view: str,
    sex: str,
    age: int,
    study: int,
) -> bytes:
    """A whole DICOM file of one film.

    Args:
        pixels: 0 (black) to 1 (white, dense).
        identity: Whom the header names.
        acquisition: How it is stored.
        view: "PA" or "AP".
        sex: "F" or "M".
        age: Whole years.
        study: Number of the study of this patient, from 0.
    """
    # pydicom takes a fifth of a second to import, which drawing alone need not pay.
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

    of_study = [identity.patient, identity.accession]
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(_CR if acquisition.modality == "CR" else _DX)
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[*of_study, "image"])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = BytesIO()
    dataset = FileDataset(file, {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID = meta.MediaStorageSOPClassUID
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.StudyInstanceUID = generate_uid(entropy_srcs=[*of_study, "study"])
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=[*of_study, "series"])
    dataset.StudyID, dataset.SeriesNumber, dataset.InstanceNumber = str(study + 1), 1, 1
    _name(dataset, identity, sex=sex, age=age)
    _describe(dataset, acquisition, view)
    _fill(dataset, pixels, acquisition)
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def _name(dataset: Any, identity: Identity, *, sex: str, age: int) -> None:
    """The modules of the patient and the study."""
    dataset.PatientName, dataset.PatientID = identity.name, identity.patient
    dataset.PatientBirthDate, dataset.PatientSex = identity.birth, sex
    dataset.PatientAge = f"{age:03d}Y"
    dataset.StudyDate = dataset.SeriesDate = dataset.ContentDate = identity.date
    dataset.AcquisitionDate = identity.date
    dataset.StudyTime = dataset.SeriesTime = dataset.ContentTime = "101500"
    dataset.AccessionNumber = identity.accession
    dataset.InstitutionName = identity.institution
    dataset.ReferringPhysicianName = identity.physician


def _describe(dataset: Any, acquisition: Acquisition, view: str) -> None:
    """The equipment and series modules, and those of a projection."""
    dataset.Modality, dataset.Manufacturer = acquisition.modality, acquisition.maker
    dataset.BodyPartExamined, dataset.ViewPosition = "CHEST", view
    dataset.PatientOrientation = ["L", "F"]
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.KVP, dataset.Exposure = "110", str(max(1, round(acquisition.mas)))
    dataset.ExposureInuAs = str(round(acquisition.mas * 1000))
    dataset.BurnedInAnnotation, dataset.LossyImageCompression = "NO", "00"
    if acquisition.modality == "CR":
        return
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.ImageLaterality, dataset.AnatomicRegionSequence = "U", []
    dataset.AcquisitionContextSequence, dataset.DetectorType = [], "SCINTILLATOR"
    dataset.ImagerPixelSpacing = ["1.4", "1.4"]
    dataset.PixelIntensityRelationship = "LOG"
    dense_high = acquisition.photometric == "MONOCHROME2"
    dataset.PixelIntensityRelationshipSign = -1 if dense_high else 1
    dataset.PresentationLUTShape = "IDENTITY" if dense_high else "INVERSE"


def _fill(dataset: Any, pixels: Float[np.ndarray, "rows cols"], acquisition: Acquisition) -> None:
    """The image itself: stored values, and how they become black and white again."""
    top = 2**acquisition.bits - 1
    low, high = (round(0.12 * top), round(0.83 * top)) if acquisition.windowed else (0, top)
    shown = 1 - pixels if acquisition.photometric == "MONOCHROME1" else pixels
    stored = np.round(low + shown * (high - low)).astype("<u2")
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, acquisition.photometric
    dataset.BitsAllocated, dataset.BitsStored = 16, acquisition.bits
    dataset.HighBit, dataset.PixelRepresentation = acquisition.bits - 1, 0
    dataset.RescaleSlope = f"{acquisition.slope:g}"
    dataset.RescaleIntercept = f"{acquisition.intercept:g}"
    dataset.RescaleType = "US"
    if acquisition.windowed:
        # The linear function of PS3.3 C.11.2.1.2 runs from centre - 0.5 - (width - 1) / 2
        # to centre - 0.5 + (width - 1) / 2; that is from low to high here.
        first = low * acquisition.slope + acquisition.intercept
        last = high * acquisition.slope + acquisition.intercept
        dataset.WindowWidth = f"{last - first + 1:.10g}"
        dataset.WindowCenter = f"{(first + last + 1) / 2:.10g}"
        dataset.WindowCenterWidthExplanation = "STANDARD"
    dataset.PixelData = stored.tobytes()

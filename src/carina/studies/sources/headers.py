"""What DICOM headers say where a data set's tables say nothing; pixels are not read."""

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from carina.core import ManifestError
from carina.studies.quiet import quietly
from carina.studies.sources.cells import ages, sex, view

__all__ = ["Header", "read_headers"]

_HEAD = 1 << 18  # bytes; headers of these data sets have under 4,000
_TAGS = ("PatientID", "StudyInstanceUID", "ViewPosition", "PatientSex", "PatientAge")
_OLDEST = 90.0  # as for every DICOM file here: from 90 on as 90
_BEYOND = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What one header says; "" and NaN for what it does not."""

    patient: str = ""
    study: str = ""
    view: str = ""
    sex: str = ""
    age: float = np.nan


def read_headers(root: Path, image: Sequence[str]) -> list[Header]:
    """The header of each image below a folder; an empty one for a file that is not there."""
    with quietly():
        return [_header(root / name) for name in image]


def _header(path: Path) -> Header:
    # pydicom takes 0.2 s to import: only who reads a DICOM file waits for it.
    from pydicom import dcmread
    from pydicom.errors import BytesLengthException, InvalidDicomError

    try:
        with path.open("rb") as file:
            head = io.BytesIO(file.read(_HEAD))
        read = dcmread(head, stop_before_pixels=True, specific_tags=list(_TAGS))
        patient, study, seen, whose, old = (
            str(getattr(read, tag, None) or "").strip() for tag in _TAGS
        )
    except (
        *(ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, OSError),
        *(RuntimeError, TypeError, ValueError, struct.error),
        *(BytesLengthException, InvalidDicomError),
    ):
        return Header()  # the same file is set aside with its reason when its pixels are wanted
    return Header(patient=patient, study=study, view=view(seen), sex=sex(whose), age=_age(old))


def _age(cell: str) -> float:
    try:
        (age,) = ages("PatientAge", (cell,))
    except ManifestError:
        return float("nan")
    return float("nan") if age > _BEYOND else min(age, _OLDEST)

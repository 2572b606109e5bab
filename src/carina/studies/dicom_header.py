"""What the header of a DICOM radiograph says beside its pixels, and nothing that tells whose it is."""

from typing import Any

import numpy as np

from carina.core import ManifestError
from carina.studies.sources.cells import ages, view

__all__ = ["age_of", "laterality_of", "view_of"]

_OLDEST = 90.0


def view_of(dataset: Any) -> str:
    """From the view position (DX: PS3.3 C.8.11.5) or the meaning of the view's code."""
    if said := view(str(dataset.get("ViewPosition", None) or "").strip()):
        return said
    for code in dataset.get("ViewCodeSequence", None) or ():
        meaning = str(code.get("CodeMeaning", None) or "")
        words = "".join(letter for letter in meaning if letter.isalpha() or letter == " ")
        if said := view(words.strip()) or view(words.strip().split(" ")[-1]):
            return said
    return ""


def laterality_of(dataset: Any) -> str:
    """L, R, B (both) or U (unpaired) where the file says so."""
    said = dataset.get("ImageLaterality", None) or dataset.get("Laterality", None) or ""
    letter = str(said).strip().upper()
    return letter if letter in ("L", "R", "B", "U") else ""


def age_of(dataset: Any) -> float | None:
    """Years of an age string (PS3.5 6.2, AS); the oldest are few enough to be known by it."""
    try:
        (years,) = ages("PatientAge", (str(dataset.get("PatientAge", None) or "").strip(),))
    except ManifestError:
        return None
    return None if np.isnan(years) else min(years, _OLDEST)

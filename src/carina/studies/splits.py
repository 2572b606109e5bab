"""Splits by a salted hash of the patient: new data never move an old patient."""

from collections.abc import Mapping, Sequence
from math import isclose

import numpy as np
from jaxtyping import Int

from carina.core import InvalidValue, near, salted
from carina.studies.manifest import Split

__all__ = ["hashed_split", "patient_codes"]


def hashed_split(
    patients: Sequence[str], salt: str, fractions: Mapping[str, float]
) -> tuple[str, ...]:
    """A split for each image, the same for all images of a patient.

    A patient's split follows from the patient, the salt and the fractions alone.

    Args:
        patients: Whose each image is.
        salt: Another salt gives another split.
        fractions: Share of the patients, in expectation, of each split named; they sum to 1.

    Raises:
        InvalidValue: where a split is unknown, a share is below 0 or the shares do not sum to 1.
    """
    known = [str(split) for split in Split]
    if strange := [name for name in fractions if name not in known]:
        raise InvalidValue(
            f"No split named {strange[0]!r}.{near(strange[0], known)} Known: {', '.join(known)}."
        )
    if any(share < 0 for share in fractions.values()) or not isclose(sum(fractions.values()), 1):
        raise InvalidValue(f"Shares of splits are positive and sum to 1; got {dict(fractions)}.")
    names = [str(name) for name, share in fractions.items() if share > 0]
    ends = np.cumsum([fractions[name] for name in names])
    place = patient_codes(patients, f"split {salt}") / 2**63
    at = np.minimum(np.searchsorted(ends, place, side="right"), len(names) - 1)
    return tuple(names[int(i)] for i in at)


def patient_codes(patients: Sequence[str], salt: str = "carina") -> Int[np.ndarray, " images"]:
    """A 63-bit number for each image's patient; who knows the salt and a patient can test it."""
    codes = {patient: salted(patient, salt) for patient in dict.fromkeys(patients)}
    return np.array([codes[patient] for patient in patients], dtype=np.int64)

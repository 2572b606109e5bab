"""What single cells say, whatever the data set: paths, views, sexes, ages."""

import re
from pathlib import PurePosixPath

import numpy as np

from carina.core import ManifestError

__all__ = ["ages", "relative", "sex", "view"]

_VIEWS = {
    "PA": ("PA", "POSTEROANTERIOR"),
    "AP": ("AP", "ANTEROPOSTERIOR", "AP SUPINE", "AP ERECT", "PORTABLE AP"),
    "LATERAL": ("LATERAL", "LAT", "L", "LL", "RL", "LLAT"),
}
_VIEW = {word: view for view, words in _VIEWS.items() for word in words}
_SEX = {"F": "F", "FEMALE": "F", "M": "M", "MALE": "M"}
_AGE = re.compile(r"(\d{1,3}(?:\.\d+)?)([YMWD]?)")
_A_YEAR = {"": 1.0, "Y": 1.0, "M": 12.0, "W": 52.1775, "D": 365.2425}


def view(cell: str) -> str:
    """The view a word means: PA, AP or LATERAL; nothing for any other word."""
    return _VIEW.get(cell.upper(), "")


def sex(cell: str) -> str:
    """The sex a word means: F or M; nothing for any other word."""
    return _SEX.get(cell.upper(), "")


def ages(name: str, cells: tuple[str, ...]) -> tuple[float, ...]:
    """Years, from numbers of years or DICOM age strings such as 061Y and 003M; NaN for blank."""
    matches = [_AGE.fullmatch(cell.upper()) for cell in cells]
    if wrong := sum(
        match is None and cell != "" for match, cell in zip(matches, cells, strict=True)
    ):
        raise ManifestError(
            f"{wrong} row(s) of column {name!r} hold no age; wanted years (61) or a DICOM age "
            "(061Y). Clear those cells, or leave `age` out of the mapping."
        )
    return tuple(np.nan if m is None else float(m[1]) / _A_YEAR[m[2]] for m in matches)


def relative(cell: str) -> str:
    """An image cell as a path below the image folder.

    Raises:
        ManifestError: where it leaves that folder.
    """
    path = PurePosixPath(cell)
    if path.is_absolute() or ".." in path.parts:
        raise ManifestError(
            "An image cell leaves the image folder; wanted paths below it. "
            "Set `images` in the mapping to the folder they all lie in."
        )
    return str(path) if cell else ""

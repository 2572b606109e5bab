"""What a file of any form becomes: one grey picture, bright where the body is dense."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Float32

from carina.core import InvalidValue, UnreadableFile

__all__ = ["MAX_PIXELS", "Canvas", "Flag", "Form", "Picture", "check_size"]

MAX_PIXELS = 36_000_000
"""Largest image that is decoded: 6,000 x 6,000, more than any detector for chests has.

The pixel pipeline of DICOM then stays under 1 GiB; a forged header does not get as far.
"""


class Form(StrEnum):
    """How a file stores its picture."""

    PNG = "PNG"
    JPEG = "JPEG"
    DICOM = "DICOM"


class Flag(StrEnum):
    """What somebody who uses a picture may want to know of it."""

    INVERTED = "stored with dense tissue dark, turned round"
    COLOUR = "stored in colour, made grey"
    WINDOWED = "shown through the window or VOI table of its file"
    WINDOW_IGNORED = "window without meaning, ignored"
    PADDED = "padding set to the background"
    LOSSY = "compressed with loss"
    BURNED_IN = "text burned into the pixels"
    UNPROCESSED = "raw detector image, not made for reading"
    NO_RADIOGRAPH = "of another modality than a radiograph's"
    BLANK = "every pixel alike"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Picture:
    """One grey image and how its file held it; nothing in it tells whose it is.

    Attributes:
        pixels: 0 is black and background, 1 is white and dense; read-only.
        form: What kind of file it was.
        photometric: What DICOM calls the stored pixels: "MONOCHROME1", "MONOCHROME2", "RGB" or
            "PALETTE COLOR".
        bits: Bits a stored sample has.
        flags: What else there is to know, in the order of `Flag`.
        study_key: Equal for files that say they belong to one imaging study, "" where a file does
            not say. A hash salted anew in each process: keys of two processes do not compare, and
            outside its process none can be tested against the number of a study.
        view: "PA", "AP" or "LATERAL" where the file says so, else "".
        laterality: "L", "R", "B" (both) or "U" (unpaired) where the file says so, else "".
        age: The patient's years where the file says so, from 90 on as 90; else None.
    """

    pixels: Float32[np.ndarray, "rows cols"]
    form: Form
    photometric: str
    bits: int
    flags: tuple[Flag, ...] = ()
    study_key: str = ""
    view: str = ""
    laterality: str = ""
    age: float | None = None

    def __post_init__(self) -> None:
        if self.pixels.size == 0:
            raise InvalidValue("A picture has at least one pixel.")
        low, high = float(self.pixels.min()), float(self.pixels.max())
        if not (low >= 0 and high <= 1):
            raise InvalidValue(f"Pixels lie in [0, 1]; got [{low}, {high}].")
        noted = {*self.flags, Flag.BLANK} if low == high else set(self.flags) - {Flag.BLANK}
        object.__setattr__(self, "flags", tuple(flag for flag in Flag if flag in noted))
        self.pixels.setflags(write=False)


class Canvas:
    """Memory that one thread decodes into, film after film.

    New memory for every film costs as much as decoding it where several threads ask for it at
    once: the system hands out a page at a time.
    """

    def __init__(self) -> None:
        self._memory = np.empty(0, dtype=np.float32)

    def of(self, shape: tuple[int, int]) -> Float32[np.ndarray, "rows cols"]:
        """Room for a film; what it gave before is written over."""
        pixels = shape[0] * shape[1]
        if len(self._memory) < pixels:
            self._memory = np.empty(pixels, dtype=np.float32)
        return self._memory[:pixels].reshape(shape)


def check_size(rows: int, cols: int) -> None:
    """Refuse a declared size before anything of that size is made.

    Raises:
        UnreadableFile: where there is no pixel, or more than `MAX_PIXELS`.
    """
    if rows < 1 or cols < 1:
        raise UnreadableFile(f"No pixels: the header declares {rows} x {cols}.")
    if rows * cols > MAX_PIXELS:
        raise UnreadableFile(
            f"Too large: the header declares {rows} x {cols}, wanted at most {MAX_PIXELS:,} pixels."
        )

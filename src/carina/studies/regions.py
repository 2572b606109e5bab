"""Where on an image a finding was marked: boxes, and masks by run lengths."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from carina.core import InvalidValue, ManifestError
from carina.studies.findings import canonical
from carina.studies.sources.table import Table

__all__ = ["Box", "Mask", "Region", "boxes", "read_boxes"]

_SIDES = (("w", "h"), ("width", "height"))
_READERS = ("reader", "source")


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle around a finding.

    Attributes:
        image: The image it is on, as a manifest of the same source names it.
        finding: What is in it, by its canonical name.
        x: Left edge, in pixels of the image as it was published.
        y: Upper edge.
        width: In pixels, above 0.
        height: In pixels, above 0.
        reader: Who drew it, or ""; a code, no name.
    """

    image: str
    finding: str
    x: float
    y: float
    width: float
    height: float
    reader: str = ""

    def __post_init__(self) -> None:
        finite = all(map(isfinite, (self.x, self.y, self.width, self.height)))
        if not finite or self.width <= 0 or self.height <= 0:
            raise InvalidValue("A box has finite edges and is wider and higher than 0 pixels.")

    def decode(self, rows: int, cols: int) -> Bool[np.ndarray, "rows cols"]:
        """The pixels whose centre is inside; what lies beyond the image is cut off."""
        down, across = np.arange(rows) + 0.5, np.arange(cols) + 0.5
        inside_y = (down >= self.y) & (down < self.y + self.height)
        inside_x = (across >= self.x) & (across < self.x + self.width)
        return np.logical_and.outer(inside_y, inside_x)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """The pixels of a finding.

    Attributes:
        image: The image it is on, as a manifest of the same source names it.
        finding: What it marks, by its canonical name.
        runs: Runs of pixels, each its first one and how many, counted from 0 down the columns,
            the leftmost first; in order, and no two overlap.
        reader: Who drew it, or ""; a code, no name.
    """

    image: str
    finding: str
    runs: tuple[tuple[int, int], ...]
    reader: str = ""

    def __post_init__(self) -> None:
        free = 0
        for start, length in self.runs:
            if start < free or length < 1:
                raise InvalidValue("Runs of a mask are in order, do not overlap and hold a pixel.")
            free = start + length

    @classmethod
    def from_gaps(cls, text: str, *, image: str, finding: str, reader: str = "") -> "Mask":
        """A mask of the relative form: how many pixels are left out, how many are marked, and on.

        That is the form of the SIIM-ACR challenge. In the other common one, of absolute starts
        counted from 1, most masks would read as well, and wrongly.

        Raises:
            InvalidValue: where the text is no such list of numbers.
        """
        words = text.split()
        if len(words) % 2 or not all(word.isascii() and word.isdigit() for word in words):
            raise InvalidValue("A run-length mask is pairs of whole numbers with spaces between.")
        numbers = list(map(int, words))
        runs, at = [], 0
        for gap, length in zip(numbers[::2], numbers[1::2], strict=True):
            runs.append((at + gap, length))
            at += gap + length
        return cls(image=image, finding=finding, runs=tuple(runs), reader=reader)

    def decode(self, rows: int, cols: int) -> Bool[np.ndarray, "rows cols"]:
        """The marked pixels of an image of this size.

        Raises:
            InvalidValue: where a run ends beyond the image.
        """
        if self.runs and sum(self.runs[-1]) > rows * cols:
            raise InvalidValue(
                f"The mask reaches pixel {sum(self.runs[-1])} of an image of {rows * cols}; give "
                "the rows and columns of the image it was drawn on."
            )
        flat = np.zeros(rows * cols, dtype=np.bool_)
        for start, length in self.runs:
            flat[start : start + length] = True
        return flat.reshape(cols, rows).T


Region = Box | Mask
"""A marked part of an image."""


def read_boxes(path: Path) -> tuple[Box, ...]:
    """The boxes of a table with the columns image, label, x, y, and w and h or width and height.

    A column `reader`, or else `source`, says who drew each.

    Raises:
        MissingFile, UnreadableFile, ConfigError: where there is no such table.
        ManifestError: where a row holds no box.
    """
    table = Table.read(path)
    width, height = next((pair for pair in _SIDES if set(pair) <= set(table.cells)), _SIDES[0])
    names = ("image", "label", "x", "y", width, height)
    table.require(*names)
    reader = next((name for name in _READERS if name in table.cells), "")
    return boxes(
        zip(*(table.cells[name] for name in names), strict=True),
        readers=table.cells[reader] if reader else ("",) * len(table),
        table=table.name,
    )


def boxes(
    rows: Iterable[tuple[str, ...]], *, readers: Iterable[str], table: str
) -> tuple[Box, ...]:
    """Boxes of cells: image, finding by any of its names, left, upper, width, height.

    Args:
        rows: The cells.
        readers: Who drew each.
        table: What the error calls the table.

    Raises:
        ManifestError: counting the rows that hold no box.
    """
    read, wrong = [], 0
    for (image, finding, *sides), reader in zip(rows, readers, strict=True):
        try:
            x, y, width, height = map(float, sides)
            box = Box(
                image=image,
                finding=canonical(finding),
                x=x,
                y=y,
                width=width,
                height=height,
                reader=reader,
            )
        except ValueError:  # InvalidValue is one
            wrong += 1
        else:
            read.append(box)
    if wrong:
        raise ManifestError(
            f"{wrong} row(s) of {table} hold no box; wanted numbers of pixels, with a width and a "
            "height above 0."
        )
    return tuple(read)

"""Masks of films on the pixels of an encoder's input, eight to a byte."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Int, UInt8

from carina.core import Mismatch, MissingFile, UnreadableFile
from carina.encoders import Preprocess, prepare_mask
from carina.studies import Manifest, Marks, read_image

__all__ = ["MaskTable", "read_masks"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MaskTable:
    """Masks in the order of films, packed.

    Attributes:
        structure: What they mark.
        rows: Row of the manifest of each film.
        packed: The masks, line by line, eight pixels a byte.
        size: Rows and columns of each.
        set_aside: Row of the manifest -> why a mask that is there is not used.
    """

    structure: str
    rows: Int[np.ndarray, " films"]
    packed: UInt8[np.ndarray, "films lines bytes"]
    size: int
    set_aside: Mapping[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    def of(self, films: Int[np.ndarray, " some"]) -> Bool[np.ndarray, "some size size"]:
        """The masks of some films, by their places in this table."""
        return np.unpackbits(self.packed[films], axis=2, count=self.size).astype(np.bool_)

    @property
    def positive(self) -> Bool[np.ndarray, " films"]:
        """Which masks have a pixel."""
        found: np.ndarray = np.asarray(self.packed.any(axis=(1, 2)))
        return found

    def reasons(self) -> dict[str, int]:
        """How many masks are set aside for each reason."""
        return dict(Counter(self.set_aside.values()))


def read_masks(manifest: Manifest, marks: Marks, spec: Preprocess) -> MaskTable:
    """Every film's mask on the pixels its encoder sees; one that cannot be used is set aside.

    Args:
        manifest: Whose films.
        marks: Where their masks are.
        spec: How the encoder wants images, and so masks.

    Raises:
        Mismatch: where none is left, with the reasons.
    """
    rows, packed, aside = [], [], dict(marks.set_aside)
    for row in marks.rows.tolist():
        try:
            film = read_image(manifest.place(manifest.image[row])).pixels
            mask = marks.mask(row, *film.shape)
        except (Mismatch, MissingFile, UnreadableFile) as error:
            aside[row] = str(error)
        else:
            rows.append(row)
            packed.append(np.packbits(prepare_mask(mask, spec), axis=1))
    if not rows:
        why = "; ".join(f"{count} x {reason}" for reason, count in Counter(aside.values()).items())
        raise Mismatch(f"No mask of {marks.structure!r} can be used: {why}")
    return MaskTable(
        structure=marks.structure,
        rows=np.array(rows, dtype=np.int64),
        packed=np.stack(packed),
        size=spec.size,
        set_aside=aside,
    )

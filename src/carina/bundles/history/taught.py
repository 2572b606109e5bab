"""Which cells of which films taught a reader, with nobody in the clear."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Bool, Float, Int, UInt8

from carina.core import InvalidValue, UnreadableFile, salted, write_bytes

__all__ = ["Taught", "cell_codes", "read_taught", "write_taught"]

_CODES = ("patient", "image", "cells")
_FINDING = "finding/"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Taught:
    """A row for every film a lesson was of.

    Attributes:
        labels: The lesson's findings.
        patients: Salted 63-bit code of each film's patient.
        images: Of the film.
        times: (films, labels): how often each cell was learned; 0 where it was not shown.
        cells: Of what the shown cells said; see `cell_codes`.
    """

    labels: tuple[str, ...]
    patients: Int[np.ndarray, " films"]
    images: Int[np.ndarray, " films"]
    times: UInt8[np.ndarray, "films labels"]
    cells: Int[np.ndarray, " films"]

    def __post_init__(self) -> None:
        lengths = {len(column) for column in (self.patients, self.images, self.times, self.cells)}
        if len(lengths) != 1 or self.times.shape[1] != len(self.labels):
            raise InvalidValue(
                f"A table of what was taught has one row a film and one column a finding; got "
                f"{self.times.shape} times for {len(self.labels)} finding(s)."
            )

    def salted(self, salt: str) -> "Taught":
        """With codes of its codes: who has another salt's codes cannot find theirs in these."""
        return replace(
            self,
            patients=recoded(self.patients, salt),
            images=recoded(self.images, salt),
            cells=recoded(self.cells, salt),
        )

    def limited_to(self, rows: Bool[np.ndarray, " films"]) -> "Taught":
        """Some of the films only."""
        return replace(
            self,
            patients=self.patients[rows],
            images=self.images[rows],
            times=self.times[rows],
            cells=self.cells[rows],
        )


def recoded(codes: Int[np.ndarray, " codes"], salt: str) -> Int[np.ndarray, " codes"]:
    """A salted 63-bit code of each code."""
    fresh = {code: salted(str(code), salt) for code in np.unique(codes).tolist()}
    return np.array([fresh[code] for code in codes.tolist()], dtype=np.int64)


def cell_codes(
    images: Int[np.ndarray, " films"],
    share: Float[np.ndarray, "films labels"],
    times: UInt8[np.ndarray, "films labels"],
    salt: str,
) -> Int[np.ndarray, " films"]:
    """A salted code of what a film's shown cells said: equal for the same cells, whatever stands beside.

    Args:
        images: Code of each film.
        share: To which share each finding is present: 1, 0, or between where a cell is soft.
        times: How often each cell was learned.
        salt: The data's.
    """
    shown = np.where(times > 0, share, -1).astype("<f4")
    return np.array(
        [
            salted(f"{image} {cells.tobytes().hex()}", salt)
            for image, cells in zip(images.tolist(), shown, strict=True)
        ],
        dtype=np.int64,
    )


def write_taught(path: Path, taught: Taught) -> None:
    """One Parquet file, whole or not at all."""
    columns = {
        "patient": taught.patients,
        "image": taught.images,
        "cells": taught.cells,
        **{f"{_FINDING}{name}": taught.times[:, at] for at, name in enumerate(taught.labels)},
    }
    file = BytesIO()
    pq.write_table(pa.table(columns), file)
    write_bytes(path, file.getvalue())


def read_taught(path: Path) -> Taught:
    """What `write_taught` wrote.

    Raises:
        UnreadableFile: where it is no such table.
    """
    try:
        table = pq.read_table(path)
        names = [name for name in table.column_names if name.startswith(_FINDING)]
        codes: dict[str, np.ndarray] = {
            name: table[name].to_numpy().astype(np.int64) for name in _CODES
        }
        times = _matrix([table[name].to_numpy() for name in names], len(table))
    except (OSError, KeyError, pa.ArrowException) as error:
        raise UnreadableFile(
            f"{path.name} is no table of what was taught ({type(error).__name__}): the history is "
            "damaged. Put its folder back from a copy."
        ) from None
    return Taught(
        labels=tuple(name.removeprefix(_FINDING) for name in names),
        patients=codes["patient"],
        images=codes["image"],
        times=times,
        cells=codes["cells"],
    )


def _matrix(columns: Sequence[np.ndarray], rows: int) -> UInt8[np.ndarray, "rows columns"]:
    if not columns:
        return np.zeros((rows, 0), dtype=np.uint8)
    return np.stack(columns, axis=1).astype(np.uint8)

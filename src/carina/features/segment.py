"""An immutable folder of features, found by what made them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from carina.core import (
    CarinaError,
    UnreadableFile,
    digest_file,
    fingerprint,
    read_json,
    write_json,
)
from carina.encoders import EncoderCard
from carina.features.partial import claimed_folder, publish

__all__ = ["MadeBy", "Segment", "Sum", "read_segment", "segment_fingerprint", "write_segment"]

_LAYOUT = 1
_MADE_BY = "made_by.json"
_ROWS = "rows.parquet"
_IMAGE = "image"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """What a file must be: its length in bytes and the digest of them."""

    bytes: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeBy:
    """What a segment was made by, and what came of it.

    Attributes:
        layout: Version of the segment's own form.
        name: The encoder's name, for people.
        encoder: The encoder card's fingerprint.
        outputs: "pooled", "tokens", "stages", "crops".
        batch: Images that went through the encoder together, the last batch padded.
        rows: Images.
        files: Every other file of the segment.
    """

    layout: int
    name: str
    encoder: str
    outputs: tuple[str, ...]
    batch: int
    rows: int
    files: dict[str, Sum]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One segment on disk.

    Attributes:
        folder: Where it lies.
        made_by: What made it.
        images: Digest of each row's image file.
    """

    folder: Path
    made_by: MadeBy
    images: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """The name of its folder."""
        return self.folder.name

    @property
    def bytes(self) -> int:
        """Size of its files."""
        return sum(file.bytes for file in self.made_by.files.values())

    @property
    def array_names(self) -> tuple[str, ...]:
        """Its arrays, by name."""
        return tuple(
            sorted(name.removesuffix(".npy") for name in self.made_by.files if name != _ROWS)
        )

    def array(self, name: str) -> np.ndarray:
        """One of its arrays ("pooled", "tokens", "offsets", "stage-8", "crops"), mapped and read-only.

        Raises:
            UnreadableFile: where the file is damaged.
        """
        try:
            mapped = np.load(self.folder / f"{name}.npy", mmap_mode="r")
        except (OSError, ValueError):
            raise _damaged(self.folder, f"{name}.npy cannot be read") from None
        return np.asarray(mapped)  # a plain array is quicker to index than a memmap

    def faults(self, *, full: bool) -> tuple[str, ...]:
        """What is wrong with its files, in words; with `full` every byte is read."""
        faults = []
        for name, wanted in sorted(self.made_by.files.items()):
            path = self.folder / name
            if not path.is_file():
                faults.append(f"{name} is missing")
            elif (size := path.stat().st_size) != wanted.bytes:
                faults.append(f"{name} has {size} bytes, wanted {wanted.bytes}")
            elif full and digest_file(path) != wanted.digest:
                faults.append(f"{name} has other bytes than were written")
        made = self.made_by
        if full and self.fingerprint != segment_fingerprint(
            made.encoder, self.images, outputs=made.outputs, batch=made.batch
        ):
            faults.append("its name is not that of its images and encoder")
        return tuple(faults)


def segment_fingerprint(
    encoder: str, images: Sequence[str], *, outputs: tuple[str, ...], batch: int
) -> str:
    """The name of a segment: all that can change a byte of it.

    Args:
        encoder: The encoder card's fingerprint.
        images: Digests of the image files, in order of rows.
        outputs: What is stored of each.
        batch: Images that go through the encoder together.
    """
    return fingerprint(
        {
            "layout": _LAYOUT,
            "encoder": encoder,
            "images": list(images),
            "outputs": outputs,
            "batch": batch,
        }
    )


def write_segment(
    encoder_folder: Path,
    card: EncoderCard,
    images: Sequence[str],
    arrays: Mapping[str, np.ndarray],
    *,
    outputs: tuple[str, ...],
    batch: int,
) -> bool:
    """Put a segment in place, whole or not at all; False where it was there already.

    Args:
        encoder_folder: Where the encoder's segments lie.
        card: The encoder.
        images: Digest of each row's image file.
        arrays: What goes into each ``.npy``, in its final dtype.
        outputs: What was asked of the encoder.
        batch: Images that went through it together.
    """
    name = segment_fingerprint(card.fingerprint, images, outputs=outputs, batch=batch)
    folder = encoder_folder / name
    if folder.is_dir():
        return False
    with claimed_folder(folder) as partial:
        _write_rows(partial / _ROWS, images)
        for array_name, array in arrays.items():
            _write_array(partial / f"{array_name}.npy", array)
        files = {
            path.name: Sum(bytes=path.stat().st_size, digest=digest_file(path))
            for path in sorted(partial.iterdir())
        }
        made_by = MadeBy(
            layout=_LAYOUT,
            name=card.name,
            encoder=card.fingerprint,
            outputs=outputs,
            batch=batch,
            rows=len(images),
            files=files,
        )
        write_json(partial / _MADE_BY, made_by)
        return publish(partial, folder)


def read_segment(folder: Path) -> Segment:
    """A segment's description and rows; its arrays stay on disk.

    Raises:
        UnreadableFile: where it is damaged or of another layout.
    """
    try:
        made_by = read_json(folder / _MADE_BY, MadeBy)
        images = pq.read_table(folder / _ROWS, columns=[_IMAGE])[_IMAGE].to_pylist()
    except (CarinaError, OSError, pa.ArrowException):
        raise _damaged(folder, f"{_MADE_BY} or {_ROWS} cannot be read") from None
    segment = Segment(folder=folder, made_by=made_by, images=tuple(images))
    if made_by.layout != _LAYOUT:
        raise UnreadableFile(
            f"Segment {folder.name} has layout {made_by.layout}, this carina reads {_LAYOUT}. "
            "Use the carina that wrote it, or encode into a new store."
        )
    if made_by.rows != len(images):
        raise _damaged(folder, f"{len(images)} rows stand where {made_by.rows} were written")
    if faults := segment.faults(full=False):
        raise _damaged(folder, faults[0])
    return segment


def _damaged(folder: Path, what: str) -> UnreadableFile:
    return UnreadableFile(
        f"Segment {folder.name} of the store is damaged: {what}. Remove that folder "
        f"({folder.parent.name}/{folder.name}) and encode again; the other segments are kept."
    )


def _write_array(path: Path, array: np.ndarray) -> None:
    # Not np.save: it passes over a full disk when the last buffer cannot be written.
    array = np.ascontiguousarray(array)
    with path.open("xb") as file:
        header = np.lib.format.header_data_from_array_1_0(array)
        np.lib.format.write_array_header_1_0(file, header)
        file.write(array.data)


def _write_rows(path: Path, images: Sequence[str]) -> None:
    table = pa.table({_IMAGE: pa.array(list(images), type=pa.string())})
    pq.write_table(
        table, path, compression="zstd", use_dictionary=False, write_statistics=False, version="2.6"
    )

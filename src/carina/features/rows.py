"""Some rows of a pool of features, gathered when asked for; a pool may lie on disk."""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from carina.core import UnreadableFile

__all__ = ["FeatureRows", "pool_of"]

_BLOCK = 4096  # rows that are in memory at once where a function makes a pool of another

Rows = Int64[Tensor, " some"] | Bool[Tensor, " rows"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeatureRows:
    """Rows of a pool in an order of their own; nothing is copied until it is asked for.

    Attributes:
        pool: (images, dim): features of these images and maybe more, in memory or on disk.
        places: Where in the pool each row stands; None is all of it, as it lies.
    """

    pool: Float[Tensor, "images dim"]
    places: Int64[Tensor, " rows"] | None = None

    def __len__(self) -> int:
        return len(self.pool if self.places is None else self.places)

    @property
    def dim(self) -> int:
        """Width of the features."""
        return self.pool.shape[1]

    def all(self) -> Float[Tensor, "rows dim"]:
        """Every row, in memory: a copy, unless the rows are the whole pool."""
        return self.pool if self.places is None else self.pool.index_select(0, self.places)

    def take(self, rows: Rows) -> Float[Tensor, "some dim"]:
        """A copy of some of the rows, in the order asked for; a mask takes them as they lie."""
        return self.pool.index_select(0, self._placed(rows))

    def only(self, rows: Rows) -> "FeatureRows":
        """Some of the rows, still in the pool."""
        return FeatureRows(pool=self.pool, places=self._placed(rows))

    def blocks(self, size: int) -> Iterator[Float[Tensor, "block dim"]]:
        """The rows in turn, so many at once, the last ones fewer; of no rows one block of none."""
        for part in torch.split(self.pool if self.places is None else self.places, size):
            yield part if self.places is None else self.pool.index_select(0, part)

    def through(self, change: Callable[[Tensor], Tensor]) -> "FeatureRows":
        """What a function makes of the rows, as a pool of its own: on disk where this one's is.

        Args:
            change: Of (some, dim) makes (some, width), of each row by itself.
        """
        file = self.pool.untyped_storage().filename
        changed = map(change, self.blocks(_BLOCK))
        return FeatureRows(pool=pool_of(changed, len(self), Path(file).parent if file else None))

    def _placed(self, rows: Rows) -> Int64[Tensor, " some"]:
        rows = rows.nonzero()[:, 0] if rows.dtype is torch.bool else rows
        return rows if self.places is None else self.places.index_select(0, rows)


def pool_of(
    blocks: Iterable[Float[Tensor, "block dim"]], images: int, folder: Path | None
) -> Float[Tensor, "images dim"]:
    """Features in one tensor, as they come: in memory, or mapped from a file in a folder.

    The file loses its name as soon as it is open: nobody else finds it, and it is gone when the last
    tensor over it is, or when the process is killed.

    Args:
        blocks: The rows in turn; one block or more.
        images: How many rows they are in all.
        folder: On a disk with room for them, made where it is not there; None for memory.

    Raises:
        UnreadableFile: where the folder cannot be written, or its disk has no room for them.
    """
    rest = iter(blocks)
    first = next(rest)
    pool, stop = _room(images, first, folder), len(first)
    pool[:stop] = first
    for block in rest:
        pool[stop : stop + len(block)] = block
        stop += len(block)
    return pool


def _room(
    images: int, like: Float[Tensor, "block dim"], folder: Path | None
) -> Float[Tensor, "images dim"]:
    size = images * like.shape[1]
    if folder is None or not size:
        return like.new_empty(images, like.shape[1])
    taken = size * like.element_size()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(prefix=".features-", dir=folder) as file:
            if hasattr(os, "posix_fallocate"):  # else a disk that fills up would end the process
                os.posix_fallocate(file.fileno(), 0, taken)
            flat = torch.from_file(file.name, shared=True, size=size, dtype=like.dtype)
    except OSError as error:
        raise UnreadableFile(
            f"Features on disk take {taken:,} bytes and cannot be written: "
            f"{error.strerror or type(error).__name__}. Make room there, name another folder, or "
            "leave them in memory."
        ) from None
    return flat.view(images, like.shape[1])

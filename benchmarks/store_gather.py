"""A batch of random rows from the feature store, against numpy indexing an array held in memory.

Both give 1,024 rows of 400,000 x 768 float16 as float32, and the same numbers; numpy's float16 is
made float32 by torch, as numpy itself takes five times as long. The store's rows lie in mapped files:
as `encode` leaves them, 1,024 a segment, and once all in one segment. Beside it numpy's indexing
alone, whose answer stays in float16. All is in the page cache: disks are not measured.
"""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor

from carina.core import digest_bytes, generator
from carina.encoders import ENCODERS, EncoderCard
from carina.features import FeatureTable, Store
from carina.features.segment import write_segment

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measured import Measured, Quantity, in_turns, show

REACH = 1.5
BATCHES = 50  # gathered a turn


def measured(*, small: bool, data: Path | None) -> Iterator[Measured]:  # noqa: ARG001
    """Segments as `encode` leaves them, then one."""
    images, dim, batch = (600, 24, 32) if small else (400_000, 768, 1024)
    card = replace(ENCODERS["toy-image"].card, name="drawn", dim=dim)
    rng = generator(0, "store_gather")
    # bits of finite float16 numbers, quicker to draw than numbers
    held = rng.integers(0, 0x7C00, (images, dim), dtype=np.uint16).view(np.float16)
    digests = tuple(digest_bytes(str(number).encode()) for number in range(images))
    batches = [rng.integers(0, images, batch) for _ in range(BATCHES)]
    for rows, name in ((128 if small else 1024, "segments of 1,024"), (images, "one segment")):
        with TemporaryDirectory() as scratch:
            store = written(Path(scratch) / "store", card, digests, held, rows=rows)
            before = time.process_time()
            with store.table(card, digests) as table:
                opened = time.process_time() - before
                yield from _beside(table, held, batches, name=name, opened=opened)


def written(
    root: Path, card: EncoderCard, digests: tuple[str, ...], held: np.ndarray, *, rows: int
) -> Store:
    """A store of these features in segments of so many rows."""
    store = Store(root)
    store.admit(card)
    for start in range(0, len(held), rows):
        part = slice(start, start + rows)
        write_segment(
            store.encoder_folder(card),
            card,
            digests[part],
            {"pooled": held[part]},
            outputs=("pooled",),
            batch=1,
        )
    return store


def _beside(
    table: FeatureTable, held: np.ndarray, batches: list[np.ndarray], *, name: str, opened: float
) -> Iterator[Measured]:
    def in_float32(rows: np.ndarray) -> Tensor:
        return torch.from_numpy(held[rows]).float()

    def each(gathered: Callable[[np.ndarray], object]) -> None:
        for rows in batches:
            gathered(rows)  # one batch in memory at a time, as learning has it

    same = all(torch.equal(table.pooled(rows), in_float32(rows)) for rows in batches)
    assert same, "rows differ"
    ours, reference, alone = (
        seconds / len(batches)
        for seconds in in_turns(
            lambda: each(table.pooled),
            lambda: each(in_float32),
            lambda: each(lambda rows: held[rows]),
            repeats=9,
            clock=time.process_time,
        )
    )
    for suffix, against, other, reach in (
        ("", "numpy indexing an array in memory, in float32", reference, REACH),
        (" beside", "the same left in float16", alone, None),
    ):
        yield Measured(
            name=f"store_gather, {name}{suffix}",
            quantity=Quantity.CPU_SECONDS,
            ours=ours,
            reference=other,
            against=against,
            reach=reach,
            sizes={"rows": len(batches[0]), "of": len(held), "dim": held.shape[1]},
            notes={"batches with the same numbers": len(batches), "seconds to open it": opened},
        )


if __name__ == "__main__":
    show(measured, about=__doc__)

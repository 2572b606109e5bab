"""Encoding films that are in the store already, against encoding them the first time.

Nothing is decoded or digested again where path, size and time of a file are as they were.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measured import Measured, show
from carina.encoders import ImageEncoder, load_image_encoder
from carina.features import Store, encode
from carina.phantoms import write_phantoms
from carina.studies import Manifest, read_folder

REACH = 0.005


def measured(*, small: bool, data: Path | None) -> Iterator[Measured]:  # noqa: ARG001
    """The second encoding beside the first."""
    torch.set_num_threads(1)
    patients, name = (10, "toy-image") if small else (720, "efficientnet-lite0")
    with TemporaryDirectory() as scratch:
        films = Path(scratch) / "films"
        for _ in write_phantoms(films, patients=patients, seed=1, size=256):
            pass
        manifest, store = read_folder(films), Store(Path(scratch) / "store")
        encoder = load_image_encoder(name)
        first = _seconds(manifest, encoder, store)
        kept = store.bytes
        again = min(_seconds(manifest, encoder, store) for _ in range(3))
        assert store.bytes == kept > 0, "the store has grown"
    yield Measured(
        name="encode_resume",
        ours=again,
        reference=first,
        against="encoding them the first time, in one thread",
        reach=REACH,
        sizes={"files": len(manifest)},
    )


def _seconds(manifest: Manifest, encoder: ImageEncoder, store: Store) -> float:
    before = time.perf_counter()
    for _ in encode(manifest, encoder, store):
        pass
    return time.perf_counter() - before


if __name__ == "__main__":
    show(measured, about=__doc__)

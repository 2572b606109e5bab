"""Encoding films that are in the store already, against encoding them the first time.

Nothing is decoded or digested again where path, size and time of a file are as they were.
"""

import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measured import Measured, show
from carina.encoders import load_image_encoder
from carina.features import EncodedAll, Store, encode
from carina.phantoms import write_phantoms
from carina.studies import Manifest, read_folder

REACH = 0.005


def measured(*, small: bool, data: Path | None) -> Iterator[Measured]:  # noqa: ARG001
    """The second encoding beside the first, and both with loading the encoder."""
    patients, name = (10, "toy-image") if small else (720, "efficientnet-lite0")
    with TemporaryDirectory() as scratch:
        films = Path(scratch) / "films"
        for _ in write_phantoms(films, patients=patients, seed=1, size=128):
            pass
        manifest, store = read_folder(films), Store(Path(scratch) / "store")
        first = _encoded(manifest, name, store)
        assert first.done.encoded == len(manifest), "some were there already"
        again = list[Took]()
        for _ in range(5):
            again.append(_encoded(manifest, name, store))
            assert again[-1].done.encoded == 0, "films were encoded anew"
            assert again[-1].done.digests == first.done.digests
    ours = statistics.median(one.seconds for one in again)
    loading = statistics.median(one.with_loading for one in again)
    for suffix, seconds, reference, against, reach in (
        ("", ours, first.seconds, "the first time", REACH),
        (" beside", loading, first.with_loading, "the same, loading the encoder in both", None),
    ):
        yield Measured(
            name=f"encode_resume{suffix}",
            ours=seconds,
            reference=reference,
            against=against,
            reach=reach,
            sizes={"files": len(manifest)},
            notes={"encoded anew": 0},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """An encoding.

    Attributes:
        seconds: Of it alone.
        with_loading: And of loading the encoder, which looks at its numbers.
        done: What came of it.
    """

    seconds: float
    with_loading: float
    done: EncodedAll


def _encoded(manifest: Manifest, name: str, store: Store) -> Took:
    before = time.perf_counter()
    encoder = load_image_encoder(name)
    loaded = time.perf_counter()
    *_, last = encode(manifest, encoder, store)
    after = time.perf_counter()
    assert isinstance(last, EncodedAll)
    return Took(seconds=after - loaded, with_loading=after - before, done=last)


if __name__ == "__main__":
    show(measured, about=__doc__)

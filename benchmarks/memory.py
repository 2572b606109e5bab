"""Peak anonymous memory of a process that takes in more and more images.

Each number of images has a process of its own. Its anonymous memory (Linux: RssAnon) is read every
two milliseconds; libraries count, files that are mapped do not. Encoding goes from DICOM files to the
store, 100 films, 10 and 100 times as many: fewer would not fill the queue before the encoder. A ridge
head and RE-tune follow a stream that brings 4,096 films a step, and keep none: 1, 10 and 100 steps. At
last RE-tune learns all films of as many steps in one, their pooled features on disk (``carina run
--on-disk``). All of these must stay flat. With pooled features in memory it may grow with them alone.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from threadpoolctl import threadpool_limits

from carina.adaptors import LinearReadout, PromptReadout
from carina.core import digest_arrays
from carina.encoders import load_image_encoder
from carina.features import EncodedAll, Store, encode, pool_of
from carina.learning import Learner, RETune, Ridge, Strategy, begin
from carina.recipes import PAPER_FINDINGS, one_thread
from carina.streams import AllAtOnce, view

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.drawn import drawn, setting_of, stream_of, taught
from benchmarks.encode_files import manifest_of, write_dicom
from benchmarks.measured import Measured, Quantity, show

REACH = 1.10
IMAGES, SIDE = 100, 128  # films of so many pixels a side
TIMES = (1, 10, 100)
STEP, DIM = 4096, 256  # films a step of a stream brings, and how wide their features are
FEW = 8  # films whose features are compared
FLOAT = 4  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """What a process took.

    Attributes:
        images: That it took in.
        held: Bytes of anonymous memory before the first.
        peak: The most meanwhile.
        made: Digest of what came of the first images, which is the same however many follow; of
            all, where all come at once.
    """

    images: int
    held: int
    peak: int
    made: str


def measured(*, small: bool, data: Path | None) -> Iterator[Measured]:  # noqa: ARG001
    """Encoding, ridge and RE-tune by steps; beside them RE-tune in one step."""
    images, step, dim = (3, 60, 12) if small else (IMAGES, STEP, DIM)
    times = steps = (1, 2) if small else TIMES
    with TemporaryDirectory() as place:
        films = Path(place)
        for number in range(images * times[-1]):
            write_dicom(films / f"{number:06d}", number, shape=(SIDE, SIDE))
        encoder = "toy-image" if small else "efficientnet-lite0"
        encoding = partial(encoded, films, encoder, images)
        yield from flat("encode", began_alike(_each(encoding, times, small=small)))
    retune = RETune(epochs=1, batch=step // 4)
    for name, strategy in (("ridge", Ridge()), ("RE-tune", retune)):
        following = partial(followed, strategy, step, dim)
        yield from flat(f"{name} by steps", began_alike(_each(following, steps, small=small)))
    mapped = partial(learned, retune, step, dim, on_disk=True)
    on_disk = _each(mapped, steps, small=small)
    yield from flat("RE-tune at once, on disk", on_disk)
    in_memory = _each(partial(learned, retune, step, dim, on_disk=False), steps, small=small)
    assert [one.made for one in in_memory] == [one.made for one in on_disk]
    least, *_, most = in_memory
    more = (most.images - least.images) * dim * FLOAT
    yield Measured(
        name="memory, RE-tune at once, in memory",
        quantity=Quantity.BYTES,
        ours=most.peak,
        reference=least.peak + more,
        against=f"of {least.images:,} images, and the pooled features of all others",
        reach=REACH,
        sizes={"images": most.images, "dim": dim},
        notes={"pooled features": most.images * dim * FLOAT, "of the fewest": least.peak},
    )


def began_alike(took: list[Took]) -> list[Took]:
    """The same, once sure that all began to the same bits."""
    assert len({one.made for one in took}) == 1
    return took


def flat(name: str, took: list[Took]) -> Iterator[Measured]:
    """The peaks of more images against that of the fewest."""
    least = took[0]
    for more in took[1:]:
        yield Measured(
            name=f"memory, {name}, {more.images // least.images} times",
            quantity=Quantity.BYTES,
            ours=more.peak,
            reference=least.peak,
            against=f"{least.images:,} images",
            reach=REACH,
            sizes={"images": more.images},
            notes={"bytes held before": more.held, "of the fewest": least.held},
        )


def encoded(films: Path, name: str, images: int, times: int) -> Took:
    """Encode so many times as many films into a store."""
    names = sorted(path.name for path in films.iterdir())[: images * times]
    manifest = manifest_of(films, names)
    encoder = load_image_encoder(name)
    with TemporaryDirectory() as place:
        store = Store(Path(place) / "store")
        with peak() as memory:
            *_, last = encode(manifest, encoder, store)
        assert isinstance(last, EncodedAll)
        assert last.encoded == images * times
        with store.table(encoder.card, [digest for digest in last.digests if digest]) as table:
            first = digest_arrays({"pooled": table.pooled(np.arange(min(FEW, images))).numpy()})
    return Took(images=last.encoded, held=memory[0], peak=max(memory), made=first)


def followed(strategy: Strategy, step: int, dim: int, times: int) -> Took:
    """Follow a stream of so many steps."""
    with peak() as memory:
        some = drawn(PAPER_FINDINGS, films=step, dim=dim, prompts=True)
        learner, first = begin(strategy, setting_of(some), seed=0), ""
        for index in range(times):
            # as they come from a store: of no other step anything is in memory
            some = drawn(PAPER_FINDINGS, films=step, dim=dim, prompts=True)
            others = replace(
                some, patients=some.patients + index * step, images=some.images + index * step
            )
            (experience,) = stream_of(AllAtOnce(), others).experiences
            learner = taught(strategy, learner, view(experience, others), index=index)
            first = first or _digest(learner)
    return Took(images=step * times, held=memory[0], peak=max(memory), made=first)


def learned(strategy: Strategy, step: int, dim: int, times: int, *, on_disk: bool) -> Took:
    """Learn as many films as so many steps have, in one."""
    with TemporaryDirectory() as place, peak() as memory:
        some = drawn(PAPER_FINDINGS, films=step, dim=dim, prompts=True)
        codes = np.arange(step * times, dtype=np.int64)
        pool = pool_of(repeat(some.features, times), len(codes), Path(place) if on_disk else None)
        films = replace(
            some,
            features=pool,
            target=np.tile(some.target, (times, 1)),
            known=np.tile(some.known, (times, 1)),
            patients=codes,
            images=codes,
        )
        (experience,) = stream_of(AllAtOnce(), films).experiences
        learner = taught(
            strategy, begin(strategy, setting_of(films), seed=0), view(experience, films)
        )
    return Took(images=len(codes), held=memory[0], peak=max(memory), made=_digest(learner))


@contextmanager
def peak() -> Iterator[list[int]]:
    """Bytes of anonymous memory of this process, at first and every two milliseconds after."""
    found, over = [anonymous()], threading.Event()

    def watch() -> None:
        while not over.wait(0.002):
            found.append(anonymous())

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield found
    finally:
        over.set()
        watching.join()
    found.append(anonymous())


def anonymous() -> int:
    """Bytes of memory of this process that no file stands behind (Linux)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (line,) = [line for line in lines if line.startswith("RssAnon:")]
    return int(line.split()[1]) * 1024


def _digest(learner: Learner) -> str:
    readout = learner.readout
    if isinstance(readout, PromptReadout):
        state = readout.adaptors.state()
        return digest_arrays({name: tensor.numpy() for name, tensor in state.items()})
    assert isinstance(readout, LinearReadout)
    return digest_arrays({"weight": readout.weight.numpy()})


def _each(way: Callable[[int], Took], times: tuple[int, ...], *, small: bool) -> list[Took]:
    """Each in a process of its own, whose memory is its own; small ones here."""
    if small:
        return [_alone(way, some) for some in times]
    took = []
    for some in times:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
            took.append(alone.submit(_alone, way, some).result())
    return took


def _alone(way: Callable[[int], Took], times: int) -> Took:
    with one_thread(), threadpool_limits(1):
        return way(times)


if __name__ == "__main__":
    show(measured, about=__doc__)

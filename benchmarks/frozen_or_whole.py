"""One update of a frozen reader, beside one update by fine-tuning a small network whole.

The network is MobileNetV3-small, trained as `fine_tuning` found best: batch norm put back, Adam,
batches of sixteen films moved a little, each film once. The frozen update encodes the same films by
the same network, untrained, and adds them to the sums of the masked ridge head, which it solves anew.
Films are prepared already. Before the update both have the same features of a film. What either
learns is not the same: see docs/decisions/fine-tuning.md for how well each reads.

Beside each other stand the seconds of the update, the most memory its process had meanwhile, the bytes that are sent wherever the reader serves, and the bytes kept to learn on.
"""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from carina.core import generator
from carina.encoders import FrozenImages, load_image_encoder
from carina.learning import Ridge, begin, kept
from carina.recipes import NIH_FINDINGS, one_thread
from carina.streams import AllAtOnce, Labelled, view

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.drawn import drawn, setting_of, stream_of, taught
from benchmarks.drawn_mobilenet import LITTLE, SMALL, write_drawn
from benchmarks.fine_tuning_trials import CHOSEN, WEIGHTS
from benchmarks.measured import Measured, Quantity, show
from benchmarks.whole_films import by_number, peak_memory
from benchmarks.whole_network import ENCODER, learn
from benchmarks.whole_walk import born

FILMS, FEW = 640, 16
SAME = 1e-3  # of features; batch norm is put back and so undone in float32
TUNING = CHOSEN["joint"].tuning


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """What an update took.

    Attributes:
        seconds: Of the update.
        held: Bytes of memory the process had before it.
        peak: The most it had meanwhile.
        sent: Bytes that answer, without the frozen encoder.
        carried: These, and what only learning on needs.
        before: Features of a few films before the update.
    """

    seconds: float
    held: int
    peak: int
    sent: int
    carried: int
    before: np.ndarray


def measured(*, small: bool, data: Path | None) -> Iterator[Measured]:
    """Seconds, memory and bytes of either."""
    films = FEW if small else FILMS
    with TemporaryDirectory() as place:
        if data is None:
            weights = Path(place) / "drawn.safetensors"
            write_drawn(weights, LITTLE if small else SMALL)
        else:
            weights = data / WEIGHTS
        ways = (
            _here(way, weights, films) if small else _apart(way, weights, films) for way in WAYS
        )
        still, moved = ways
    was, is_now = still.before, moved.before
    apart = float(np.abs(was - is_now).max() / np.abs(was).max())
    assert apart <= SAME, f"features differ by {apart}"
    sizes: dict[str, int | float | str] = {
        "films": films,
        "findings": len(NIH_FINDINGS),
        "batch": TUNING.batch,
        "steps": films // TUNING.batch,
        "weights": "drawn" if data is None else weights.stem,
    }
    for name, quantity, ours, theirs in (
        ("seconds", Quantity.SECONDS, still.seconds, moved.seconds),
        ("peak memory", Quantity.BYTES, still.peak, moved.peak),
        ("sent", Quantity.BYTES, still.sent, moved.sent),
        ("carried", Quantity.BYTES, still.carried, moved.carried),
    ):
        yield Measured(
            name=f"frozen_or_whole, {name}",
            quantity=quantity,
            ours=ours,
            reference=theirs,
            against="MobileNetV3-small trained whole on the same films",
            sizes=sizes,
            notes={
                "largest difference of a feature before, of the largest": apart,
                "bytes held before, frozen": still.held,
                "bytes held before, whole": moved.held,
            },
        )


def frozen(weights: Path, films: int) -> Took:
    """Encode the films and solve ridge heads anew, over the sums of as many films before."""
    pixels, labelled = _films(films)
    encoder = load_image_encoder(ENCODER, weights=weights)
    assert isinstance(encoder, FrozenImages)
    ridge, dim = Ridge(), encoder.card.dim
    earlier = drawn(NIH_FINDINGS, films=films, dim=dim)
    (first,) = stream_of(AllAtOnce(), earlier).experiences
    learner = taught(ridge, begin(ridge, setting_of(earlier), seed=0), view(first, earlier))
    before = encoder.encode(torch.from_numpy(pixels[:FEW])).pooled.numpy()
    held, started = _held(), perf_counter()
    rows = encoder.card.batch
    parts = [torch.from_numpy(pixels[at : at + rows]) for at in range(0, films, rows)]
    features = torch.cat([encoder.encode(part).pooled for part in parts])
    (joint,) = stream_of(AllAtOnce(), labelled).experiences
    seen = view(joint, replace(labelled, features=features, images=labelled.images + films))
    learner = taught(ridge, learner, seen, index=1)
    seconds = perf_counter() - started
    left = dict(kept(learner).bytes)
    return Took(
        seconds=seconds,
        held=held,
        peak=peak_memory(),
        sent=sum(left.values()) - left["sums"],
        carried=sum(left.values()),
        before=before,
    )


def whole(weights: Path, films: int) -> Took:
    """Train every layer, each film once."""
    pixels, labelled = _films(films)
    labelled = by_number(labelled)
    tuning = replace(TUNING, steps=films // TUNING.batch)
    rows = np.arange(films)
    network = born(weights, tuning, films=pixels, learn_from=rows, findings=len(NIH_FINDINGS))
    network.eval()
    with torch.no_grad():
        before = network.trunk(torch.from_numpy(pixels[:FEW])).pooled.numpy()
    (joint,) = stream_of(AllAtOnce(), labelled).experiences
    held, started = _held(), perf_counter()
    adam = learn(
        network,
        {},
        view(joint, labelled),
        films=pixels,
        space=labelled.space,
        tuning=tuning,
        rng=generator(0, "whole"),
    )
    seconds = perf_counter() - started
    sent = sum(tensor.nbytes for tensor in network.state_dict().values())
    return Took(
        seconds=seconds,
        held=held,
        peak=peak_memory(),
        sent=sent,
        carried=sent + sum(tensor.nbytes for tensor in adam.values()),
        before=before,
    )


WAYS: tuple[Callable[[Path, int], Took], ...] = (frozen, whole)


def _films(films: int) -> tuple[np.ndarray, Labelled]:
    """Prepared films of noise, and labels."""
    pixels = generator(0, "pixels").standard_normal((films, 1, 224, 224), dtype=np.float32)
    return pixels, drawn(NIH_FINDINGS, films=films, dim=1)


def _held() -> int:
    """Bytes of memory the process has now; its peak is counted anew from here (Linux)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return peak_memory()


def _here(way: Callable[[Path, int], Took], weights: Path, films: int) -> Took:
    with one_thread(), threadpool_limits(1):
        return way(weights, films)


def _apart(way: Callable[[Path, int], Took], weights: Path, films: int) -> Took:
    """In a process of its own, whose memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
        return alone.submit(_here, way, weights, films).result()


if __name__ == "__main__":
    show(measured, about=__doc__)

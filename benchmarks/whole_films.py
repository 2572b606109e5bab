"""Films as the whole network takes them: prepared as for the frozen encoder, once, in one array."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from carina.core import partial_path
from carina.encoders import ENCODERS, prepare
from carina.streams import Labelled
from carina.studies import Manifest, read_image


def write_films(manifest: Manifest, encoder: str, path: Path) -> None:
    """Prepare every film of a manifest into an array (films, 1, rows, cols).

    Args:
        manifest: Whose films, in its order; each must be readable.
        encoder: Whose preparation; its card says how.
        path: Of the ``.npy`` file; whole or not there.
    """
    spec = ENCODERS[encoder].card.preprocess
    assert spec is not None
    shape = (len(manifest), spec.channels, spec.size, spec.size)
    partial = partial_path(path)
    films = np.lib.format.open_memmap(partial, mode="w+", dtype=np.float32, shape=shape)
    for row, image in enumerate(manifest.image):
        films[row] = prepare(read_image(manifest.root / image).pixels, spec)
    films.flush()
    partial.replace(path)


def by_number(labelled: Labelled) -> Labelled:
    """The same labels; the features of a row are its number, so that views lead to films."""
    numbers = torch.arange(len(labelled.features), dtype=torch.float32)[:, None]
    return replace(labelled, features=numbers)


def peak_memory() -> int:
    """Bytes this process had resident at most, as Linux counts them.

    `resource.getrusage` would begin at what the parent had when it started this process.
    """
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (line,) = [line for line in lines if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024

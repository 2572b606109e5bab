"""What computing in fewer bits, or in onnxruntime, costs in features, and gains in time.

    python benchmarks/encoder_types.py --data ../shared/data/cxr

Prints a table: for each starter and type the smallest cosine to float32 in torch, the largest
difference in standard deviations, and the time an item takes in one thread, its preparation included.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from carina.encoders import (
    FrozenImages,
    ImageEncoder,
    TextEncoder,
    encode_images,
    encode_texts,
    export_onnx,
    load_encoder,
    prepare,
)
from carina.studies import read_image

FILMS = 32
TYPES = ("float32", "bfloat16", "float16")
TEXTS = [
    f"{how} {what}."
    for how, what in product(
        ("No", "Small left", "Severe", "Possible"),
        ("pleural effusion", "cardiomegaly", "pneumothorax", "consolidation", "edema"),
    )
]


def timed(run: Callable[[], Tensor], repeats: int = 3) -> tuple[Tensor, float]:
    """What it gives, and milliseconds an item in the best of some goes."""
    took = []
    for _ in range(repeats):
        before = time.perf_counter()
        found = run()
        took.append(time.perf_counter() - before)
    return found, 1000 * min(took) / len(found)


def row(name: str, how: str, found: Tensor, exact: Tensor, took: float) -> str:
    """A line of the table."""
    cosine = float(torch.cosine_similarity(found.double(), exact.double()).min())
    difference = float((found - exact).abs().max() / exact.std())
    return f"| {name} | {how} | {cosine:.6f} | {difference:.1e} | {took:.1f} |"


def through_onnx(encoder: FrozenImages, films: list[Any]) -> tuple[Tensor, float]:
    """Features of films by onnxruntime in one thread."""
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "encoder.onnx"
        export_onnx(encoder, path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    spec, size = encoder.card.preprocess, encoder.card.batch
    assert spec is not None

    def run() -> Tensor:
        ready = np.stack([prepare(film, spec) for film in films])
        parts = [ready[start : start + size] for start in range(0, len(ready), size)]
        found = [session.run(["pooled"], {"images": part})[0] for part in parts]
        return torch.from_numpy(np.concatenate(found))

    return timed(run)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    torch.set_num_threads(1)
    files = sorted((data / "nih" / "images").iterdir())
    films = [read_image(path).pixels for path in files[:: len(files) // FILMS][:FILMS]]
    weights = {"mobilenet-cxr14": data / "weights" / "mbv3_cxr14.safetensors"}
    print("| encoder | computes in | smallest cosine | largest difference | ms an item |")
    print("| --- | --- | --- | --- | --- |")
    for name in ("efficientnet-lite0", "mobilenet-cxr14", "minilm-l6"):
        exact: Tensor | None = None
        for dtype in TYPES:
            encoder = load_encoder(name, weights=weights.get(name), dtype=dtype)
            found, took = timed(partial(features, encoder, films))
            exact = found if exact is None else exact
            print(row(name, dtype, found, exact, took), flush=True)
            if dtype == "float32" and isinstance(encoder, FrozenImages):
                found, took = through_onnx(encoder, films)
                print(row(name, "onnxruntime", found, exact, took), flush=True)


def features(encoder: ImageEncoder | TextEncoder, films: list[Any]) -> Tensor:
    """Pooled features of the films, or of the texts."""
    if isinstance(encoder, ImageEncoder) and encoder.card.preprocess is not None:
        ready = [prepare(film, encoder.card.preprocess) for film in films]
        return torch.cat([batch.pooled for batch in encode_images(encoder, ready)])
    assert isinstance(encoder, TextEncoder)
    return encode_texts(encoder, TEXTS)


if __name__ == "__main__":
    main()

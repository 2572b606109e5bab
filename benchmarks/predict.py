"""Answering for one 512 px JPEG: warm, against the bare encoder; as a process, against importing torch.

Warm, a predictor reads, digests, decodes, prepares and inspects the film, encodes it and scores fourteen
findings; the reference is the bare module's forward on the prepared film alone, in the faster memory
format. The scores must be the head's on the bare module's features, to 1e-5 of the largest.
Cold, ``carina predict`` is a process of its own; the reference is a Python that imports torch and reads
the weights, with a second and a half allowed on top. No text encoder and no transformers may be loaded.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measured import Measured, in_turns, show
from carina.adaptors import LinearReadout
from carina.bundles import AnswerRule, Bundle, write_bundle
from carina.core import generator
from carina.encoders import FrozenImages, load_image_encoder, prepare
from carina.phantoms import draw
from carina.recipes import NIH_FINDINGS
from carina.serving import Prediction, Predictor, load_predictor
from carina.studies import read_image

WARM, ALLOWED = 1.25, 1.5
SAME = 1e-5
SIDE = 512
UNWANTED = ("transformers", "sklearn", "matplotlib", "monai", "carina.learning")
PREDICTS = (
    "import sys\n"
    "from carina.cli import main\n"
    "try: main(['predict', *sys.argv[1:], '--json'])\n"
    "finally:\n"
    f"    print(*(name for name in {UNWANTED} if name in sys.modules), file=sys.stderr)\n"
)
READS = "import sys, torch\ntorch.load(sys.argv[1], map_location='cpu', weights_only=True)\n"


def measured(*, small: bool, data: Path | None) -> Iterator[Measured]:  # noqa: ARG001
    """Warm and cold."""
    torch.set_num_threads(1)
    encoder = load_image_encoder("toy-image" if small else "efficientnet-lite0")
    assert isinstance(encoder, FrozenImages)
    with TemporaryDirectory() as scratch:
        film, folder = Path(scratch) / "film.jpg", Path(scratch) / "bundle"
        write_film(film)
        bundle = drawn_bundle(encoder)
        write_bundle(folder, bundle)
        predictor = load_predictor(folder)
        yield _warm(predictor, encoder, film, repeats=2 if small else 40)
        weights = Path(scratch) / "weights.pt"
        torch.save(encoder.module.state_dict(), weights)
        yield _cold(folder, film, weights, small=small)


def _warm(predictor: Predictor, encoder: FrozenImages, film: Path, *, repeats: int) -> Measured:
    spec = encoder.card.preprocess
    assert spec is not None
    one = torch.from_numpy(prepare(read_image(film).pixels, spec))[None]
    apart = _apart(predictor, encoder, film, one)
    assert apart <= SAME, f"scores differ by {apart:.1e} of the largest"
    layouts = (torch.contiguous_format, torch.channels_last)
    bare: list[Callable[[], object]] = [
        partial(_forward, encoder, one.contiguous(memory_format=layout)) for layout in layouts
    ]
    ours, *forward = in_turns(lambda: list(predictor.predict([film])), *bare, repeats=repeats)
    return Measured(
        name="predict_warm",
        ours=ours,
        reference=min(forward),
        against="the bare encoder's forward on the prepared film",
        reach=WARM,
        sizes={"pixels": SIDE, "findings": len(NIH_FINDINGS), "images a batch": encoder.card.batch},
        notes={"largest difference of a score, of the largest": apart},
    )


def _cold(folder: Path, film: Path, weights: Path, *, small: bool) -> Measured:
    words = (str(folder), str(film))
    said = _ran("-c", PREDICTS, *words)
    assert not said.stderr.split(), f"carina predict imported {said.stderr.strip()}"
    assert len(json.loads(said.stdout)["images"][0]["findings"]) == len(NIH_FINDINGS)
    sides = (
        lambda: _ran("-m", "carina", "predict", *words, "--json"),
        lambda: _ran("-c", READS, str(weights)),
    )
    ours, bare = (_took(side) for side in sides) if small else in_turns(*sides, repeats=7)
    return Measured(
        name="predict_cold",
        ours=ours,
        reference=bare + ALLOWED,
        against="importing torch and reading the weights, + 1.5 s",
        reach=1.0,
        sizes={"pixels": SIDE, "findings": len(NIH_FINDINGS)},
        notes={
            "importing torch and reading the weights, s": bare,
            "not imported": ", ".join(UNWANTED),
        },
    )


def _apart(predictor: Predictor, encoder: FrozenImages, film: Path, one: torch.Tensor) -> float:
    (said,) = predictor.predict([film])
    assert isinstance(said, Prediction)
    assert not said.out_of_scope, f"the film is {said.out_of_scope}"
    ours = np.array([said.findings[name].score for name in NIH_FINDINGS])
    readout = predictor.bundle.readout
    assert isinstance(readout, LinearReadout)
    theirs = (F.normalize(_forward(encoder, one).double()) @ readout.weight.T + readout.bias)[0]
    return float(np.abs(ours - theirs.numpy()).max() / np.abs(ours).max())


@torch.inference_mode()
def _forward(encoder: FrozenImages, one: torch.Tensor) -> torch.Tensor:
    pooled: torch.Tensor = encoder.module(one).pooled
    return pooled


def drawn_bundle(encoder: FrozenImages) -> Bundle:
    """Fourteen heads of drawn weights over an encoder."""
    findings = len(NIH_FINDINGS)
    weight = generator(0, "predict").standard_normal((findings, encoder.card.dim))
    return Bundle(
        readout=LinearReadout(
            labels=NIH_FINDINGS,
            weight=torch.from_numpy(weight),
            bias=torch.zeros(findings, dtype=torch.float64),
            normalise=True,
        ),
        rules=tuple(
            AnswerRule(label=name, slope=1.0, intercept=0.0, threshold=0.0, rule="drawn")
            for name in NIH_FINDINGS
        ),
        encoders=(encoder.card,),
        single_patients=False,
    )


def write_film(path: Path) -> None:
    """A phantom that the guard takes for a chest."""
    small = Image.fromarray(draw(1, 0, size=256).pixels.astype(np.float32))
    grey = np.asarray(small.resize((SIDE, SIDE), Image.Resampling.BICUBIC)).clip(0, 1)
    Image.fromarray(np.round(255 * grey).astype(np.uint8)).save(path, format="JPEG", quality=90)


def _took(process: Callable[[], object]) -> float:
    """Seconds of one go: a process that imports torch is long enough for a test."""
    before = time.perf_counter()
    process()
    return time.perf_counter() - before


def _ran(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], check=True, capture_output=True, text=True)


if __name__ == "__main__":
    show(measured, about=__doc__)

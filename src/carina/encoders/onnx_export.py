"""An image encoder as one ONNX file, for machines without torch; checked before it is kept."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from carina.core import InvalidValue, Mismatch, MissingFile, to_json, write_bytes
from carina.encoders.card import EncoderCard
from carina.encoders.frozen import FrozenImages
from carina.encoders.preprocess import prepare
from carina.encoders.protocol import Encoded, ImageEncoder
from carina.encoders.self_check import drawn_film

__all__ = ["OnnxParity", "export_onnx"]

TOLERANCE = 1e-3
"""Largest difference allowed between torch and onnxruntime, in standard deviations of torch's."""

_PACKAGES = ("onnx", "onnxruntime", "onnxscript")
_CARD = "carina.card"
_INPUT = "images"


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxParity:
    """How near onnxruntime comes to torch on drawn images, over all outputs.

    Attributes:
        outputs: Names of the file's outputs.
        cosine: The smallest between an image's outputs by the two.
        difference: The largest, in standard deviations of torch's output.
    """

    outputs: tuple[str, ...]
    cosine: float
    difference: float


class _Flat(nn.Module):
    """A module that gives `Encoded` as one that gives a tuple of tensors."""

    def __init__(self, module: nn.Module, *, tokens: bool) -> None:
        super().__init__()
        self.module = module
        self.tokens = tokens

    def forward(self, images: Float[Tensor, "items channels rows cols"]) -> tuple[Tensor, ...]:
        found: Encoded = self.module(images)
        if not self.tokens or found.tokens is None:
            return (found.pooled,)
        return (found.pooled, found.tokens)


def export_onnx(encoder: ImageEncoder, path: Path) -> OnnxParity:
    """Write an image encoder as ONNX, and say how near onnxruntime comes to it.

    The file takes prepared images (items, channels, rows, columns), float32, any number of them,
    and gives ``pooled`` and, where the card has them, ``tokens``. Its metadata hold the card under
    ``carina.card``, by which an image is prepared; nothing of it names a place on this machine.

    Args:
        encoder: Of a family that runs in torch, in float32 on the CPU.
        path: The file to write; there is none yet.

    Raises:
        MissingFile: where the packages are not installed, with how to install them.
        InvalidValue: where the encoder cannot be exported, or the file is there already.
        Mismatch: where onnxruntime gives other numbers than torch; nothing is written then.
    """
    if missing := [package for package in _PACKAGES if find_spec(package) is None]:
        raise MissingFile(
            f"Writing ONNX needs the package {missing[0]}, which is not installed. Next: "
            "pip install 'carina[onnx]'."
        )
    if not isinstance(encoder, FrozenImages) or encoder.device.type != "cpu":
        raise InvalidValue(
            f"{encoder.card.name} cannot be written as ONNX: wanted an encoder that runs in torch, "
            "on the CPU."
        )
    if encoder.card.dtype != "float32":
        raise InvalidValue(
            f"ONNX is written in float32; {encoder.card.name} computes in {encoder.card.dtype}."
        )
    if path.exists():
        raise InvalidValue(f"{path.name} is there already. Name another file, or remove it.")
    outputs = ("pooled", "tokens") if encoder.card.token_dim else ("pooled",)
    model = _exported(encoder, outputs)
    parity = _compared(encoder, model, outputs)
    if not parity.difference <= TOLERANCE:
        raise Mismatch(
            f"onnxruntime gives other numbers for {encoder.card.name} than torch: the worst is "
            f"{parity.difference:.2g} standard deviations away, {TOLERANCE:g} are allowed. Nothing "
            "was written; try other versions of torch and onnxruntime."
        )
    write_bytes(path, model)
    return parity


def _exported(encoder: FrozenImages, outputs: tuple[str, ...]) -> bytes:
    # here, since the packages are an extra and take seconds to import
    import onnx

    module = _Flat(encoder.module, tokens="tokens" in outputs).eval()
    try:
        with _quietly():
            program = torch.onnx.export(
                module,
                (_images(encoder.card)[:2],),
                dynamo=True,
                verbose=False,
                input_names=[_INPUT],
                output_names=list(outputs),
                dynamic_shapes=({0: torch.export.Dim("items", min=1)},),
            )
    except Exception as error:  # whatever of a module the exporter does not understand
        raise InvalidValue(
            f"{encoder.card.name} cannot be written as ONNX by torch {torch.__version__} "
            f"({type(error).__name__}). Encode with torch, or try another version of it."
        ) from error
    assert program is not None  # noqa: S101 - dynamo=True gives one
    model = program.model_proto
    (taken,) = model.graph.input
    if not taken.type.tensor_type.shape.dim[0].dim_param:
        raise InvalidValue(
            f"{encoder.card.name} cannot be written as ONNX for any number of images: its module "
            "takes how many there are for a constant. Say images.shape[0] there, not len(images)."
        )
    _strip(model)
    onnx.helper.set_model_props(model, {_CARD: to_json(encoder.card)})
    try:
        onnx.checker.check_model(model)
        data: bytes = model.SerializeToString()
    except Exception as error:  # protobuf's limit of 2 GiB comes as several
        raise InvalidValue(
            f"{encoder.card.name} makes no whole ONNX file ({type(error).__name__}); more than "
            "2 GiB of weights do not fit one."
        ) from error
    return data


def _strip(model: Any) -> None:
    """Take out where the exporter notes source files and lines: paths of this machine."""
    graphs = [model.graph, *model.functions]
    while graphs:
        graph = graphs.pop()
        del graph.metadata_props[:]
        graph.doc_string = ""
        named = [*graph.value_info]
        if hasattr(graph, "initializer"):
            named += [*graph.input, *graph.output, *graph.initializer]
        for each in (*graph.node, *named):
            del each.metadata_props[:]
            each.doc_string = ""
        graphs += [
            inner
            for node in graph.node
            for attribute in node.attribute
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs)
        ]
    del model.metadata_props[:]
    model.doc_string = ""


def _compared(encoder: FrozenImages, model: bytes, outputs: tuple[str, ...]) -> OnnxParity:
    # here, as above
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    images = _images(encoder.card)
    found = encoder.encode(images, tokens="tokens" in outputs)
    wanted = [found.pooled] if found.tokens is None else [found.pooled, found.tokens]
    # one at a time as well: the number of items is free
    whole = session.run(list(outputs), {_INPUT: images.numpy()})
    single = [session.run(list(outputs), {_INPUT: image[None].numpy()}) for image in images]
    alone = [np.concatenate(parts) for parts in zip(*single, strict=True)]
    pairs = [
        (torch.from_numpy(came).double().flatten(1), want.double().flatten(1))
        for runs in (whole, alone)
        for came, want in zip(runs, wanted, strict=True)
    ]
    return OnnxParity(
        outputs=outputs,
        cosine=min(float(torch.cosine_similarity(a, b).min()) for a, b in pairs),
        difference=max(float((a - b).abs().max() / b.std()) for a, b in pairs),
    )


def _images(card: EncoderCard) -> Float[Tensor, "items channels rows cols"]:
    """The drawn film, turned and darkened, as the encoder takes it."""
    assert card.preprocess is not None  # noqa: S101 - a `FrozenImages` has one
    film = drawn_film()
    views = (film, film[::-1].copy(), film.T.copy() * 0.5)
    return torch.from_numpy(np.stack([prepare(view, card.preprocess) for view in views]))


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the exporter's remarks on packages it misses and forms it will drop."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)

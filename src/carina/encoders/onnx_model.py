"""An image encoder's module as an ONNX model, held against torch before anybody uses it."""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from carina.core import InvalidValue, Mismatch, MissingFile, to_json
from carina.encoders.card import EncoderCard
from carina.encoders.frozen import FrozenImages
from carina.encoders.preprocess import prepare
from carina.encoders.protocol import Encoded
from carina.encoders.self_check import drawn_film

__all__ = ["OnnxParity", "onnx_model", "outputs_of", "run_session", "session_of"]

TOLERANCE = 1e-3
"""Largest difference allowed between torch and onnxruntime, in standard deviations of torch's."""

COSINE = 0.9999
"""Least cosine allowed between an image's outputs by the two."""

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

    def __init__(self, module: nn.Module, outputs: tuple[str, ...]) -> None:
        super().__init__()
        self.module = module
        self.outputs = outputs

    def forward(self, images: Float[Tensor, "items channels rows cols"]) -> tuple[Tensor, ...]:
        named = _named(self.module(images))
        return tuple(named[name] for name in self.outputs)


def outputs_of(card: EncoderCard, *, stages: bool) -> tuple[str, ...]:
    """Names of the outputs an encoder's model has."""
    maps = tuple(f"stage{number}" for number in range(len(card.stages))) if stages else ()
    return ("pooled", *(["tokens"] if card.token_dim else []), *maps)


def onnx_model(encoder: FrozenImages, outputs: tuple[str, ...]) -> tuple[bytes, OnnxParity]:
    """The model as the bytes of a file, and how near onnxruntime comes to torch by it.

    Args:
        encoder: In float32 on the CPU.
        outputs: Which, of `outputs_of`.

    Raises:
        MissingFile: where the packages are not installed, with how to install them.
        InvalidValue: where there is no way from this encoder to ONNX.
        Mismatch: where onnxruntime gives other numbers than torch.
    """
    if missing := [package for package in _PACKAGES if find_spec(package) is None]:
        raise MissingFile(
            f"ONNX needs the package {missing[0]}, which is not installed. Next: "
            "pip install 'carina[onnx]'."
        )
    model = _exported(encoder, outputs)
    parity = _compared(encoder, model, outputs)
    if not (parity.difference <= TOLERANCE and parity.cosine >= COSINE):
        raise Mismatch(
            f"onnxruntime gives other numbers for {encoder.card.name} than torch: the worst is "
            f"{parity.difference:.2g} standard deviations away, {TOLERANCE:g} are allowed; the "
            f"least cosine {parity.cosine:.6f}, {COSINE:g} is wanted. It is not used; try other "
            "versions of torch and onnxruntime."
        )
    return model, parity


def session_of(model: bytes) -> Any:
    """A session of onnxruntime in the thread that asks, and in no other."""
    # here, since the package is an extra
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run_session(
    session: Any, outputs: tuple[str, ...], images: Float[Tensor, "items channels rows cols"]
) -> Encoded:
    """What a session gives for prepared images."""
    found = session.run(list(outputs), {_INPUT: images.numpy()})
    named = dict(zip(outputs, map(torch.from_numpy, found), strict=True))
    maps = tuple(named[name] for name in outputs if name.startswith("stage"))
    return Encoded(pooled=named["pooled"], tokens=named.get("tokens"), stages=maps or None)


def _named(found: Encoded) -> Mapping[str, Tensor]:
    maps = {f"stage{number}": each for number, each in enumerate(found.stages or ())}
    tokens = {} if found.tokens is None else {"tokens": found.tokens}
    return {"pooled": found.pooled, **tokens, **maps}


def _exported(encoder: FrozenImages, outputs: tuple[str, ...]) -> bytes:
    # here, since the packages are an extra and take seconds to import
    import onnx

    module = _Flat(encoder.module, outputs).eval()
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
    session, images = session_of(model), _images(encoder.card)
    wanted = _named(encoder.encode(images, tokens=True, stages=True))
    # one at a time as well: the number of items is free
    whole = _named(run_session(session, outputs, images))
    single = [_named(run_session(session, outputs, image[None])) for image in images]
    alone = {name: torch.cat([each[name] for each in single]) for name in outputs}
    pairs = [
        (came[name].double().flatten(1), wanted[name].double().flatten(1))
        for came in (whole, alone)
        for name in outputs
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

"""From a name to a frozen encoder, and the list of names."""

from dataclasses import replace
from pathlib import Path

import torch

from carina.core import InvalidValue, Mismatch, near

# the families register themselves
from carina.encoders import families as families
from carina.encoders.card import ENGINES, ONNX
from carina.encoders.family import ENCODERS, SHELVES, EncoderInfo, ShelfInfo, family
from carina.encoders.frozen import FrozenImages, FrozenTexts, in_dtype
from carina.encoders.onnx_engine import by_onnxruntime
from carina.encoders.protocol import ImageEncoder, TextEncoder
from carina.encoders.self_check import require_same
from carina.encoders.settings import user_settings
from carina.encoders.whereabouts import located

__all__ = [
    "encoder_info",
    "listing",
    "load_encoder",
    "load_image_encoder",
    "load_text_encoder",
    "shelves",
]


def load_encoder(
    name: str,
    *,
    weights: Path | None = None,
    device: torch.device | None = None,
    dtype: str = "float32",
    engine: str = "torch",
) -> ImageEncoder | TextEncoder:
    """The frozen encoder of this name.

    Args:
        name: As `listing` gives it, or of a shelf: "timm:resnet50".
        weights: File or folder of weights, or ``hub:ORGANISATION/NAME@REVISION`` with a pinned
            revision; see `located`. Where none is named, the user's settings may say;
            see `user_settings`.
        device: Where it shall run; the CPU where not given.
        dtype: What it shall compute in: "float32", "bfloat16" or "float16".
        engine: What shall run it: "torch", or "onnx" for onnxruntime, which is quicker on a CPU.

    Raises:
        UnknownName: for a name nobody registered.
        MissingFile: where a package, the weights or a file beside them is not there.
        UnreadableFile: where a file is damaged or carries more than weights.
        InvalidValue: where weights are named and none are taken, or none and they are needed, or
            for a type or engine that is not known or not to be had for this encoder.
        Mismatch: where the weights are another network's, or weights that carina knows give other
            numbers on this machine than they should.
    """
    if engine not in ENGINES:
        raise InvalidValue(
            f"No engine {engine!r}.{near(engine, ENGINES)} Known: {', '.join(ENGINES)}."
        )
    found = family(name)
    # building a network draws weights that are thrown away: not from the caller's generator
    with torch.random.fork_rng(devices=[]):
        encoder = found.load(located(name, weights or user_settings().weights(name)))
    if isinstance(encoder, FrozenImages | FrozenTexts):
        encoder = in_dtype(encoder, dtype)
    elif dtype != encoder.card.dtype:
        raise InvalidValue(f"{name} computes in {encoder.card.dtype} alone; asked for {dtype}.")
    if engine == ONNX:
        encoder = by_onnxruntime(encoder)
    placed = encoder if device is None else encoder.to(device)
    check = require_same(placed)
    return (
        replace(placed, check=check) if isinstance(placed, FrozenImages | FrozenTexts) else placed
    )


def load_image_encoder(
    name: str,
    *,
    weights: Path | None = None,
    device: torch.device | None = None,
    dtype: str = "float32",
    engine: str = "torch",
) -> ImageEncoder:
    """As `load_encoder`, for one that reads images.

    Raises:
        Mismatch: where the encoder of this name reads texts.
    """
    _reads(name, "image")
    encoder = load_encoder(name, weights=weights, device=device, dtype=dtype, engine=engine)
    assert isinstance(encoder, ImageEncoder)  # noqa: S101 - its card says so
    return encoder


def load_text_encoder(
    name: str,
    *,
    weights: Path | None = None,
    device: torch.device | None = None,
    dtype: str = "float32",
    engine: str = "torch",
) -> TextEncoder:
    """As `load_encoder`, for one that reads texts.

    Raises:
        Mismatch: where the encoder of this name reads images.
    """
    _reads(name, "text")
    encoder = load_encoder(name, weights=weights, device=device, dtype=dtype, engine=engine)
    assert isinstance(encoder, TextEncoder)  # noqa: S101 - its card says so
    return encoder


def listing() -> tuple[EncoderInfo, ...]:
    """Every encoder there is, by name, without reading any weights; plugins are imported."""
    return tuple(ENCODERS[name].info for name in ENCODERS)


def shelves() -> tuple[ShelfInfo, ...]:
    """Every shelf there is, by name: kinds of encoders whose members are named after a colon."""
    return tuple(SHELVES[name].info(name) for name in SHELVES)


def encoder_info(name: str) -> EncoderInfo:
    """What can be told of one encoder, of a shelf as well, before its weights are read.

    Raises:
        UnknownName: for a name nobody registered.
        MissingFile: where the shelf's packages are not installed.
    """
    return family(name).info


def _reads(name: str, modality: str) -> None:
    found = family(name).card.modality
    if found != modality:
        others = [info.card.name for info in listing() if info.card.modality == modality]
        raise Mismatch(
            f"{name} reads {found}s; wanted an encoder that reads {modality}s: {', '.join(others)}."
        )

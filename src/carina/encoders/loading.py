"""From a name to a frozen encoder, and the list of names."""

from pathlib import Path

import torch

from carina.core import Mismatch

# the families register themselves
from carina.encoders import families as families
from carina.encoders.family import ENCODERS, EncoderInfo
from carina.encoders.protocol import ImageEncoder, TextEncoder

__all__ = ["listing", "load_encoder", "load_image_encoder", "load_text_encoder"]


def load_encoder(
    name: str, *, weights: Path | None = None, device: torch.device | None = None
) -> ImageEncoder | TextEncoder:
    """The frozen encoder of this name.

    Args:
        name: As `listing` gives it.
        weights: File of weights, where the encoder takes one.
        device: Where it shall run; the CPU where not given.

    Raises:
        UnknownName: for a name nobody registered.
        MissingFile: where a package, the weights or a file beside them is not there.
        UnreadableFile: where a file is damaged or carries more than weights.
        InvalidValue: where weights are named and none are taken, or none and they are needed.
        Mismatch: where the weights are another network's.
    """
    family = ENCODERS[name]
    # building a network draws weights that are thrown away: not from the caller's generator
    with torch.random.fork_rng(devices=[]):
        encoder = family.load(weights)
    return encoder if device is None else encoder.to(device)


def load_image_encoder(
    name: str, *, weights: Path | None = None, device: torch.device | None = None
) -> ImageEncoder:
    """As `load_encoder`, for one that reads images.

    Raises:
        Mismatch: where the encoder of this name reads texts.
    """
    _reads(name, "image")
    encoder = load_encoder(name, weights=weights, device=device)
    assert isinstance(encoder, ImageEncoder)  # noqa: S101 - its card says so
    return encoder


def load_text_encoder(
    name: str, *, weights: Path | None = None, device: torch.device | None = None
) -> TextEncoder:
    """As `load_encoder`, for one that reads texts.

    Raises:
        Mismatch: where the encoder of this name reads images.
    """
    _reads(name, "text")
    encoder = load_encoder(name, weights=weights, device=device)
    assert isinstance(encoder, TextEncoder)  # noqa: S101 - its card says so
    return encoder


def listing() -> tuple[EncoderInfo, ...]:
    """Every encoder there is, by name, without reading any weights; plugins are imported."""
    return tuple(ENCODERS[name].info for name in ENCODERS)


def _reads(name: str, modality: str) -> None:
    found = ENCODERS[name].card.modality
    if found != modality:
        others = [info.card.name for info in listing() if info.card.modality == modality]
        raise Mismatch(
            f"{name} reads {found}s; wanted an encoder that reads {modality}s: {', '.join(others)}."
        )

"""What the store keeps of an image, under which names, and the crops it is looked at in."""

import numpy as np
from jaxtyping import Float

from carina.core import InvalidValue, Mismatch
from carina.encoders import EncoderCard

__all__ = [
    "CORNERS",
    "OUTPUTS",
    "arrays_of",
    "checked_outputs",
    "corners",
    "encode_command",
    "rows_of_segment",
]

OUTPUTS = ("pooled", "tokens", "stages", "crops")
"""Every output, in the order they are written in."""

CORNERS = 4
"""Crops of an image beside the whole: top left, top right, bottom left, bottom right."""

_SIXTEENTHS = 9  # of a side: neighbours overlap in an eighth of it
_ROWS, _ROWS_WITH_MAPS = 1024, 64  # the maps of an image may be megabytes


def checked_outputs(card: EncoderCard, outputs: tuple[str, ...]) -> tuple[str, ...]:
    """The outputs asked for, each once and in the order of `OUTPUTS`.

    Raises:
        InvalidValue: for none, or one there is not.
        Mismatch: for one the encoder does not give.
    """
    if not outputs or not set(outputs) <= set(OUTPUTS):
        raise InvalidValue(f"Outputs are one or more of {', '.join(OUTPUTS)}; got {outputs}.")
    if "tokens" in outputs and not card.token_dim:
        raise Mismatch(f"{card.name!r} gives no tokens; ask for pooled features alone.")
    if "stages" in outputs and not card.stages:
        raise Mismatch(f"{card.name!r} gives no stages; ask for tokens, a map of one stride.")
    return tuple(name for name in OUTPUTS if name in outputs)


def encode_command(name: str, outputs: tuple[str, ...]) -> str:
    """The command that puts an encoder's outputs into a store; the pooled ones come with any."""
    wanted = ",".join(one for one in OUTPUTS if one in ("pooled", *outputs))
    more = "" if wanted == "pooled" else f" --outputs {wanted}"
    return f"carina encode DATA --encoder {name} --store STORE{more}"


def arrays_of(card: EncoderCard, output: str) -> tuple[str, ...]:
    """The arrays of a segment that hold an output."""
    match output:
        case "tokens":
            return ("tokens", "offsets")
        case "stages":
            return tuple(f"stage-{stage.stride}" for stage in card.stages)
        case _:
            return (output,)


def rows_of_segment(outputs: tuple[str, ...], asked: int | None) -> int:
    """Images in a segment: as asked, or as many as memory holds with ease.

    Raises:
        InvalidValue: for less than one.
    """
    if asked is not None and asked < 1:
        raise InvalidValue(f"A segment has at least one row; got {asked}.")
    return asked or (_ROWS_WITH_MAPS if "stages" in outputs else _ROWS)


def corners(image: Float[np.ndarray, "rows cols"]) -> list[Float[np.ndarray, "_ _"]]:
    """The four corners of an image, each of nine sixteenths of its height and of its width.

    So neighbours overlap in an eighth of the side, and what lies on a midline is whole somewhere.
    """
    rows, cols = (-(-side * _SIXTEENTHS // 16) for side in image.shape)
    return [image[:rows, :cols], image[:rows, -cols:], image[-rows:, :cols], image[-rows:, -cols:]]

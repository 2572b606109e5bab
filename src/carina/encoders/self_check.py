"""Does an encoder give here the numbers it gave where it was measured?

A library of another version, a processor with kernels of its own or a damaged package would change
features without a word. So for weights carina knows, a drawn film (or a sentence) goes through the
encoder whenever it is loaded, and what comes out is held against numbers that come with carina.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image

from carina.core import Mismatch, read_json
from carina.encoders.card import ENGINES, EncoderCard
from carina.encoders.engine import encode_images
from carina.encoders.preprocess import prepare
from carina.encoders.protocol import ImageEncoder, TextEncoder

__all__ = [
    "Golden",
    "Goldens",
    "SelfCheck",
    "check_when_loaded",
    "golden_of",
    "require_same",
    "self_checked",
]

TOLERANCE = 1e-3
"""Largest difference allowed in float32, in standard deviations of the golden's pooled output."""

ROUNDED = {"bfloat16": 0.75, "float16": 0.1}
"""The same where an encoder computes in fewer bits: rounding costs EfficientNet-Lite0, the worst of
those measured, 0.29 and 0.03."""

_FILM = Path(__file__).with_name("phantom.png")
_GOLDENS = Path(__file__).with_name("goldens.json")
_SENTENCE = "Findings: small left pleural effusion; the heart is mildly enlarged. No pneumothorax."
_KEPT = 24  # numbers of a pooled output


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """What an encoder gave where it was measured, in float32 on a CPU.

    Attributes:
        name: The encoder's, for people.
        pooled: Some numbers of the pooled output, evenly spaced.
        level: Root mean square of the whole, which moves by no more than its worst number does.
        deviation: Standard deviation of the whole, the unit of every difference.
    """

    name: str
    pooled: tuple[float, ...]
    level: float
    deviation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Goldens:
    """``goldens.json``.

    Attributes:
        made_by: The command that wrote it.
        encoders: By the fingerprint of the encoder's card.
    """

    made_by: str
    encoders: Mapping[str, Golden]


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfCheck:
    """How an encoder's numbers stand to the golden ones.

    Attributes:
        status: "passed", "failed", or "no golden" where carina has never had these weights.
        worst: Largest difference, in standard deviations; None without a golden, and where the
            encoder gave numbers that are not finite.
        tolerance: What was allowed.
    """

    status: Literal["passed", "failed", "no golden"]
    worst: float | None = None
    tolerance: float = TOLERANCE


def self_checked(encoder: ImageEncoder | TextEncoder) -> SelfCheck:
    """Hold an encoder's numbers against the golden ones; without a golden nothing is computed."""
    tolerance = ROUNDED.get(encoder.card.dtype, TOLERANCE)
    golden = _goldens().get(_key(encoder.card))
    if golden is None:
        return SelfCheck(status="no golden", tolerance=tolerance)
    now = golden_of(encoder)
    apart = np.abs(np.subtract((*now.pooled, now.level), (*golden.pooled, golden.level)))
    worst = float(apart.max()) / golden.deviation
    return SelfCheck(
        status="passed" if worst <= tolerance else "failed",  # NaN is never within
        worst=worst if np.isfinite(worst) else None,
        tolerance=tolerance,
    )


def require_same(encoder: ImageEncoder | TextEncoder) -> SelfCheck:
    """Refuse an encoder whose numbers are not those of its golden, and else give what was found.

    Raises:
        Mismatch: with the numbers and what to do.
    """
    found = self_checked(encoder)
    if found.status == "failed":
        away = (
            "not finite" if found.worst is None else f"{found.worst:.2g} standard deviations away"
        )
        raise Mismatch(
            f"{encoder.card.name} gives other numbers on this machine than it should: on a drawn "
            f"example the worst is {away}, {found.tolerance:g} are allowed. This is torch {torch.__version__}. Install the versions "
            "constraints.txt names, and the encoder's package anew; see: carina doctor."
        )
    return found


def check_when_loaded(encoder: ImageEncoder | TextEncoder) -> SelfCheck | None:
    """What `require_same` found when the encoder was loaded; None where nobody has asked."""
    check: SelfCheck | None = getattr(encoder, "check", None)
    return check


def golden_of(encoder: ImageEncoder | TextEncoder) -> Golden:
    """What an encoder gives for the drawn film, or for the sentence."""
    card = encoder.card
    if isinstance(encoder, ImageEncoder) and card.preprocess is not None:
        (found,) = encode_images(encoder, [prepare(drawn_film(), card.preprocess)], batch=1)
    else:
        assert isinstance(encoder, TextEncoder)  # noqa: S101 - its card says so
        found = encoder.encode((_SENTENCE,))
    pooled = found.pooled[0].double().cpu()
    return Golden(
        name=card.name,
        pooled=tuple(pooled[:: -(-card.dim // _KEPT)].tolist()),
        level=float(pooled.square().mean().sqrt()),
        deviation=float(pooled.std()),
    )


def drawn_film() -> Float[np.ndarray, "rows cols"]:
    """A phantom with an effusion, drawn once and kept, so that no change of the drawing counts."""
    with Image.open(_FILM) as film:
        return np.asarray(film, dtype=np.float32) / 255


def _key(card: EncoderCard) -> str:
    """Goldens are of float32 and torch; what is rounded or run by others is held against the same."""
    engine = "torch" if card.engine in ENGINES else card.engine
    return replace(card, dtype="float32", engine=engine).fingerprint


@cache
def _goldens() -> Mapping[str, Golden]:
    return read_json(_GOLDENS, Goldens).encoders

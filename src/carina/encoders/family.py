"""A family of encoders under the name it has on the command line."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from carina.core import InvalidValue, Registry
from carina.encoders.card import UNKNOWN_SOURCE, EncoderCard, Exposure
from carina.encoders.protocol import ImageEncoder, TextEncoder

__all__ = ["ENCODERS", "EncoderInfo", "Family", "stamped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderInfo:
    """What can be told of an encoder before its weights are read.

    Attributes:
        card: Its card, without the digest of the weights.
        needs: What must be there, in words; "" for nothing.
        installed: Whether the packages it needs are.
    """

    card: EncoderCard
    needs: str
    installed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """How encoders of one name are made.

    Attributes:
        card: The card, but for the digest of the weights.
        build: Card and weights file (None where none is named) to the encoder.
        weights: Whether a weights file can be named: "none", "optional" or "required".
        packages: Names, as imported, of the packages it needs beside carina.
    """

    card: EncoderCard
    build: Callable[[EncoderCard, Path | None], ImageEncoder | TextEncoder]
    weights: Literal["none", "optional", "required"] = "none"
    packages: tuple[str, ...] = ()

    def load(self, weights: Path | None) -> ImageEncoder | TextEncoder:
        """The encoder, on the CPU.

        Raises:
            InvalidValue: where a weights file is named and none is taken, or none and one is needed.
        """
        name = self.card.name
        if weights is None and self.weights == "required":
            raise InvalidValue(
                f"The encoder {name} comes without weights. Name their file: --weights PATH "
                f'(in Python: load_encoder("{name}", weights=Path(...))).'
            )
        if weights is not None and self.weights == "none":
            raise InvalidValue(
                f"The encoder {name} takes no weights file; got {weights.name}. Leave --weights out."
            )
        return self.build(self.card, weights)

    @property
    def info(self) -> EncoderInfo:
        """What a listing says."""
        needs = [f"package {package.replace('_', '-')}" for package in self.packages]
        if self.weights == "required":
            needs.append("--weights PATH")
        return EncoderInfo(
            card=self.card,
            needs=", ".join(needs),
            installed=all(find_spec(package) is not None for package in self.packages),
        )


def stamped(card: EncoderCard, digest: str, *, known: str) -> EncoderCard:
    """The card with the digest of the weights that were read.

    Weights other than those the card was written for have seen who knows what, and say so.
    """
    if digest == known:
        return replace(card, weights=digest)
    unknown = Exposure(
        source=UNKNOWN_SOURCE,
        what="weights from a file of the user's; what they have seen is not known",
    )
    return replace(card, weights=digest, revision="own file", exposed_to=(unknown,))


ENCODERS: Registry[Family] = Registry("encoder", group="carina.encoders")
"""Families by name, plugins of the entry-point group "carina.encoders" among them."""

"""A family of encoders under the name it has on the command line."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from carina.core import InvalidValue, MissingFile, Registry, UnknownName
from carina.encoders.card import UNKNOWN_SOURCE, EncoderCard, Exposure
from carina.encoders.protocol import ImageEncoder, TextEncoder

__all__ = [
    "ENCODERS",
    "SHELVES",
    "EncoderInfo",
    "Family",
    "Shelf",
    "ShelfInfo",
    "family",
    "stamped",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderInfo:
    """What can be told of an encoder before its weights are read.

    Attributes:
        card: Its card, without the digest of the weights.
        needs: What must be there, in words; "" for nothing.
        installed: Whether the packages it needs are.
        weights: Whether a weights file can be named: "none", "optional" or "required".
        weights_from: Where upstream publishes the weights, in words.
        use: What it may be used for, in words.
    """

    card: EncoderCard
    needs: str
    installed: bool
    weights: Literal["none", "optional", "required"] = "none"
    weights_from: str = ""
    use: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShelfInfo:
    """What can be told of a shelf before one of its encoders is named.

    Attributes:
        name: How its encoders are named: "timm:NAME".
        argument: What stands after the colon, in words.
        needs: What must be there, in words; "" for nothing.
        installed: Whether the packages they need are.
        use: What they may be used for, in words.
    """

    name: str
    argument: str
    needs: str
    installed: bool
    use: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """How encoders of one name are made.

    Attributes:
        card: The card, but for the digest of the weights.
        build: Card and weights file (None where none is named) to the encoder.
        weights: Whether a weights file can be named: "none", "optional" or "required".
        packages: Names, as imported, of the packages it needs beside carina.
        extra: The extra that installs them: ``pip install carina[extra]``; "" where they come
            with carina.
        weights_from: Where upstream publishes the weights: an id on the hub, a release, a package.
        use: What it may be used for, where the licence's name does not say.
    """

    card: EncoderCard
    build: Callable[[EncoderCard, Path | None], ImageEncoder | TextEncoder]
    weights: Literal["none", "optional", "required"] = "none"
    packages: tuple[str, ...] = ()
    extra: str = ""
    weights_from: str = ""
    use: str = ""

    def load(self, weights: Path | None) -> ImageEncoder | TextEncoder:
        """The encoder, on the CPU.

        Raises:
            InvalidValue: where a weights file is named and none is taken, or none and one is needed.
            MissingFile: where a package is not installed, with how to install it.
        """
        name = self.card.name
        if missing := [package for package in self.packages if find_spec(package) is None]:
            how = f"'carina[{self.extra}]'" if self.extra else missing[0].replace("_", "-")
            raise MissingFile(
                f"The encoder {name} needs the package {missing[0].replace('_', '-')}, which is "
                f"not installed. Next: pip install {how}."
            )
        if weights is None and self.weights == "required":
            raise InvalidValue(
                f"The encoder {name} comes without weights. Name their file: --weights PATH "
                f'(in Python: load_encoder("{name}", weights=Path(...))).'
                + (f" Upstream publishes them as {self.weights_from}." if self.weights_from else "")
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
            weights=self.weights,
            weights_from=self.weights_from,
            use=self.use,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Encoders of one kind that are named by what stands after a colon: ``timm:resnet50``.

    Attributes:
        argument: What stands after the colon, in words: "name of a timm model".
        named: The family of one, by what stands after the colon; its card has the full name.
        packages: Names, as imported, of the packages all of them need.
        extra: The extra that installs them.
        use: What they may be used for, in words.
    """

    argument: str
    named: Callable[[str], Family]
    packages: tuple[str, ...] = ()
    extra: str = ""
    use: str = ""

    def info(self, name: str) -> ShelfInfo:
        """What a listing says of the shelf of this name."""
        return ShelfInfo(
            name=f"{name}:NAME",
            argument=self.argument,
            needs=", ".join(f"package {package.replace('_', '-')}" for package in self.packages),
            installed=all(find_spec(package) is not None for package in self.packages),
            use=self.use,
        )


def stamped(card: EncoderCard, digest: str, *, known: str, believed: bool = False) -> EncoderCard:
    """The card with the digest of the weights that were read.

    Weights other than those the card was written for have seen who knows what, and say so.

    Args:
        card: As the family wrote it.
        digest: Of the weights that were read.
        known: Of the weights the card was written for; "" where carina has never had them.
        believed: Whether a file of another digest is taken for upstream's, since only the user can
            have it: then what upstream's weights have seen stays on the card.
    """
    if digest == known:
        return replace(card, weights=digest)
    unknown = Exposure(
        source=UNKNOWN_SOURCE,
        what="weights from a file of the user's; what they have seen is not known",
    )
    seen = card.exposed_to if believed else (unknown,)
    return replace(card, weights=digest, revision="own file", exposed_to=seen)


ENCODERS: Registry[Family] = Registry("encoder", group="carina.encoders")
"""Families by name, plugins of the entry-point group "carina.encoders" among them."""

SHELVES: Registry[Shelf] = Registry("kind of encoder", group="carina.encoder_shelves")
"""Shelves by what stands before the colon."""


def family(name: str) -> Family:
    """The family of a name, with a colon or without.

    Raises:
        UnknownName: for a name nobody registered, or a shelf without what it is asked for.
        MissingFile: where the shelf's packages are not installed.
    """
    before, colon, after = name.partition(":")
    if not colon:
        if name in SHELVES and name not in ENCODERS:
            raise UnknownName(
                f"{name} is a kind of encoder: name one as {name}:{SHELVES[name].argument}."
            )
        return ENCODERS[name]
    shelf = SHELVES[before]
    if not after:
        raise UnknownName(f"Nothing stands after {name!r}; wanted: {shelf.argument}.")
    if missing := [package for package in shelf.packages if find_spec(package) is None]:
        raise MissingFile(
            f"Encoders {before}: need the package {missing[0].replace('_', '-')}, which is not "
            f"installed. Next: pip install 'carina[{shelf.extra}]'."
        )
    return shelf.named(after)

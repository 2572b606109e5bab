"""Versioned banks of prompts, and what a text encoder makes of one, once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files

from carina.core import InvalidValue, fingerprint, load, unknown
from carina.encoders import TextEncoder, encode_texts
from carina.features import PromptVectors
from carina.studies import LabelSpace

__all__ = ["PromptBank", "Wording", "bank_names", "encode_bank", "load_bank"]

_PLACE = "{finding}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """Texts that say a finding is there, and as many that say it is not."""

    positive: tuple[str, ...]
    negative: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptBank:
    """Templates of prompts, with ``{finding}`` where the finding's name goes.

    Attributes:
        name: As in recipes.
        version: Raised whenever a text changes.
        source: Where the texts come from.
        positive: Templates that say it is there.
        negative: As many that say it is not.
        own: Whole texts of findings that no template fits ("no finding"), by folded name.
    """

    name: str
    version: int
    source: str
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    own: Mapping[str, Wording] = field(default_factory=dict)

    def __post_init__(self) -> None:
        sides = [self.positive, self.negative]
        sides += [
            side for wording in self.own.values() for side in (wording.positive, wording.negative)
        ]
        if not self.positive or len({len(side) for side in sides}) != 1:
            raise InvalidValue(
                f"Bank {self.name!r} has {[len(side) for side in sides]} prompts a side; "
                "wanted one number, 1 or more, on every side."
            )
        if wrong := [text for text in self.positive + self.negative if _PLACE not in text]:
            raise InvalidValue(f"Template {wrong[0]!r} has no place for a name: write {_PLACE}.")
        if wrong := [name for name in self.own if name != name.casefold()]:
            raise InvalidValue(f"Own texts go by folded name; got {wrong[0]!r}.")

    @property
    def fingerprint(self) -> str:
        """Changes when, and only when, a text does."""
        return fingerprint({"positive": self.positive, "negative": self.negative, "own": self.own})

    def texts(self, finding: str) -> Wording:
        """The prompts of a finding; underscores in its name read as spaces."""
        spoken = finding.replace("_", " ")
        if spoken.casefold() in self.own:
            return self.own[spoken.casefold()]
        return Wording(
            positive=tuple(text.replace(_PLACE, spoken) for text in self.positive),
            negative=tuple(text.replace(_PLACE, spoken) for text in self.negative),
        )


def bank_names() -> tuple[str, ...]:
    """Every bank that comes with carina."""
    folder = files("carina.adaptors") / "banks"
    return tuple(
        sorted(
            file.name.removesuffix(".json")
            for file in folder.iterdir()
            if file.name.endswith(".json")
        )
    )


def load_bank(name: str) -> PromptBank:
    """A bank by name.

    Raises:
        UnknownName: naming the near neighbour.
    """
    if name not in bank_names():
        raise unknown("prompt bank", name, bank_names())
    text = (files("carina.adaptors") / "banks" / f"{name}.json").read_text(encoding="utf-8")
    return load(json.loads(text), PromptBank, what=f"prompt bank {name}")


def encode_bank(bank: PromptBank, space: LabelSpace, encoder: TextEncoder) -> PromptVectors:
    """The prompts of every finding as numbers; each text is encoded once."""
    wordings = [bank.texts(name) for name in space.names]
    texts = [text for wording in wordings for text in wording.positive]
    texts += [text for wording in wordings for text in wording.negative]
    vectors = encode_texts(encoder, texts)
    sides = vectors.reshape(2, len(space), len(bank.positive), vectors.shape[1])
    return PromptVectors(
        space=space,
        positive=sides[0],
        negative=sides[1],
        bank=bank.fingerprint,
        encoder=encoder.card.fingerprint,
    )

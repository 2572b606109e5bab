"""A bank that is one file: templates that take the name of any finding."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from carina.adaptors.wording import PromptTexts
from carina.core import InvalidValue, fingerprint, unknown
from carina.studies import FINDINGS

__all__ = ["TemplateBank", "Wording"]

_PLACE = "{finding}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """Texts that say a finding is there, and as many that say it is not."""

    positive: tuple[str, ...]
    negative: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateBank:
    """Templates of prompts, with ``{finding}`` where the finding's name goes.

    It takes any name, so `findings` are those of the registry. Each pair of templates is a style,
    called "1", "2" and on.

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

    @property
    def findings(self) -> tuple[str, ...]:
        """The registry's."""
        return tuple(finding.name for finding in FINDINGS)

    @property
    def a_side(self) -> int:
        """How many templates a side."""
        return len(self.positive)

    @property
    def style_names(self) -> tuple[str, ...]:
        """A number for each pair, from "1"."""
        return tuple(str(number + 1) for number in range(self.a_side))

    def names(self, finding: str) -> tuple[str, ...]:
        """Its name alone; underscores read as spaces."""
        return (finding.replace("_", " "),)

    def texts(self, finding: str) -> PromptTexts:
        """The prompts of a finding; underscores in its name read as spaces."""
        (spoken,) = self.names(finding)
        own = self.own.get(spoken.casefold())
        if own is None:
            positive, negative = (
                tuple(text.replace(_PLACE, spoken) for text in side)
                for side in (self.positive, self.negative)
            )
        else:
            positive, negative = own.positive, own.negative
        return PromptTexts(
            positive=positive,
            negative=negative,
            uncertain=(),
            styles=self.style_names,
            opposed=own is not None,
        )

    def only(self, style: str) -> "TemplateBank":
        """The bank of one pair of templates.

        Raises:
            UnknownName: for a number it has no pair of.
        """
        if style not in self.style_names:
            raise unknown("style", style, self.style_names)
        place = int(style) - 1
        return replace(
            self,
            positive=(self.positive[place],),
            negative=(self.negative[place],),
            own={
                name: Wording(positive=(own.positive[place],), negative=(own.negative[place],))
                for name, own in self.own.items()
            },
        )

    def plain(self) -> "TemplateBank":
        """Itself: it knows names alone."""
        return self

"""What a prompt bank gives for a finding, and what carina asks of a bank of any form."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from carina.core import InvalidValue

__all__ = ["PromptBank", "PromptTexts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptTexts:
    """The prompts of one finding; a place holds texts that differ in what they say of it alone.

    Attributes:
        positive: Texts that say it is there.
        negative: As many that say it is not.
        uncertain: As many that leave it open, or none.
        styles: The style of each place.
        opposed: Whether the negative texts name the opposite ("disease" of No Finding), where
            those of others deny.
    """

    positive: tuple[str, ...]
    negative: tuple[str, ...]
    uncertain: tuple[str, ...]
    styles: tuple[str, ...]
    opposed: bool = False

    def __post_init__(self) -> None:
        sides = (self.positive, self.negative, self.uncertain or self.positive)
        if {len(side) for side in sides} != {len(self.styles)}:
            raise InvalidValue(
                f"A finding has as many prompts on every side; got {[len(side) for side in sides]} "
                f"for {len(self.styles)} places."
            )


@runtime_checkable
class PromptBank(Protocol):
    """Prompts of findings, as many of each."""

    @property
    def name(self) -> str:
        """As in recipes; of a bank of one's own, the last part of its path."""
        ...

    @property
    def version(self) -> int:
        """Raised whenever a text changes."""
        ...

    @property
    def source(self) -> str:
        """Where the texts come from."""
        ...

    @property
    def fingerprint(self) -> str:
        """Changes when, and only when, a text does."""
        ...

    @property
    def findings(self) -> tuple[str, ...]:
        """The findings it was made for."""
        ...

    @property
    def a_side(self) -> int:
        """How many prompts each side of each finding has."""
        ...

    @property
    def style_names(self) -> tuple[str, ...]:
        """Its ways of speaking, in order."""
        ...

    def names(self, finding: str) -> tuple[str, ...]:
        """What its texts call a finding.

        Raises:
            UnknownName: where it has no texts for it.
        """
        ...

    def texts(self, finding: str) -> PromptTexts:
        """The prompts of a finding, by any name the registry knows.

        Raises:
            UnknownName: where it has none.
        """
        ...

    def only(self, style: str) -> "PromptBank":
        """The bank that speaks in one of its styles alone.

        Raises:
            UnknownName: naming the near neighbour.
        """
        ...

    def plain(self) -> "PromptBank":
        """The bank whose sides differ in what they say alone: without kinds, severity and place."""
        ...

"""What a run leaves in its folder for bundles: how scores become answers, and who encoded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from carina.bundles import AnswerRule
from carina.encoders import EncoderCard
from carina.recipes.calibrate import Calibrated

__all__ = ["CardsUsed", "Rules", "cards_used", "rules_of"]

_RULE = "best F1 out of fold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """``rules.json``: by step, from 0, which is before any experience, the rules of that step."""

    steps: tuple[tuple[AnswerRule, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardsUsed:
    """``encoders.json``: the whole cards.

    Attributes:
        images: Of the image encoders, in the order of their columns.
        text: Of the text encoder, where there was one.
    """

    images: tuple[EncoderCard, ...]
    text: EncoderCard | None


def rules_of(calibration: Sequence[Mapping[int, Calibrated]], names: tuple[str, ...]) -> Rules:
    """Calibration by step and column as rules by step and name."""
    return Rules(
        steps=tuple(
            tuple(
                AnswerRule(
                    label=names[column],
                    slope=rule.sigmoid.slope,
                    intercept=rule.sigmoid.intercept,
                    threshold=rule.threshold,
                    rule=_RULE,
                )
                for column, rule in sorted(by_column.items())
            )
            for by_column in calibration
        )
    )


def cards_used(cards: tuple[EncoderCard, ...]) -> CardsUsed:
    """The cards of a run by what they read."""
    texts = [card for card in cards if card.modality == "text"]
    return CardsUsed(
        images=tuple(card for card in cards if card.modality == "image"),
        text=texts[0] if texts else None,
    )

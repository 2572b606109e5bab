"""What a run leaves in its folder: how scores become answers, who encoded, and made with what."""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import torch

from carina.bundles import AnswerRule
from carina.core import InvalidValue
from carina.encoders import EncoderCard, SelfCheck
from carina.evaluation import Fitted
from carina.measures import CalibrationMap, OperatingPoint, Sigmoid
from carina.recipes.calibrate import Calibrated

__all__ = [
    "CardsUsed",
    "Rule",
    "Rules",
    "answer_rules",
    "cards_used",
    "environment",
    "rules_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How a finding's score becomes an answer.

    Attributes:
        label: The finding.
        to_probability: Score to probability; None where there was not enough data.
        fitted: What it was made of.
        points: Operating points, the deciding one first; none where there was not enough data.
    """

    label: str
    to_probability: CalibrationMap | None
    fitted: Fitted
    points: tuple[OperatingPoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """``rules.json``: by step, from 0, which is before any experience, the rules of that step."""

    steps: tuple[tuple[Rule, ...], ...]


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
                Rule(
                    label=names[column],
                    to_probability=rule.to_probability,
                    fitted=rule.fitted,
                    points=rule.points,
                )
                for column, rule in sorted(by_column.items())
            )
            for by_column in calibration
        )
    )


def answer_rules(rules: Sequence[Rule], *, chosen: str) -> dict[str, AnswerRule]:
    """The rules that a bundle can carry, by finding: those with a probability and a threshold.

    Args:
        rules: Of one step.
        chosen: On which films: "out of fold" or "on val".

    Raises:
        InvalidValue: for a map that is no sigmoid, since a bundle's answer for a study stands on one.
    """
    answers = {}
    for rule in rules:
        if rule.to_probability is None or not rule.points:
            continue
        if not isinstance(rule.to_probability, Sigmoid):
            raise InvalidValue(
                f"{rule.label} is calibrated by a {type(rule.to_probability).__name__}, and bundles "
                "carry sigmoids: run the recipe with the calibration 'own' or 'platt'."
            )
        answers[rule.label] = AnswerRule(
            label=rule.label,
            slope=rule.to_probability.slope,
            intercept=rule.to_probability.intercept,
            threshold=rule.points[0].threshold,
            rule=f"{rule.points[0].rule} {chosen}",
        )
    return answers


def cards_used(cards: tuple[EncoderCard, ...]) -> CardsUsed:
    """The cards of a run by what they read."""
    texts = [card for card in cards if card.modality == "text"]
    return CardsUsed(
        images=tuple(card for card in cards if card.modality == "image"),
        text=texts[0] if texts else None,
    )


def environment(
    cards: Sequence[EncoderCard], checks: Sequence[SelfCheck | None]
) -> dict[str, object]:
    """``environment.json``: what numbers were made with; nothing names the machine or its user.

    Args:
        cards: The encoders.
        checks: How the numbers of each stood to the golden ones, or None; shorter where nobody asked.
    """
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "packages": {name: version(name) for name in ("carina", "numpy", "torch", "transformers")},
        "self_checks": {
            card.name: check
            for card, check in zip(cards, checks, strict=False)
            if check is not None
        },
    }

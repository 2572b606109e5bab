"""The methods that named recipes compare, as they were chosen on real films.

What is set here was chosen out of fold by patient on train and val of the nih films; see
docs/decisions/choices.md.
"""

from collections.abc import Mapping
from dataclasses import replace

from carina.adaptors import Mlp, Sides
from carina.learning import Heads, LwF, RETune, Ridge, Schedule, StrategyConfig

__all__ = ["METHODS", "text_of", "tuned"]

METHODS: Mapping[str, str] = {
    "retune": "RE-tune, adaptors on both sides against prompts",
    "lwf": "RE-tune with masked distillation, adaptors shared by all findings that do not forget",
    "ridge": "masked ridge head, closed form",
    "heads": "independent logistic head a finding",
}
"""Name to what it is."""

_JOINT = RETune(
    sides=Sides(adaptor=Mlp(hidden=256, out=128)),
    rate=5e-4,
    schedule=Schedule.LINEAR,
    batch=256,
    steps=240,
    epochs=None,
    normalise=True,
    noise=1.0,
    scale=10.0,
    learn_scale=True,
)
_DISTILLED = replace(
    _JOINT,
    sides=Sides(adaptor=Mlp(hidden=128, out=128)),
    schedule=Schedule.CONSTANT,
    steps=80,
    average=0.9,
)
"""See docs/decisions/forgetting.md."""
_STEPS = {"joint": 240, "by-label": 20}
"""Optimiser steps an experience; elsewhere 40 of RE-tune, and 80 of it with distillation."""


def tuned(method: str, plan: str) -> StrategyConfig:
    """The strategy of a method in a scenario.

    Args:
        method: One of `METHODS`.
        plan: "joint" for a single experience with everything, "by-label", or another.
    """
    strategies: dict[str, StrategyConfig] = {
        "retune": _JOINT
        if plan == "joint"
        else replace(_JOINT, schedule=Schedule.CONSTANT, steps=_STEPS.get(plan, 40)),
        "lwf": LwF(base=replace(_DISTILLED, steps=_STEPS.get(plan, 80))),
        "ridge": Ridge(lambdas=(0.5, 1.0), betas=(0.0,)),
        "heads": Heads(penalties=(0.3, 1.0, 3.0), balanced=True),
    }
    return strategies[method]


def text_of(method: str) -> str:
    """The text encoder of a method; "" where it reads no prompts."""
    return "minilm-l6" if method in ("retune", "lwf") else ""

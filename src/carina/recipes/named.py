"""The recipes that have names: each a function that reads like a methods section.

Needs: ``carina encode DATA --encoder efficientnet-lite0 --store S``.
Runs: ``carina run NAME --data DATA --store S --out O``.
"""

from collections.abc import Callable
from dataclasses import replace

from carina.adaptors import Mlp, Sides
from carina.learning import Heads, RETune, Ridge, Schedule, StrategyConfig
from carina.recipes.paper import PAPER
from carina.recipes.recipe import Continual
from carina.streams import AllAtOnce, ByClass, ByData, ByLabel, StreamPlan

__all__ = ["NAMED", "NIH_FINDINGS", "nih", "with_encoders", "with_seed"]

NIH_FINDINGS = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Pleural Effusion",
    "Emphysema",
    "Fibrosis",
    "Hernia",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pleural Thickening",
    "Pneumonia",
    "Pneumothorax",
)
"""The fourteen of ChestX-ray14, in the order class-incremental streams teach them."""

_PLANS: dict[str, tuple[StreamPlan, str]] = {
    "by-class": (ByClass(), "one finding at a time, each on all films"),
    "by-label": (ByLabel(), "new films with one more finding at a time"),
    "by-data": (ByData(parts=5), "five parts of the films, all findings"),
    "joint": (AllAtOnce(), "everything at once"),
}
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
_RETUNE = {
    "by-class": replace(_JOINT, schedule=Schedule.CONSTANT, steps=40),
    "by-label": replace(_JOINT, schedule=Schedule.CONSTANT, steps=20),
    "by-data": replace(_JOINT, schedule=Schedule.CONSTANT, steps=40),
    "joint": _JOINT,
}
_METHODS = {
    "retune": "RE-tune, adaptors on both sides against prompts",
    "ridge": "masked ridge head, closed form",
    "heads": "independent logistic head a finding",
}


def nih(plan: str, method: str) -> Continual:
    """A scenario on ChestX-ray14 films: fourteen findings lead, No Finding is the fifteenth.

    What is set here was chosen out of fold by patient on train and val; see
    docs/decisions/choices.md.

    Args:
        plan: "by-class", "by-label", "by-data" or "joint".
        method: "retune", "ridge" or "heads".
    """
    strategies: dict[str, StrategyConfig] = {
        "retune": _RETUNE[plan],
        "ridge": Ridge(lambdas=(0.5, 1.0), betas=(0.0,)),
        "heads": Heads(penalties=(0.3, 1.0, 3.0), balanced=True),
    }
    return Continual(
        name=f"nih-{plan}-{method}",
        encoders=("efficientnet-lite0",),
        strategy=strategies[method],
        plan=_PLANS[plan][0],
        text_encoder="minilm-l6" if method == "retune" else "",
        findings=(*NIH_FINDINGS, "No Finding"),
        headline=NIH_FINDINGS,
    )


def with_encoders(recipe: Continual, *encoders: str) -> Continual:
    """The recipe on other image encoders, side by side."""
    return replace(recipe, encoders=encoders)


def with_seed(recipe: Continual, seed: int | None) -> Continual:
    """The recipe with another seed; None keeps its own."""
    return recipe if seed is None else replace(recipe, seed=seed)


def _named(plan: str, method: str) -> Callable[[], Continual]:
    def make() -> Continual:
        return nih(plan, method)

    make.__doc__ = f"ChestX-ray14, {_PLANS[plan][1]}: {_METHODS[method]}."
    return make


NAMED: dict[str, Callable[[], Continual]] = {
    **{f"nih-{plan}-{method}": _named(plan, method) for plan in _PLANS for method in _METHODS},
    **PAPER,
}
"""Name to recipe."""

"""The recipes that have names: each a function that reads like a methods section.

Needs: ``carina encode DATA --encoder efficientnet-lite0 --store S``.
Runs: ``carina run NAME --data DATA --store S --out O``.
"""

from collections.abc import Callable
from dataclasses import replace

from carina.adaptors import Mlp, Sides
from carina.learning import Heads, Optimiser, RETune, Ridge, StrategyConfig
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
_STRATEGIES: dict[str, tuple[StrategyConfig, str]] = {
    "retune": (
        RETune(
            sides=Sides(adaptor=Mlp(hidden=256, out=128)),
            optimiser=Optimiser.ADAMW,
            rate=1e-3,
            batch=256,
            steps=100,
            epochs=None,
            learn_scale=True,
        ),
        "RE-tune: adaptors on both sides against prompts",
    ),
    "ridge": (Ridge(), "masked ridge head, closed form"),
    "heads": (Heads(), "independent logistic head a finding"),
}


def nih(plan: str, strategy: str) -> Continual:
    """A scenario on ChestX-ray14 films: fourteen findings lead, No Finding is the fifteenth.

    Args:
        plan: "by-class", "by-label", "by-data" or "joint".
        strategy: "retune", "ridge" or "heads".
    """
    chosen = _STRATEGIES[strategy][0]
    return Continual(
        name=f"nih-{plan}-{strategy}",
        encoders=("efficientnet-lite0",),
        strategy=chosen,
        plan=_PLANS[plan][0],
        text_encoder="minilm-l6" if isinstance(chosen, RETune) else "",
        findings=(*NIH_FINDINGS, "No Finding"),
        headline=NIH_FINDINGS,
    )


def with_encoders(recipe: Continual, *encoders: str) -> Continual:
    """The recipe on other image encoders, side by side."""
    return replace(recipe, encoders=encoders)


def with_seed(recipe: Continual, seed: int | None) -> Continual:
    """The recipe with another seed; None keeps its own."""
    return recipe if seed is None else replace(recipe, seed=seed)


def _named(plan: str, strategy: str) -> Callable[[], Continual]:
    def make() -> Continual:
        return nih(plan, strategy)

    make.__doc__ = f"ChestX-ray14, {_PLANS[plan][1]}: {_STRATEGIES[strategy][1]}."
    return make


NAMED: dict[str, Callable[[], Continual]] = {
    f"nih-{plan}-{strategy}": _named(plan, strategy) for plan in _PLANS for strategy in _STRATEGIES
}
"""Name to recipe."""

"""The recipes that have names: each a function that reads like a methods section.

Needs: ``carina encode DATA --encoder efficientnet-lite0 --store S``.
Runs: ``carina run NAME --data DATA --store S --out O``.
"""

from collections.abc import Callable
from dataclasses import replace

from carina.recipes.methods import METHODS, text_of, tuned
from carina.recipes.paper import PAPER
from carina.recipes.recipe import Continual
from carina.recipes.scenarios import SCENARIOS
from carina.streams import (
    AllAtOnce,
    ByClass,
    ByData,
    ByLabel,
    CellMatched,
    Corrected,
    Deletion,
    LabelRows,
    StreamPlan,
)

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
    "new-labels": (
        ByLabel(variant=LabelRows.SAME_FILMS),
        "all films each time, with one more finding labelled",
    ),
    "corrected": (Corrected(), "a tenth of the labels told wrong, taken back, told right"),
    "deletion": (
        Deletion(of=ByClass()),
        "one finding at a time, and then a tenth of the patients taken back",
    ),
    "deletion-joint": (
        CellMatched(of=Deletion(of=ByClass())),
        "everything at once without the tenth of the patients that leaves",
    ),
}


def nih(plan: str, method: str) -> Continual:
    """A scenario on ChestX-ray14 films: fourteen findings lead, No Finding is the fifteenth.

    What is set here was chosen out of fold by patient on train and val; see
    docs/decisions/choices.md.

    Args:
        plan: "by-class", "by-label", "by-data", "joint", "new-labels", "corrected", "deletion" or
            "deletion-joint".
        method: One of `METHODS`.
    """
    return Continual(
        name=f"nih-{plan}-{method}",
        encoders=("efficientnet-lite0",),
        strategy=tuned(method, "joint" if plan.endswith("joint") else plan),
        plan=_PLANS[plan][0],
        text_encoder=text_of(method),
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

    make.__doc__ = f"ChestX-ray14, {_PLANS[plan][1]}: {METHODS[method]}."
    return make


NAMED: dict[str, Callable[[], Continual]] = {
    **{f"nih-{plan}-{method}": _named(plan, method) for plan in _PLANS for method in METHODS},
    **PAPER,
    **SCENARIOS,
}
"""Name to recipe."""

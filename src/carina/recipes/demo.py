"""The demo's recipes: RE-tune in three scenarios on phantoms, and what stands beside it."""

from dataclasses import replace

from carina.adaptors import Control, Mlp, Sides
from carina.learning import Heads, RETune, Ridge, StrategyConfig, ZeroShot
from carina.recipes.recipe import Align, Continual
from carina.streams import AllAtOnce, ByClass, ByData, ByLabel, StreamPlan

__all__ = ["demo_recipes", "demo_strategies"]

_PLANS: dict[str, StreamPlan] = {
    "by-class": ByClass(),
    "by-label": ByLabel(),
    "by-data": ByData(parts=3),
    "joint": AllAtOnce(),
}
_RETUNE = RETune(
    sides=Sides(adaptor=Mlp(hidden=256, out=128)),
    rate=5e-4,
    batch=128,
    steps=60,
    epochs=None,
    normalise=True,
    noise=0.3,
    scale=10.0,
    learn_scale=True,
)
_FOLDS, _DRAWS = 3, 500  # enough for a demonstration, and quick


def demo_recipes() -> tuple[Continual, ...]:
    """Every strategy in every scenario; zero-shot once, since no stream changes it.

    The encoders share no space, so each recipe fits an alignment on the reports of the pretrain
    patients. RE-tune's steps were chosen out of fold: joint training has the budget of several
    experiences. One run has controls beside it, so that its card says what language gave.
    """
    return tuple(
        Continual(
            name=f"demo-{plan}-{method}",
            encoders=("efficientnet-lite0",),
            text_encoder="minilm-l6",
            prompts="retune-1",
            align=Align(),
            controls=tuple(Control) if (plan, method) == ("by-class", "retune") else (),
            strategy=strategy,
            plan=laid,
            folds=_FOLDS,
            draws=_DRAWS,
        )
        for plan, laid in _PLANS.items()
        for method, strategy in demo_strategies(plan).items()
    )


def demo_strategies(plan: str) -> dict[str, StrategyConfig]:
    """The methods as the demo has them in a scenario."""
    return {
        **({"zero-shot": ZeroShot()} if plan == "by-class" else {}),
        "retune": replace(_RETUNE, steps=200) if plan == "joint" else _RETUNE,
        "heads": Heads(penalties=(0.1, 0.3, 1.0), balanced=True),
        "ridge": Ridge(),
    }

"""The demo's recipes: an Adaptor over frozen encoders, RE-tune on top of it, and what stands beside."""

from pathlib import Path

from carina.adaptors import Control, Mlp, Sides
from carina.learning import Heads, RETune, Ridge, StrategyConfig, ZeroShot
from carina.recipes.pretrain import Pretrain
from carina.recipes.pretrainings import adaptor_canonical
from carina.recipes.recipe import Align, Continual
from carina.streams import AllAtOnce, ByClass, ByData, ByLabel, StreamPlan

__all__ = ["DEMO_ENCODER", "demo_baselines", "demo_pretraining", "demo_recipes"]

DEMO_ENCODER = "efficientnet-lite0"
"""The frozen encoder that heads and ridge learn from."""

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
    steps=20,
    epochs=None,
    noise=0.6,
    scale=10.0,
    learn_scale=True,
)
_CONTROLS = tuple(each for each in Control if each is not Control.ONE_HOT)  # too wide for the space
_FOLDS, _DRAWS = 3, 500  # enough for a demonstration, and quick


def demo_pretraining() -> Pretrain:
    """The Adaptor that image and text meet in, from the films and reports of the pretrain patients."""
    return adaptor_canonical()


def demo_recipes(adaptor: Path) -> tuple[Continual, ...]:
    """Every strategy in every scenario; zero-shot once, since no stream changes it.

    The encoders share no space. Prompts and RE-tune stand on the Adaptor; heads and ridge learn from
    the frozen encoder alone. RE-tune's steps and noise were chosen out of fold on another population
    of phantoms. One run has controls beside it, so that its card says what language gave.

    Args:
        adaptor: Folder of what `demo_pretraining` left.
    """
    pretraining = demo_pretraining()
    return tuple(
        Continual(
            name=f"demo-{plan}-{method}",
            encoders=(DEMO_ENCODER if method in demo_baselines() else pretraining.image_encoder,),
            text_encoder="" if method in demo_baselines() else pretraining.text_encoder,
            prompts="retune-1",
            align=None if method in demo_baselines() else Align(adaptor=str(adaptor)),
            controls=_CONTROLS if (plan, method) == ("by-class", "retune") else (),
            strategy=strategy,
            plan=laid,
            folds=_FOLDS,
            draws=_DRAWS,
        )
        for plan, laid in _PLANS.items()
        for method, strategy in _strategies(plan).items()
    )


def demo_baselines() -> dict[str, StrategyConfig]:
    """What learns on phantoms without prompts."""
    return {"heads": Heads(penalties=(0.1, 0.3, 1.0), balanced=True), "ridge": Ridge()}


def _strategies(plan: str) -> dict[str, StrategyConfig]:
    zero_shot: dict[str, StrategyConfig] = {"zero-shot": ZeroShot()} if plan == "by-class" else {}
    return {**zero_shot, "retune": _RETUNE, **demo_baselines()}

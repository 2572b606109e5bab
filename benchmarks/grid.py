"""The declared grid of runs behind docs/results.md: one cell a row of a table.

The core is what ``make results`` runs; ``make results-full`` runs all. Settings are the best of eight
a method, out of fold by patient on train and val (docs/decisions/tuning.md); that of ridge is its
named recipe's, 0.002 below the best of its eight.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from benchmarks.search_grids import BASE, JOINT
from carina.adaptors import (
    ClipAdapter,
    Control,
    RandomFourier,
    RandomReLU,
    Residual,
    Sharing,
    Sides,
)
from carina.learning import (
    EWC,
    GPM,
    KLDA,
    L2,
    L3A,
    RCLP,
    SI,
    SLCA,
    SLDA,
    AnaCP,
    Anchor,
    Averaged,
    Cumulative,
    Every,
    Heads,
    LwF,
    PseudoLabels,
    RanPAC,
    Replay,
    RETune,
    Ridge,
    StrategyConfig,
    TextProbe,
    TipAdapter,
    WeightReset,
    ZeroShot,
)
from carina.recipes import NAMED, Align, Continual, with_encoders, with_seed
from carina.streams import AllAtOnce, ByClass, ByData, ByLabel, CellMatched, StreamPlan

__all__ = ["ALIGNED", "COVID", "LITE", "METHODS", "MOBILE", "NIH", "PHANTOMS", "Cell", "grid"]

NIH, COVID, PHANTOMS = "nih", "covid", "phantoms"
LITE, MOBILE = "efficientnet-lite0", "mobilenet-cxr14"
DRAWS = 500
"""Resamples of patients behind every interval."""
COVID_HEADLINE = ("COVID-19", "Bacterial Pneumonia")
"""Of those films only these have enough positives held back."""
PLAIN = replace(BASE, average=0.0)
HEADS, RIDGE = Heads(penalties=(1.0,), balanced=True), Ridge(betas=(0.0,))

METHODS: Mapping[str, StrategyConfig] = {
    "RE-tune": replace(PLAIN, steps=80),
    "RE-tune, running mean": replace(BASE, steps=20),
    "RE-tune with distillation (LwF)": LwF(base=replace(BASE, steps=80), weight=2.0),
    "pseudo-labels": PseudoLabels(base=replace(BASE, steps=80)),
    "averaging over experiences": Averaged(base=replace(BASE, steps=80), share=0.3),
    "L2 to the start": L2(base=BASE, strength=0.1, to=Anchor.LAST),
    "EWC": EWC(base=BASE, strength=1000.0, decay=0.9),
    "SI": SI(base=BASE, strength=10.0, damping=1e-3),
    "GPM": GPM(base=BASE, energy=0.95, growth=0.0),
    "SLCA": SLCA(base=BASE, slow=0.03, steps=80, drawn=128),
    "weight reset": WeightReset(base=PLAIN, every=Every.STEP, start=0.5),
    "replay ¶": Replay(base=replace(PLAIN, steps=20), share=0.1),
    "RCLP ¶": RCLP(base=replace(BASE, steps=80), share=0.03, hold=0.1),
    "logistic heads": HEADS,
    "masked ridge": RIDGE,
    "RanPAC": RanPAC(lift=RandomReLU(width=2048)),
    "KLDA": KLDA(lift=RandomFourier(width=1024, bandwidth=1.0)),
    "SLDA": SLDA(shrinkage=0.02),
    "AnaCP": AnaCP(penalty=10.0, head_penalty=0.001),
    "L3A": L3A(penalty=100.0, threshold=0.7),
}
"""Method to its setting; those marked keep rows of patients."""
PROMPTED = (
    RETune, LwF, PseudoLabels, Averaged, L2, EWC, SI, GPM, SLCA, WeightReset, Replay, RCLP, Cumulative,
)  # fmt: skip
SLOW = ("SLCA", "RCLP ¶")
"""By class these two take four minutes together."""
LEADING = ("RE-tune", "RE-tune with distillation (LwF)", "logistic heads", "masked ridge")

ALIGNED: Mapping[str, StrategyConfig] = {
    "zero-shot": ZeroShot(),
    "RE-tune": replace(PLAIN, noise=0.3, batch=128),
    "RE-tune with distillation (LwF)": LwF(base=replace(BASE, noise=0.3, batch=128)),
    "the same, adaptors born as the identity": LwF(
        base=replace(BASE, sides=Sides(adaptor=Residual()), noise=0.3, batch=128)
    ),
    "masked ridge, text prior": Ridge(),
    "logistic heads": HEADS,
}
FEW_SHOT: Mapping[str, StrategyConfig] = {
    "CLIP-Adapter": RETune(
        sides=Sides(adaptor=ClipAdapter(), sharing=Sharing.IMAGE),
        rate=1e-2,
        scale=100.0,
        batch=256,
        steps=240,
        epochs=None,
    ),
    "Tip-Adapter ¶": TipAdapter(shots=256, betas=(1.0, 3.0, 5.5, 10.0, 20.0)),
    "Tip-Adapter-F ¶": TipAdapter(shots=64, steps=100, rate=1e-3),
    "text-informed probe": TextProbe(blends=(10.0,), balanced=True),
}
"""Methods that need images and texts that can be compared; learned at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One run.

    Attributes:
        table: In which table its row stands.
        method: As its row is called.
        ground: On which films.
        recipe: What is run.
        core: Whether ``make results`` runs it.
    """

    table: str
    method: str
    ground: str
    recipe: Continual
    core: bool = True


def grid(*, full: bool) -> list[Cell]:
    """Every cell, or the core's."""
    return [cell for cell in _cells() if full or cell.core]


def _cells() -> Iterator[Cell]:
    for method, strategy in METHODS.items():
        yield _nih("by-class", method, strategy, ByClass(), core=method not in SLOW)
        core = method in LEADING
        yield _nih("by-data", method, strategy, ByData(parts=5), core=core)
        core = core and method != "masked ridge"  # factorises its sums ninety times
        yield _nih("by-label", method, _shorter(strategy), ByLabel(), core=core)
    yield _nih("by-class", "joint on the same cells", JOINT, CellMatched(of=ByClass()))
    yield _nih("by-label", "joint on the same cells", JOINT, CellMatched(of=ByLabel()))
    yield _nih("by-data", "joint on the same cells", JOINT, AllAtOnce())
    yield _nih("by-data", "cumulative ¶", Cumulative(of=JOINT), ByData(parts=5), core=False)
    for method in (*LEADING, "RanPAC", "KLDA", "SLDA", "AnaCP"):
        if "LwF" not in method:
            strategy = JOINT if method == "RE-tune" else METHODS[method]
            yield _nih("joint", method, strategy, AllAtOnce())
    for plan in ("new-labels", "corrected", "deletion"):
        for method in LEADING:
            laid = NAMED[f"nih-{plan}-ridge"]().plan
            core = plan != "new-labels" and method == "masked ridge"
            yield _nih(plan, method, METHODS[method], laid, core=core)
    yield from _exposed()
    yield from _covid()
    yield from _phantoms()
    for seed in range(1, 5):
        for method in LEADING:
            named = _nih("by-class", f"{method}, seed {seed}", METHODS[method], ByClass())
            yield replace(named, table="seeds", recipe=with_seed(named.recipe, seed), core=False)


def _nih(
    table: str, method: str, strategy: StrategyConfig, plan: StreamPlan, *, core: bool = True
) -> Cell:
    """On ChestX-ray14 films by EfficientNet alone, which has seen none of them."""
    recipe = replace(
        NAMED["nih-joint-ridge"](),
        name=f"nih {table}: {method}",
        strategy=strategy,
        plan=plan,
        text_encoder="minilm-l6" if isinstance(strategy, PROMPTED) else "",
        draws=DRAWS,
    )
    return Cell(table=table, method=method, ground=NIH, recipe=recipe, core=core)


def _shorter(strategy: StrategyConfig) -> StrategyConfig:
    """With fewer steps an experience where there are 72 films in each."""
    if isinstance(strategy, RETune):
        return replace(strategy, steps=20)
    if isinstance(strategy, LwF):
        return replace(strategy, base=replace(strategy.base, steps=20))
    return strategy


def _exposed() -> Iterator[Cell]:
    """By an encoder whose weights have seen these labels, alone and beside the other."""
    for encoders, name in (((LITE, MOBILE), "both †"), ((MOBILE,), f"{MOBILE} †")):
        for plan, laid in (("by-class", ByClass()), ("joint", AllAtOnce())):
            for method in LEADING:
                if plan == "joint" and "LwF" in method:
                    continue
                strategy = JOINT if plan == "joint" and method == "RE-tune" else METHODS[method]
                cell = _nih("exposure", f"{plan}: {method}, {name}", strategy, laid)
                recipe = with_encoders(cell.recipe, *encoders)
                core = len(encoders) == 1 and plan == "joint"
                yield replace(cell, recipe=recipe, core=core)


def _covid() -> Iterator[Cell]:
    for plan, laid in (("by-class", ByClass()), ("joint", AllAtOnce())):
        for method in LEADING:
            if plan == "joint" and "LwF" in method:
                continue
            strategy = JOINT if plan == "joint" and method == "RE-tune" else METHODS[method]
            cell = _nih("covid", f"{plan}: {method}", strategy, laid)
            recipe = replace(cell.recipe, findings=(), headline=COVID_HEADLINE)
            yield replace(cell, ground=COVID, recipe=recipe)


def _phantoms() -> Iterator[Cell]:
    """Drawn films with reports, on which carina aligns images and texts."""
    every = tuple(Control)
    for method, strategy in ALIGNED.items():
        controls = every if method != "logistic heads" else ()
        yield _aligned("aligned, by-class", method, strategy, ByClass(), controls=controls)
    for method, strategy in FEW_SHOT.items():
        controls = () if "Tip" in method else every
        yield _aligned("aligned, joint", method, strategy, AllAtOnce(), controls=controls)
    for bank, text_encoder, called in (
        ("retune-4", "minilm-l6", "4 prompts a side"),
        ("retune-1", "minilm-l6", "1 prompt a side"),
        ("carina-14", "minilm-l6", "14 ways of speaking"),
        ("retune-1", "toy-text", "another text encoder (toy-text)"),
    ):
        for method in ("zero-shot", "RE-tune with distillation (LwF)"):
            cell = _aligned("prompts", f"{called}: {method}", ALIGNED[method], ByClass())
            recipe = replace(cell.recipe, prompts=bank, text_encoder=text_encoder)
            yield replace(cell, recipe=recipe)
    for scenario in ("by-site", "by-time", "new-from-text", "confounded"):
        for method in ("retune", "ridge", "heads"):
            recipe = replace(NAMED[f"phantom-{scenario}-{method}"](), draws=DRAWS)
            yield Cell(
                table=f"phantoms, {scenario}",
                method=method,
                ground=PHANTOMS,
                recipe=recipe,
                core=method != "heads",
            )


def _aligned(
    table: str,
    method: str,
    strategy: StrategyConfig,
    plan: StreamPlan,
    *,
    controls: tuple[Control, ...] = (),
) -> Cell:
    recipe = Continual(
        name=f"phantoms {table}: {method}",
        encoders=(LITE,),
        strategy=strategy,
        plan=plan,
        prompts="retune-1",
        align=Align(),
        controls=controls,
        folds=3,
        draws=DRAWS,
    )
    return Cell(table=table, method=method, ground=PHANTOMS, recipe=recipe)

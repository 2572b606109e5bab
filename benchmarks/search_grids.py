"""What is tried of each method before its figures are shown: the same number of settings a method.

The first of each is its default, or the paper's where the default is another form; the first eight of
twelve are tried where no more are asked for. All are judged out of fold by patient on train and val; settings
that a strategy chooses by itself on folds of its own (penalties, alphas and betas, blends) are
ranges here, and count as one trial though they are many.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import product

from carina.adaptors import ClipAdapter, LiftConfig, Mlp, RandomFourier, RandomReLU, Sharing, Sides
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
    Every,
    Heads,
    LwF,
    PseudoLabels,
    RanPAC,
    Replay,
    RETune,
    Ridge,
    Schedule,
    StrategyConfig,
    TextProbe,
    TipAdapter,
    WeightReset,
)

__all__ = ["GRIDS", "TRIALS", "settings_of"]

_SPREAD = (0, 6, 3, 9, 1, 7, 4, 10, 2, 8, 5, 11)
TRIALS = 8
"""Settings tried of each method where no more are asked for, at most 12; carina's own get no more."""


def _ranpac() -> tuple[RanPAC, ...]:
    whole = RanPAC().penalties
    floored = [whole, *(tuple(p for p in whole if p >= least) for least in (1.0, 10.0, 100.0))]
    return tuple(
        RanPAC(penalties=penalties, lift=RandomReLU(width=width))
        for width, penalties in product((2048, 1024, 512), floored)
    )


def _klda() -> tuple[KLDA, ...]:
    return tuple(
        KLDA(penalty=penalty, lift=RandomFourier(width=1024, bandwidth=bandwidth))
        for penalty, bandwidth in product((10.0, 1.0, 0.1, 100.0), (1.0, 0.5, 2.0))
    )


def _slda() -> tuple[SLDA, ...]:
    tried = (1e-4, 3e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.9)
    return tuple(SLDA(shrinkage=shrinkage) for shrinkage in tried)


def _anacp() -> tuple[AnaCP, ...]:
    return tuple(
        AnaCP(penalty=penalty, head_penalty=head)
        for penalty, head in product((10.0, 3.0, 30.0, 100.0), (0.01, 0.001, 0.1))
    )


def _l3a() -> tuple[L3A, ...]:
    return tuple(
        L3A(penalty=penalty, threshold=threshold)
        for threshold, penalty in product((0.7, 0.6, 1.0), (1.0, 0.1, 10.0, 100.0))
    )


def _tip_adapter() -> tuple[TipAdapter, ...]:
    sharp = ((1.0, 3.0, 5.5, 10.0, 20.0), (0.5, 1.0, 2.0), (20.0, 50.0, 100.0))
    return tuple(
        TipAdapter(shots=shots, betas=betas) for shots, betas in product((16, 4, 64, 256), sharp)
    )


def _tip_adapter_f() -> tuple[TipAdapter, ...]:
    return tuple(
        TipAdapter(shots=shots, steps=steps, rate=rate)
        for shots, steps, rate in product((16, 64), (20, 100), (1e-3, 1e-4, 1e-2))
    )


def _text_probe() -> tuple[TextProbe, ...]:
    whole = TextProbe().penalties
    return tuple(
        TextProbe(penalties=penalties, blends=blends, balanced=balanced)
        for penalties, blends, balanced in product(
            (whole, (0.3, 1.0, 3.0)), ((1.0, 10.0, 100.0), (10.0,), (100.0,)), (False, True)
        )
    )


def _clip_adapter() -> tuple[RETune, ...]:
    """Budgets are the stream's, and are put in by whoever runs it."""
    return tuple(
        RETune(
            sides=Sides(adaptor=ClipAdapter(ratio=ratio), sharing=Sharing.IMAGE),
            rate=rate,
            scale=scale,
            batch=256,
            steps=240,
            epochs=None,
        )
        for ratio, rate, scale in product((0.2, 0.6), (1e-3, 1e-4, 1e-2), (100.0, 10.0))
    )


BASE = RETune(
    sides=Sides(adaptor=Mlp(hidden=128, out=128)),
    rate=5e-4,
    batch=256,
    steps=40,
    epochs=None,
    normalise=True,
    noise=1.0,
    scale=10.0,
    learn_scale=True,
    average=0.9,
)
"""How adaptors are tuned an experience where nothing else is said."""
_SIX = (1e-2, 1e-1, 1.0, 10.0, 100.0, 1000.0)


def _retune() -> tuple[RETune, ...]:
    return tuple(
        replace(BASE, steps=steps, rate=rate, average=average)
        for steps, (rate, average) in product(
            (40, 20, 10, 80), ((5e-4, 0.0), (5e-4, 0.9), (2.5e-4, 0.9))
        )
    )


JOINT = replace(BASE, schedule=Schedule.LINEAR, steps=480, noise=1.5, average=0.0)
"""The best of eight tried for everything at once (docs/decisions/tuning.md): the bound."""


def _joint() -> tuple[RETune, ...]:
    """Everything at once; what the cumulative bound and cell-matched training use."""
    falling = replace(BASE, schedule=Schedule.LINEAR, average=0.0)
    return (
        *(
            replace(falling, steps=steps, noise=noise)
            for steps, noise in product((240, 320, 160, 480), (1.0, 1.5))
        ),
        *(replace(BASE, steps=steps) for steps in (160, 240, 320, 480)),
    )


def _lwf() -> tuple[LwF, ...]:
    return tuple(
        LwF(base=replace(BASE, steps=steps, average=average), weight=weight)
        for steps, weight, average in product((80, 40), (1.0, 0.5, 2.0), (0.9, 0.0))
    )


def _weight_reset() -> tuple[WeightReset, ...]:
    plain = replace(BASE, average=0.0)
    return tuple(
        WeightReset(base=plain, every=every, start=start)
        for every, start in product(Every, (0.01, 0.1, 0.3, 0.5, 0.7, 0.9))
    )


def _pseudo_labels() -> tuple[PseudoLabels, ...]:
    return tuple(
        PseudoLabels(base=replace(BASE, steps=steps, rate=rate, average=average))
        for steps, rate, average in product((40, 80, 20), (5e-4, 2.5e-4), (0.9, 0.0))
    )


def _averaged() -> tuple[Averaged, ...]:
    return tuple(
        Averaged(base=replace(BASE, steps=steps), share=share)
        for steps, share in product((40, 20, 80), (None, 0.5, 0.3, 0.1))
    )


def _l2() -> tuple[L2, ...]:
    return tuple(L2(base=BASE, strength=much, to=to) for to, much in product(Anchor, _SIX))


def _ewc() -> tuple[EWC, ...]:
    return tuple(
        EWC(base=BASE, strength=100 * much, decay=decay)
        for decay, much in product((1.0, 0.9), _SIX)
    )


def _si() -> tuple[SI, ...]:
    return tuple(
        SI(base=BASE, strength=much, damping=damping)
        for damping, much in product((1e-3, 1e-1), _SIX)
    )


def _gpm() -> tuple[GPM, ...]:
    return tuple(
        GPM(base=BASE, energy=energy, growth=growth)
        for growth, energy in product((0.0, 0.003), (0.9, 0.5, 0.7, 0.8, 0.95, 0.99))
    )


def _slca() -> tuple[SLCA, ...]:
    return tuple(
        SLCA(base=BASE, slow=slow, steps=steps, drawn=drawn)
        for slow, steps, drawn in product((0.1, 0.03, 0.3), (40, 80), (64, 128))
    )


def _replay() -> tuple[Replay, ...]:
    return tuple(
        Replay(base=replace(BASE, steps=steps, average=average), share=share)
        for share, steps, average in product((0.03, 0.1), (40, 20, 80), (0.9, 0.0))
    )


def _rclp() -> tuple[RCLP, ...]:
    return tuple(
        RCLP(base=replace(BASE, steps=steps), share=share, hold=hold)
        for share, steps, hold in product((0.03, 0.1), (40, 80), (1.0, 0.1, 10.0))
    )


def _heads() -> tuple[Heads, ...]:
    tried = ((0.3, 1.0, 3.0), (0.01, 0.03, 0.1, 0.3, 1.0, 3.0), (0.1,), (0.3,), (1.0,), (3.0,))
    return tuple(
        Heads(penalties=penalties, balanced=balanced)
        for balanced, penalties in product((True, False), tried)
    )


def _ridge() -> tuple[Ridge, ...]:
    tried = ((0.5, 1.0), (0.25, 0.5, 1.0), (0.5,), (1.0,), (0.25,), (2.0,))
    lifts: tuple[LiftConfig, ...] = (
        RandomReLU(width=2048),
        RandomFourier(width=2048, bandwidth=1.0),
    )
    lifted = product(lifts, ((0.5, 1.0), (0.1, 0.3), (0.03,)))
    return (
        *(Ridge(lambdas=lambdas, betas=(0.0,)) for lambdas in tried),
        *(Ridge(lambdas=lambdas, betas=(0.0,), lift=lift) for lift, lambdas in lifted),
    )


GRIDS: dict[str, Callable[[], tuple[StrategyConfig, ...]]] = {
    "RE-tune": _retune,
    "RE-tune, joint": _joint,
    "RE-tune with distillation (LwF)": _lwf,
    "RE-tune's weight reset": _weight_reset,
    "pseudo-labels": _pseudo_labels,
    "averaging over experiences": _averaged,
    "L2": _l2,
    "EWC": _ewc,
    "SI": _si,
    "GPM": _gpm,
    "SLCA": _slca,
    "replay": _replay,
    "RCLP": _rclp,
    "logistic heads": _heads,
    "masked ridge": _ridge,
    "RanPAC": _ranpac,
    "KLDA": _klda,
    "SLDA": _slda,
    "AnaCP": _anacp,
    "L3A": _l3a,
    "Tip-Adapter": _tip_adapter,
    "Tip-Adapter-F": _tip_adapter_f,
    "text-informed probe": _text_probe,
    "CLIP-Adapter": _clip_adapter,
}
"""Method to what is tried of it. The last four need images and texts that can be compared."""


def settings_of(method: str) -> tuple[StrategyConfig, ...]:
    """What is tried of a method, the default first, and the first few far apart."""
    grid = GRIDS[method]()
    return tuple(grid[at] for at in _SPREAD)

"""What is tried of each published method before its figures are shown: twelve settings a method.

The first of each is its default, or the paper's where the default is another form. All are judged out of fold by patient on train and val; settings
that a strategy chooses by itself on folds of its own (penalties, alphas and betas, blends) are
ranges here, and count as one trial though they are many.
"""

from collections.abc import Callable
from itertools import product

from carina.adaptors import ClipAdapter, RandomFourier, RandomReLU, Sharing, Sides
from carina.learning import (
    KLDA,
    L3A,
    SLDA,
    AnaCP,
    RanPAC,
    RETune,
    StrategyConfig,
    TextProbe,
    TipAdapter,
)

__all__ = ["GRIDS", "TRIALS", "settings_of"]

TRIALS = 12
"""Settings tried of each method; carina's own get no more."""


def _ranpac() -> tuple[RanPAC, ...]:
    whole = RanPAC().penalties
    floored = [whole, *(tuple(p for p in whole if p >= least) for least in (1.0, 10.0, 100.0))]
    return tuple(
        RanPAC(penalties=penalties, lift=RandomReLU(width=width))
        for width, penalties in product((2048, 1024, 512), floored)
    )


def _klda() -> tuple[KLDA, ...]:
    return tuple(
        KLDA(penalty=penalty, lift=RandomFourier(width=2048, bandwidth=bandwidth))
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


GRIDS: dict[str, Callable[[], tuple[StrategyConfig, ...]]] = {
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
"""Method to what is tried of it. The last two need images and texts that can be compared."""


def settings_of(method: str) -> tuple[StrategyConfig, ...]:
    """What is tried of a method, the default first."""
    return GRIDS[method]()

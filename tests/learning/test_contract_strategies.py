from typing import ClassVar

from carina.adaptors import Combine, Mlp, Sharing, Sides
from carina.learning import Heads, Optimiser, RETune, Ridge, Strategy, ZeroShot
from carina.testing import StrategyContract

SMALL = Sides(adaptor=Mlp(hidden=8, out=12))


class TestZeroShot(StrategyContract):
    strategy: ClassVar[Strategy] = ZeroShot()
    keeps_untouched: ClassVar[bool] = True


class TestRETune(StrategyContract):
    strategy: ClassVar[Strategy] = RETune(sides=SMALL, rate=1e-2, batch=16, epochs=2)
    keeps_untouched: ClassVar[bool] = False


class TestRETuneSharedWithLearnedScale(StrategyContract):
    strategy: ClassVar[Strategy] = RETune(
        sides=Sides(adaptor=Mlp(hidden=8, out=12), sharing=Sharing.SHARED),
        combine=Combine.MAX,
        optimiser=Optimiser.ADAMW,
        rate=1e-2,
        weight_decay=0.1,
        batch=16,
        steps=3,
        epochs=None,
        normalise=True,
        noise=0.1,
        scale=3.0,
        learn_scale=True,
    )
    keeps_untouched: ClassVar[bool] = False


class TestRETuneByGradientDescent(StrategyContract):
    strategy: ClassVar[Strategy] = RETune(
        sides=SMALL, optimiser=Optimiser.SGD, rate=0.1, batch=16, epochs=2, carry_optimiser=False
    )
    keeps_untouched: ClassVar[bool] = False


class TestHeads(StrategyContract):
    strategy: ClassVar[Strategy] = Heads(penalties=(0.1, 1.0))
    keeps_untouched: ClassVar[bool] = True


class TestRidge(StrategyContract):
    strategy: ClassVar[Strategy] = Ridge()
    keeps_untouched: ClassVar[bool] = True

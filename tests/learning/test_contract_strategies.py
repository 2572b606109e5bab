from dataclasses import replace
from typing import ClassVar

from carina.adaptors import Beside, Combine, Mlp, RandomFourier, RandomReLU, Sharing, Sides
from carina.learning import (
    EWC,
    GPM,
    L2,
    RCLP,
    SI,
    SLCA,
    Anchor,
    Averaged,
    Cumulative,
    Every,
    Heads,
    LwF,
    Optimiser,
    PseudoLabels,
    Replay,
    RETune,
    Ridge,
    Strategy,
    WeightReset,
    ZeroShot,
)
from carina.testing import StrategyContract

SMALL = Sides(adaptor=Mlp(hidden=8, out=12))


BASE = RETune(
    sides=SMALL,
    rate=1e-2,
    batch=16,
    steps=4,
    epochs=None,
    normalise=True,
    noise=0.1,
    scale=5.0,
    learn_scale=True,
    average=0.5,
)
PLAIN = RETune(sides=SMALL, rate=1e-2, batch=16, epochs=2)


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


class TestRETuneWithWeightsOfPrompts(StrategyContract):
    strategy: ClassVar[Strategy] = replace(BASE, learn_prompt_weights=True)
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


class TestLwF(StrategyContract):
    strategy: ClassVar[Strategy] = LwF(base=BASE)
    keeps_untouched: ClassVar[bool] = False


class TestWeightResetEveryStep(StrategyContract):
    strategy: ClassVar[Strategy] = WeightReset(base=PLAIN, start=0.1)
    keeps_untouched: ClassVar[bool] = False


class TestWeightResetEveryEpoch(StrategyContract):
    strategy: ClassVar[Strategy] = WeightReset(base=BASE, every=Every.EPOCH, from_first=True)
    keeps_untouched: ClassVar[bool] = False


class TestPseudoLabels(StrategyContract):
    strategy: ClassVar[Strategy] = PseudoLabels(base=BASE)
    keeps_untouched: ClassVar[bool] = False


class TestAveraged(StrategyContract):
    strategy: ClassVar[Strategy] = Averaged(base=BASE)
    keeps_untouched: ClassVar[bool] = False


class TestL2ToTheBirth(StrategyContract):
    strategy: ClassVar[Strategy] = L2(base=BASE, strength=0.1)
    keeps_untouched: ClassVar[bool] = False


class TestL2ToTheLast(StrategyContract):
    strategy: ClassVar[Strategy] = L2(base=PLAIN, strength=0.1, to=Anchor.LAST)
    keeps_untouched: ClassVar[bool] = False


class TestEWC(StrategyContract):
    strategy: ClassVar[Strategy] = EWC(base=BASE, decay=0.9, rows=40)
    keeps_untouched: ClassVar[bool] = False


class TestSI(StrategyContract):
    strategy: ClassVar[Strategy] = SI(base=BASE)
    keeps_untouched: ClassVar[bool] = False


class TestGPM(StrategyContract):
    strategy: ClassVar[Strategy] = GPM(base=BASE, energy=0.5)
    keeps_untouched: ClassVar[bool] = False


class TestSLCA(StrategyContract):
    strategy: ClassVar[Strategy] = SLCA(base=BASE, steps=3, drawn=8)
    keeps_untouched: ClassVar[bool] = False


class TestReplay(StrategyContract):
    strategy: ClassVar[Strategy] = Replay(base=BASE, share=0.1)
    keeps_untouched: ClassVar[bool] = False
    keeps_patients: ClassVar[bool] = True


class TestRCLP(StrategyContract):
    strategy: ClassVar[Strategy] = RCLP(base=BASE, share=0.1)
    keeps_untouched: ClassVar[bool] = False
    keeps_patients: ClassVar[bool] = True


class TestCumulativeRETune(StrategyContract):
    strategy: ClassVar[Strategy] = Cumulative(of=BASE)
    keeps_untouched: ClassVar[bool] = False
    keeps_patients: ClassVar[bool] = True


class TestCumulativeHeads(StrategyContract):
    strategy: ClassVar[Strategy] = Cumulative(of=Heads(penalties=(0.1, 1.0)))
    keeps_untouched: ClassVar[bool] = True
    keeps_patients: ClassVar[bool] = True


class TestRidgeUnderABudget(StrategyContract):
    strategy: ClassVar[Strategy] = Ridge(budget=8_000)  # three findings share a second moment
    keeps_untouched: ClassVar[bool] = True


class TestRidgeOverALift(StrategyContract):
    strategy: ClassVar[Strategy] = Ridge(lift=RandomReLU(width=20))
    keeps_untouched: ClassVar[bool] = True


class TestRidgeBesideALift(StrategyContract):
    strategy: ClassVar[Strategy] = Ridge(lift=Beside(lift=RandomFourier(width=20)))
    keeps_untouched: ClassVar[bool] = True

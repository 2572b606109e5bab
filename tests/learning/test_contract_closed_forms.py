"""The shipped contract, run on closed forms and on few-shot methods."""

from typing import ClassVar

from carina.adaptors import ClipAdapter, RandomFourier, RandomReLU, Sharing, Sides
from carina.learning import (
    KLDA,
    L3A,
    SLDA,
    AnaCP,
    RanPAC,
    RETune,
    Setting,
    Strategy,
    TextProbe,
    TipAdapter,
)
from carina.testing import StrategyContract


class TestRanPAC(StrategyContract):
    strategy: ClassVar[Strategy] = RanPAC(lift=RandomReLU(width=30))
    keeps_untouched: ClassVar[bool] = True


class TestKLDA(StrategyContract):
    strategy: ClassVar[Strategy] = KLDA(lift=RandomFourier(width=30))
    keeps_untouched: ClassVar[bool] = True


class TestSLDA(StrategyContract):
    strategy: ClassVar[Strategy] = SLDA()
    keeps_untouched: ClassVar[bool] = True


class TestAnaCP(StrategyContract):
    strategy: ClassVar[Strategy] = AnaCP(lift=RandomReLU(width=30))
    keeps_untouched: ClassVar[bool] = False


class TestL3A(StrategyContract):
    strategy: ClassVar[Strategy] = L3A(lift=RandomReLU(width=30))
    keeps_untouched: ClassVar[bool] = False


class TestL3AOverPlainRows(StrategyContract):
    strategy: ClassVar[Strategy] = L3A(lift=None, threshold=0.55, weighted=False)
    keeps_untouched: ClassVar[bool] = False


class TestClipAdapter(StrategyContract):
    strategy: ClassVar[Strategy] = RETune(
        sides=Sides(adaptor=ClipAdapter(), sharing=Sharing.IMAGE),
        rate=1e-2,
        batch=16,
        epochs=2,
        scale=20.0,
    )
    keeps_untouched: ClassVar[bool] = False


class TestTextProbe(StrategyContract):
    strategy: ClassVar[Strategy] = TextProbe(penalties=(0.1, 1.0), blends=(1.0, 10.0))
    keeps_untouched: ClassVar[bool] = True


class TestTipAdapter(StrategyContract):
    strategy: ClassVar[Strategy] = TipAdapter(shots=4)
    keeps_untouched: ClassVar[bool] = True
    keeps_patients: ClassVar[bool] = True


class TestTipAdapterF(StrategyContract):
    strategy: ClassVar[Strategy] = TipAdapter(shots=4, steps=5)
    keeps_untouched: ClassVar[bool] = True
    keeps_patients: ClassVar[bool] = True


class TestTipAdapterWithoutText(StrategyContract):
    strategy: ClassVar[Strategy] = TipAdapter(shots=4, steps=2)
    setting: ClassVar[Setting] = Setting(image_dim=12)
    keeps_untouched: ClassVar[bool] = True
    keeps_patients: ClassVar[bool] = True

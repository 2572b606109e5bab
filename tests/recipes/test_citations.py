from typing import get_args

import pytest

from carina.learning import EWC, Cumulative, Heads, RETune, StrategyConfig
from carina.recipes import Continual
from carina.recipes.citations import citations

ALWAYS = citations(Continual(name="none", encoders=("toy-image",), strategy=Heads()), ())[1:]


@pytest.mark.parametrize("strategy", get_args(StrategyConfig))
def test_every_strategy_owes_somebody(strategy: type) -> None:
    owed = citations(Continual(name="any", encoders=("toy-image",), strategy=strategy()), ())

    assert len(owed) > len(ALWAYS)


def test_what_wraps_another_owes_that_ones_works_too() -> None:
    plain = citations(Continual(name="a", encoders=("toy-image",), strategy=RETune()), ())
    for strategy in (EWC(), Cumulative()):
        owed = citations(Continual(name="b", encoders=("toy-image",), strategy=strategy), ())

        assert set(plain) <= set(owed)

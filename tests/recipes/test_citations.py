from typing import get_args

import pytest

from carina.adaptors import ClipAdapter, Sharing, Sides
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


def test_an_adaptor_with_a_paper_is_named_after_the_strategy() -> None:
    tuned = RETune(sides=Sides(adaptor=ClipAdapter(), sharing=Sharing.IMAGE))
    for strategy in (tuned, EWC(base=tuned)):
        owed = citations(Continual(name="c", encoders=("toy-image",), strategy=strategy), ())

        assert [work[:24] for work in owed if "CLIP-Adapter" in work] == [
            "Gao et al., CLIP-Adapter"
        ]

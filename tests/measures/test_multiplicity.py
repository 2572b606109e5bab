"""Adjusted p values are those of their definitions."""

from itertools import chain, combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from carina.core import InvalidValue
from carina.measures import PValue, benjamini_hochberg, holm

quick = settings(max_examples=40, deadline=None)
several = st.lists(st.integers(1, 200).map(lambda k: k / 200), min_size=1, max_size=7)


def told(values: list[float]) -> list[PValue]:
    return [PValue(value=value, method="a test") for value in values]


@quick
@given(several)
def test_holm_is_the_closed_test_of_bonferroni(values: list[float]) -> None:
    every = range(len(values))
    families = list(chain.from_iterable(combinations(every, k + 1) for k in every))

    adjusted = [one.value for one in holm(told(values))]

    # a hypothesis falls where every family it is in falls to Bonferroni
    closed = [
        max(min(1.0, len(f) * min(values[j] for j in f)) for f in families if i in f) for i in every
    ]
    assert adjusted == pytest.approx(closed, abs=1e-15)


@quick
@given(several)
def test_benjamini_hochberg_is_scipys(values: list[float]) -> None:
    adjusted = [one.value for one in benjamini_hochberg(told(values))]

    assert adjusted == pytest.approx(false_discovery_control(values), abs=1e-15)


def test_the_example_by_hand() -> None:
    adjusted = holm(told([0.01, 0.04, 0.03, 0.005]))

    assert [one.value for one in adjusted] == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert adjusted[0].method == "a test; Holm over 4"


def test_what_is_undefined_stays_so_and_does_not_count() -> None:
    lacking = PValue(value=None, why_undefined="no positive image among 9")
    values = [told([0.02])[0], lacking, told([0.5])[0]]

    for adjust in (holm, benjamini_hochberg):
        first, second, _ = adjust(values)
        assert second == lacking
        assert first.value == pytest.approx(0.04)
        assert adjust([]) == ()
        assert adjust([lacking]) == (lacking,)


def test_a_p_value_is_never_0_and_prints_short() -> None:
    assert str(PValue(value=0.0312)) == "p = 0.031"
    assert str(PValue(value=1e-9)) == "p < 0.001"
    assert (
        str(PValue(value=None, why_undefined="one patient only")) == "undefined (one patient only)"
    )
    for value in (0.0, 1.5, np.nan):
        with pytest.raises(InvalidValue, match="lies in"):
            PValue(value=value)
    with pytest.raises(InvalidValue, match="not both"):
        PValue(value=0.5, why_undefined="none")

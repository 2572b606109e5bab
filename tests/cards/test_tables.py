"""Numbers as they are read, and tables as text."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carina.cards import Cell, Table, number, plain, size
from carina.cards.tables import duration, estimated, pointer
from carina.core import Estimate


def test_an_estimate_is_read_with_its_interval() -> None:
    assert number(Estimate(value=0.8421, low=0.829, high=0.855)) == "0.842 [0.829, 0.855]"
    assert number(Estimate(value=0.5)) == "0.500"
    assert number(Estimate.undefined("no positive image")) == "undefined (no positive image)"


def test_nothing_is_never_negative() -> None:
    assert number(Estimate(value=-1e-9, low=-1e-4, high=0.0)) == "0.000 [0.000, 0.000]"
    assert number(Estimate(value=-0.0014)) == "-0.001"


@given(st.integers(0, 10**14))
def test_a_size_is_near_what_it_says(count: int) -> None:
    amount, unit = size(count).split()
    scale = 1000 ** ("B", "kB", "MB", "GB", "TB").index(unit)

    assert math.isclose(float(amount) * scale, count, abs_tol=0.0501 * scale)
    assert float(amount) < 1000
    assert float(amount) >= 1 or unit == "B"


@pytest.mark.parametrize(
    ("seconds", "read"), [(0.0, "0.00"), (0.004, "under 0.01"), (1.749, "1.75"), (340.2, "340")]
)
def test_seconds_are_read_in_as_many_figures_as_matter(seconds: float, read: str) -> None:
    assert duration(seconds) == read


def test_a_pointer_escapes_what_would_part_it() -> None:
    assert pointer("scores", 0, "a/b~c") == "/scores/0/a~1b~0c"


def test_each_reason_has_one_mark_in_the_order_met() -> None:
    cells = [estimated(Estimate.undefined(why)) for why in ("late", "never", "late")]
    table = Table(caption="", header=("x",), rows=tuple((cell,) for cell in cells))

    assert table.reasons == {"late": "a", "never": "b"}


def test_marks_do_not_run_out() -> None:
    rows = tuple((Cell(text="undefined", undefined=f"why {n}"),) for n in range(30))
    marks = list(Table(caption="", header=("x",), rows=rows).reasons.values())

    assert marks[25:28] == ["z", "aa", "ab"]
    assert len(set(marks)) == 30


def test_text_tells_a_reason_once_in_a_column() -> None:
    why = estimated(Estimate.undefined("no prompt"))
    good = estimated(Estimate(value=0.5))
    table = Table(caption="", header=("a", "b"), rows=((why, good), (why, why), (good, why)))

    assert plain(table) == (
        ["a", "b"],
        [
            ["undefined: no prompt", "0.500"],
            ["undefined, as above", "undefined: no prompt"],
            ["0.500", "undefined, as above"],
        ],
    )

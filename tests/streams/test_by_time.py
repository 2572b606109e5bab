"""Temporal: periods in order of the day, and films without a date are counted."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carina.core import ConfigError, InvalidValue
from carina.streams import ByTime, Ground, Labelled, StreamPlan, lay_out
from carina.streams.by_time import day_of

Draw = Callable[[int], tuple[Labelled, Ground]]


def days(ground: Ground, rows: np.ndarray) -> list[int]:
    return [day_of(ground.dates[row]) or 0 for row in rows]


@given(day=st.dates(min_value=dt.date(1, 1, 1)), mark=st.sampled_from(["-", "", "/", "."]))
def test_a_day_is_read_as_sources_write_it(day: dt.date, mark: str) -> None:
    cell = f"{day.year:04}{mark}{day.month:02}{mark}{day.day:02}"

    assert day_of(cell) == day_of(f"{cell}T10:15") == day.toordinal()


@pytest.mark.parametrize("cell", ["", "2019", "07/01/2019", "2019-0701", "20191301", "x20190701"])
def test_what_is_no_day_is_none(cell: str) -> None:
    assert day_of(cell) is None


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("plan", [ByTime(parts=3), ByTime(cuts=("2001-01-01", "2002-01-01"))])
def test_periods_follow_each_other_and_hold_every_dated_film(
    drawn: Draw, seed: int, plan: ByTime
) -> None:
    _, ground = drawn(seed)
    stream = lay_out(plan, ground)
    dated = [row for row in ground.rows if day_of(ground.dates[row])]
    lost = len(ground.rows) - len(dated)
    last = 0
    for experience in stream.experiences:
        here = days(ground, experience.rows)
        assert last < min(here)
        last = max(here)
        assert experience.visible == ground.space.names

    assert lost
    assert sorted(np.concatenate([one.rows for one in stream.experiences])) == dated
    assert f"{lost} film(s) without a date are left out" in stream.experiences[0].marks


@pytest.mark.parametrize("seed", range(8))
def test_validation_is_cut_at_the_same_days(drawn: Draw, seed: int) -> None:
    _, ground = drawn(seed)
    experiences = lay_out(ByTime(parts=3), ground).experiences
    starts = [min(days(ground, one.rows)) for one in experiences]

    for place, one in enumerate(experiences):
        for day in days(ground, one.validation):
            assert place == 0 or day >= starts[place]
            assert place == 2 or day < starts[place + 1]


def test_who_comes_back_is_told(drawn: Draw) -> None:
    _, ground = drawn(0)
    first, *others = lay_out(ByTime(parts=3), ground).experiences
    own = set(ground.patients[first.rows])
    back = own & {code for one in others for code in ground.patients[one.rows]}

    assert back
    assert f"{len(back)} patient(s) also in other parts" in first.marks


def test_no_period_is_named_by_a_day(drawn: Draw, every: StreamPlan) -> None:
    _, ground = drawn(0)

    for experience in lay_out(every, ground).experiences:
        assert "200" not in experience.name
        assert not any(day in " ".join(experience.marks) for day in ground.dates if day)


def test_without_dates_it_is_refused_with_the_next_step(drawn: Draw) -> None:
    _, ground = drawn(0)
    vague = replace(ground, dates=tuple("spring" for _ in ground.dates))

    for one in (vague, replace(ground, dates=())):
        with pytest.raises(InvalidValue, match=r"^None of \d+ films has a date .*ByData"):
            lay_out(ByTime(), one)


def test_more_periods_than_days_and_empty_ones_are_refused(drawn: Draw) -> None:
    _, ground = drawn(0)
    one_day = replace(ground, dates=tuple("2001-05-05" for _ in ground.dates))

    with pytest.raises(InvalidValue, match=r"Films of 1 day\(s\) cannot fill 4 periods"):
        lay_out(ByTime(), one_day)
    with pytest.raises(InvalidValue, match="Period 2 of 2 has no film"):
        lay_out(ByTime(cuts=("2030-01-01",)), ground)


@pytest.mark.parametrize("cuts", [("spring",), ("2001-01-01", "2001-01-01"), ("2002", "2001")])
def test_cuts_that_are_no_days_in_order_are_refused(cuts: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="each after the one before"):
        ByTime(cuts=cuts)
    with pytest.raises(ConfigError, match="2 periods or more"):
        ByTime(parts=1)

"""Benchmarks of learning, small: both sides give the same answer; no time is judged."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from carina.streams import Labelled

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks import (
    frozen_or_whole,
    retune_epoch,
    retune_stream,
    ridge_stream,
    startup,
    update_cost,
)
from benchmarks.measured import Benchmark, Measured, Quantity, show
from tests.benchmarks.reached import small

REACHES: dict[Benchmark, dict[str, float | None]] = {
    startup.measured: {"startup": 1.0, "startup beside": None},
    retune_epoch.measured: {
        "retune_epoch": 1.1,
        "retune_epoch, bfloat16": 0.75 if retune_epoch.fast_bfloat16() else None,
        "retune_epoch beside": None,
    },
    retune_stream.measured: {"retune_stream": 2.0},
    ridge_stream.measured: {"ridge_stream, apart": 1.2, "ridge_stream, wide": 1.2},
    update_cost.measured: {
        "update_cost, Ridge": 1.05,
        "update_cost, Ridge, kept": 1.0,
        "update_cost, RETune": 1.05,
        "update_cost, RETune, kept": 1.0,
    },
    frozen_or_whole.measured: {
        "frozen_or_whole, seconds": None,
        "frozen_or_whole, peak memory": None,
        "frozen_or_whole, sent": None,
        "frozen_or_whole, carried": None,
    },
}


def said(benchmark: Benchmark) -> list[Measured]:
    """What a small one finds."""
    return list(benchmark(small=True, data=None))


@pytest.mark.parametrize("benchmark", REACHES, ids=lambda one: one.__module__.split(".")[-1])
def test_both_sides_of_it_give_the_same_answer_and_it_says_what_is_wanted(
    benchmark: Benchmark,
) -> None:
    for one in small(benchmark, REACHES[benchmark]):
        assert one.met in (None, one.ratio <= (one.reach or 0))


def test_heads_that_differ_by_a_millionth_are_told_no_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pooled = ridge_stream.pooled

    def moved(labelled: Labelled) -> dict[str, tuple[float, np.ndarray]]:
        found = pooled(labelled)
        return {name: (penalty, weight + 1e-6) for name, (penalty, weight) in found.items()}

    monkeypatch.setattr(ridge_stream, "pooled", moved)
    with pytest.raises(AssertionError, match="weights differ"):
        said(ridge_stream.measured)


def told(
    *words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> list[str]:
    """Lines of a benchmark's own command line."""

    def found(*, small: bool, data: Path | None) -> Iterator[Measured]:
        yield Measured(
            name="nothing",
            quantity=Quantity.BYTES,
            ours=3.0,
            reference=2.0,
            against="less of it",
            reach=1.2,
            sizes={"films": 1 if small else 2, "data": str(data)},
        )

    monkeypatch.setattr(sys, "argv", ["nothing.py", *words])
    show(found, about="Nothing.")
    return capsys.readouterr().out.splitlines()


def test_json_says_all_that_a_reader_of_figures_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--json", "--small", "--data", "here")
    (line,) = told(*words, monkeypatch=monkeypatch, capsys=capsys)
    plain = json.loads(line)

    wanted = ("name", "ours", "reference", "ratio", "reach", "met", "sizes", "threads", "versions")
    assert set(wanted) <= set(plain)
    assert (plain["ratio"], plain["met"]) == (1.5, False)
    assert plain["sizes"] == {"films": 1, "data": "here"}
    assert plain["threads"] >= 1
    assert {"python", "carina", "torch", "numpy"} <= set(plain["versions"])


def test_a_person_is_told_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = told(monkeypatch=monkeypatch, capsys=capsys)

    assert line == "nothing: 3 B against 2 B (less of it): ratio 1.500, at most 1.2 wanted"

"""Benchmarks of statistics, the store, memory and pre-training, small: the same answers; no time is judged."""

import sys
from pathlib import Path

import pytest

from carina.features import FeatureTable

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks import (
    adaptor_epoch,
    bench,
    encode_resume,
    memory,
    patient_bootstrap,
    store_gather,
)
from benchmarks.measured import Benchmark
from tests.benchmarks.reached import small

REACHES: dict[Benchmark, dict[str, float | None]] = {
    patient_bootstrap.measured: {"patient_bootstrap": 0.01},
    encode_resume.measured: {"encode_resume": 0.005, "encode_resume beside": None},
    store_gather.measured: {
        "store_gather, segments of 1,024": 1.5,
        "store_gather, segments of 1,024 beside": None,
        "store_gather, one segment": 1.5,
        "store_gather, one segment beside": None,
    },
    memory.measured: {
        "memory, encode, 2 times": 1.1,
        "memory, ridge by steps, 2 times": 1.1,
        "memory, RE-tune by steps, 2 times": 1.1,
        "memory, RE-tune at once, on disk, 2 times": 1.1,
        "memory, RE-tune at once, in memory": 1.1,
    },
    adaptor_epoch.measured: {"adaptor_epoch": 1.05, "adaptor_epoch, without the dead part": 0.75},
}


@pytest.mark.parametrize("benchmark", REACHES, ids=lambda one: one.__module__.split(".")[-1])
def test_both_sides_of_it_give_the_same_answer_and_it_says_what_is_wanted(
    benchmark: Benchmark,
) -> None:
    assert small(benchmark, REACHES[benchmark])


def test_rows_that_are_others_are_told_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    pooled = FeatureTable.pooled
    monkeypatch.setattr(FeatureTable, "pooled", lambda table, rows: pooled(table, rows) + 1e-3)

    with pytest.raises(AssertionError, match="rows differ"):
        list(store_gather.measured(small=True, data=None))


def test_every_benchmark_that_is_run_together_is_there() -> None:
    folder = Path(bench.__file__).parent

    assert all((folder / f"{name}.py").is_file() for name in bench.NAMES)

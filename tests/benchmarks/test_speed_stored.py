"""Benchmarks of statistics, encoding and pre-training, small: the same answers; no time is judged."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks import adaptor_epoch, bench, encode_resume, patient_bootstrap
from benchmarks.measured import Benchmark

REACHES = {
    patient_bootstrap.measured: {"patient_bootstrap": 0.01},
    encode_resume.measured: {"encode_resume": 0.005},
    adaptor_epoch.measured: {"adaptor_epoch": 1.05, "adaptor_epoch, without the dead part": 0.75},
}


@pytest.mark.parametrize("benchmark", REACHES, ids=lambda one: one.__module__.split(".")[-1])
def test_both_sides_of_it_give_the_same_answer_and_it_says_what_is_wanted(
    benchmark: Benchmark,
) -> None:
    found = list(benchmark(small=True, data=None))

    assert {one.name: one.reach for one in found} == REACHES[benchmark]
    assert all(one.ours > 0 and one.reference > 0 for one in found)


def test_every_benchmark_that_is_run_together_is_there() -> None:
    folder = Path(bench.__file__).parent

    assert all((folder / f"{name}.py").is_file() for name in bench.NAMES)

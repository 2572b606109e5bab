"""What a small benchmark of speed must say."""

from collections.abc import Mapping

from benchmarks.measured import Benchmark, Measured


def small(benchmark: Benchmark, reaches: Mapping[str, float | None]) -> list[Measured]:
    """What it finds, once it is seen that it says what is wanted of each case; no time is judged."""
    found = list(benchmark(small=True, data=None))

    assert {one.name: one.reach for one in found} == reaches
    assert all(one.ours > 0 and one.reference > 0 for one in found)
    return found

"""What every benchmark of speed says, and how: ours beside a reference, in the same run.

A benchmark is a file with a function ``measured(*, small, data)`` that yields what it found, and runs
alone: ``python benchmarks/NAME.py``, with ``--json`` for other programs. Only ratios count; the machine
may be slow, shared or noisy, so both sides take turns and their medians are compared.
"""

import json
import platform
import statistics
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import torch

__all__ = ["Benchmark", "Measured", "Quantity", "in_turns", "show"]

VERSIONS = ("carina", "torch", "numpy", "scikit-learn")


class Quantity(StrEnum):
    """What is compared."""

    SECONDS = "seconds"
    CPU_SECONDS = "CPU seconds"
    BYTES = "bytes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Ours beside a reference.

    Attributes:
        name: Of the benchmark, and of the case where it has several.
        quantity: What both figures are.
        ours: Carina's.
        reference: Of the same work done otherwise.
        against: What the reference is, in words.
        reach: The ratio wanted at most; None where the reference only stands beside.
        sizes: Of the work.
        notes: What else was found equal, or is to be known.
    """

    name: str
    quantity: Quantity = Quantity.SECONDS
    ours: float
    reference: float
    against: str
    reach: float | None = None
    sizes: Mapping[str, int | float | str] = field(default_factory=dict)
    notes: Mapping[str, float | str] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """Ours / reference: small is good."""
        return self.ours / self.reference

    @property
    def met(self) -> bool | None:
        """Whether the ratio is within reach; None without one."""
        return None if self.reach is None else self.ratio <= self.reach


class Benchmark(Protocol):
    """A benchmark's function."""

    def __call__(self, *, small: bool, data: Path | None) -> Iterator[Measured]:
        """What was found, case by case.

        Args:
            small: Sizes of a test, on which no time is judged.
            data: Folder that holds nih/, for benchmarks of real films; None draws phantoms.
        """


def in_turns(
    *sides: Callable[[], object],
    repeats: int = 5,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[float, ...]:
    """Median seconds of each side; all take turns, after one go that is not counted.

    Args:
        sides: What is timed.
        repeats: How often each is.
        clock: `time.process_time` where both sides compute in one thread and nothing else, so that
            other work on the machine counts less.
    """
    took: list[list[float]] = [[] for _ in sides]
    for turn in range(repeats + 1):
        for seconds, side in zip(took, sides, strict=True):
            before = clock()
            side()
            if turn:
                seconds.append(clock() - before)
    return tuple(statistics.median(seconds) for seconds in took)


def plain(found: Measured) -> dict[str, Any]:
    """As JSON holds it, with threads and versions."""
    return {
        "name": found.name,
        "quantity": found.quantity,
        "ours": found.ours,
        "reference": found.reference,
        "against": found.against,
        "ratio": found.ratio,
        "reach": found.reach,
        "met": found.met,
        "sizes": dict(found.sizes),
        "notes": dict(found.notes),
        "threads": torch.get_num_threads(),
        "processor": torch.backends.cpu.get_cpu_capability(),
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in VERSIONS},
        },
    }


def show(benchmark: Benchmark, *, about: str | None) -> None:
    """The command line of one benchmark."""
    parser = ArgumentParser(description=about)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--small", action="store_true", help="sizes of a test")
    parser.add_argument("--data", type=Path, help="folder that holds nih/; without it, drawn films")
    given = parser.parse_args()
    for found in benchmark(small=given.small, data=given.data):
        if given.json:
            print(json.dumps(plain(found)), flush=True)
        else:
            wanted = "" if found.reach is None else f", at most {found.reach:g} wanted"
            unit = "B" if found.quantity is Quantity.BYTES else "s"
            print(
                f"{found.name}: {found.ours:.4g} {unit} against {found.reference:.4g} {unit} "
                f"({found.against}): ratio {found.ratio:.3f}{wanted}",
                flush=True,
            )

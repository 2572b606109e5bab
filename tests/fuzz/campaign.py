"""Thousands of damaged files through every reader, each in a child process that may die.

``python tests/fuzz/campaign.py --cases 20000`` runs as many; the seed is printed, and the same seed
gives the same files.
"""

import argparse
import json
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

from tests.fuzz.mutations import damaged  # noqa: E402 - found by the line above
from tests.fuzz.seeds import Seed, seeds  # noqa: E402

PATIENCE = 5.0  # seconds for one file
ROOM = 1 << 30  # bytes for one file


@dataclass
class Tally:
    """What came of the files.

    Attributes:
        outcomes: (form, outcome) to files; an outcome is "read", "refused" or a fault.
        faults: What went wrong, in words, with the number of the case.
        slowest: Seconds of the slowest file.
        largest: Bytes of resident memory the hungriest file took.
        reasons: Beginnings of what refusals said.
    """

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest: float = 0.0
    largest: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


class Reader:
    """A child process that reads; a new one after each that died."""

    def __init__(self) -> None:
        self.process = self._start()

    def ask(self, form: str, path: Path) -> dict[str, object] | str:
        """The child's answer, or what became of it."""
        if self.process.poll() is not None:
            self.process = self._start()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        overdue = Timer(2 * PATIENCE, self.process.kill)
        overdue.start()
        try:
            self.process.stdin.write(json.dumps([form, str(path)]) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        finally:
            overdue.cancel()
        if line:
            found: dict[str, object] = json.loads(line)
            return found
        return "hang" if (code := self.process.wait()) == -9 else f"crash {code}"

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()

    def _start(self) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, str(HERE / "worker.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process


def cases(
    found: tuple[Seed, ...], seed: int, count: int, folder: Path
) -> Iterator[tuple[int, Seed, Path]]:
    """Damaged files on disk, one at a time, the forms in turn."""
    forms = list(dict.fromkeys(one.form for one in found))
    for number in range(count):
        random = np.random.default_rng([seed, number])
        form = forms[number % len(forms)]
        of_form = [one for one in found if one.form == form]
        one = of_form[int(random.integers(len(of_form)))]
        place = folder / str(number)
        place.mkdir()
        for name, data in one.beside.items():
            (place / name).write_bytes(data)
        path = place / one.name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(damaged(one.data, form, random))
        yield number, one, path
        shutil.rmtree(place)


def campaign(seed: int, count: int) -> Tally:
    """What comes of so many damaged files."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as scratch:
        reader = Reader()
        for number, one, path in cases(seeds(), seed, count, Path(scratch)):
            answer = reader.ask(one.form, path)
            if isinstance(answer, str):
                tally.outcomes[one.form, answer] += 1
                tally.faults.append(f"case {number}: {one.form} {one.label}: {answer}")
                continue
            _enter(tally, number, one, answer)
        reader.close()
    return tally


def _enter(tally: Tally, number: int, one: Seed, answer: dict[str, object]) -> None:
    outcome, said = str(answer["outcome"]), str(answer["said"])
    seconds, peak = float(str(answer["seconds"])), int(str(answer["peak"]))
    tally.outcomes[one.form, outcome] += 1
    tally.slowest, tally.largest = max(tally.slowest, seconds), max(tally.largest, peak)
    if outcome == "refused":
        tally.reasons[said.split(":")[0].split(".")[0][:60]] += 1
    where = f"case {number}: {one.form} {one.label}: "
    if outcome not in ("read", "refused"):
        tally.faults.append(f"{where}{outcome} came out: {said}")
    if outcome == "refused" and not said:
        tally.faults.append(f"{where}refused without a reason")
    if seconds > PATIENCE:
        tally.faults.append(f"{where}took {seconds:.1f} s")
    if peak > ROOM:
        tally.faults.append(f"{where}took {peak >> 20} MiB")
    if any(secret in said for secret in one.secrets):
        tally.faults.append(f"{where}the reason names a patient")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--cases", type=int, default=2000)
    asked.add_argument("--seed", type=int, default=None)
    given = asked.parse_args()
    seed = secrets.randbelow(2**32) if given.seed is None else given.seed
    sys.stdout.write(f"seed {seed}, {given.cases} cases\n")
    began = time.monotonic()
    tally = campaign(seed, given.cases)
    for (form, outcome), files in sorted(tally.outcomes.items()):
        sys.stdout.write(f"{form:6} {outcome:10} {files}\n")
    sys.stdout.write(
        f"slowest {tally.slowest:.2f} s, most memory {tally.largest >> 20} MiB, "
        f"{time.monotonic() - began:.0f} s in all, {len(tally.faults)} fault(s)\n"
    )
    for fault in tally.faults:
        sys.stdout.write(fault + "\n")
    sys.exit(1 if tally.faults else 0)


if __name__ == "__main__":
    main()

"""What a kill leaves of a run, and that the next go ends as if there had been none. POSIX only."""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from carina.core import PARTIAL, digest_bytes, generator

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only: signals and fork")

_KILLS = 8
_LINGER = 0.003
_TOOK = ("seconds", "peak_memory_bytes")


@dataclass(frozen=True)
class Victim:
    """A process whose children run a recipe and can be killed."""

    process: "subprocess.Popen[str]"

    def start(self, out: Path) -> int:
        return self._answer(json.dumps({"out": str(out), "linger": _LINGER}))

    def ended(self) -> int:
        return self._answer("")

    def run(self, out: Path) -> int:
        self.start(out)
        return self.ended()

    def _answer(self, line: str) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@pytest.fixture(scope="module")
def victim(hospital: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    script = Path(__file__).with_name("run_victim.py")
    store = tmp_path_factory.mktemp("victim") / "store"
    with subprocess.Popen(
        [sys.executable, str(script), str(hospital), str(store)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    ) as process:
        yield Victim(process=process)
        assert process.stdin is not None
        process.stdin.close()


def left(out: Path) -> dict[str, object]:
    """Every file below a folder of runs by its place; of what something took only that it did."""
    return {
        str(path.relative_to(out)): _timeless(json.loads(path.read_text()))
        if path.name == "results.json"
        else digest_bytes(path.read_bytes())
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


def _timeless(plain: object) -> object:
    if isinstance(plain, dict):
        return {key: _timeless(value) for key, value in plain.items() if key not in _TOOK}
    return [_timeless(item) for item in plain] if isinstance(plain, list) else plain


def test_eight_kills_at_random_moments_end_in_the_same_run(victim: Victim, tmp_path: Path) -> None:
    seed = secrets.randbelow(2**32)
    sys.stdout.write(f"seed of the moments: {seed}\n")
    moments = generator(seed, "kills")
    assert victim.run(tmp_path / "warm") == 0
    began = time.monotonic()
    assert victim.run(tmp_path / "undisturbed") == 0
    whole = time.monotonic() - began
    wanted = left(tmp_path / "undisturbed")
    assert left(tmp_path / "warm") == wanted

    kills, survived = 0, 0
    while kills < _KILLS:
        # Several kills fall on one run, until it is done in spite of them.
        out = tmp_path / f"runs-{survived}"
        child = victim.start(out)
        time.sleep(moments.uniform(0, 0.6 * whole))
        os.kill(child, signal.SIGKILL)
        code = victim.ended()
        if code == 0:  # it had ended before: what several kills left is whole
            assert left(out) == wanted
            survived += 1
            continue
        assert code == -signal.SIGKILL
        kills += 1
        # A run is seen by others when it is whole, or not at all.
        if any(PARTIAL not in str(file) for file in out.glob("*/results.json")):
            assert wanted.items() <= left(out).items()
    out = tmp_path / f"runs-{survived}"
    assert victim.run(out) == 0
    assert left(out) == wanted

"""`carina --help` as a process of its own, against 0.3 seconds, and beside a Python that does nothing.

Nobody waits for torch, numpy or a model library to read a list of verbs: it is also looked whether any
of them was imported.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measured import Measured, in_turns, show

WANTED = 0.3  # seconds
HEAVY = ("torch", "transformers", "numpy", "matplotlib", "polars", "pyarrow", "pydicom", "scipy")
IMPORTED = (
    "import sys\n"
    "from carina.cli import main\n"
    "try: main(['--help'])\n"
    "except SystemExit: pass\n"
    f"print(*(name for name in {HEAVY} if name in sys.modules), file=sys.stderr)\n"
)


def measured(*, small: bool, data: Path | None) -> Iterator[Measured]:  # noqa: ARG001
    """Help, against what is wanted and beside a bare Python."""
    imported = _ran("-c", IMPORTED).stderr.split()
    assert not imported, f"carina --help imported {', '.join(imported)}"
    assert "Usage: carina" in _ran("-m", "carina", "--help").stdout
    ours, bare = in_turns(
        lambda: _ran("-m", "carina", "--help"),
        lambda: _ran("-c", "pass"),
        repeats=1 if small else 15,
    )
    notes = {"of": ", ".join(HEAVY), "imported": "none"}
    yield Measured(
        name="startup",
        ours=ours,
        reference=WANTED,
        against="0.3 s",
        reach=1.0,
        notes=notes,
    )
    yield Measured(name="startup beside", ours=ours, reference=bare, against="python -c pass")


def _ran(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], check=True, capture_output=True, text=True)


if __name__ == "__main__":
    show(measured, about=__doc__)

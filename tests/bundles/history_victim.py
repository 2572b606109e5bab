"""Changes a reader in child processes, each killed at another of its file operations.

The reader and its history lie in ``start``; a child works on a copy named by the number of the
operation it dies before, and by whether two folders can change places on its system. A line tells
the copy's name and the child's exit code.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from carina.bundles import Updated, commit, open_history, read_bundle, read_state
from carina.bundles.history import changing
from carina.core import exchange, writing

_OPERATIONS = ("rename", "replace", "unlink", "rmdir", "mkdir", "fsync")


def die_before(number: int, *, exchanging: bool) -> None:
    """Let this process be killed just before its file operation of a number."""
    left = [number]

    def counted(operation: Callable[..., Any]) -> Callable[..., Any]:
        def around(*words: Any, **options: Any) -> Any:
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            return operation(*words, **options)

        return around

    for name in _OPERATIONS:
        setattr(os, name, counted(getattr(os, name)))
    swap = counted(exchange) if exchanging else lambda *_: False
    for module in (changing, writing):
        module.exchange = swap  # type: ignore[attr-defined]


def change(bundle: Path, fresh: Path) -> None:
    """Put version 2, whose files are given, in service."""
    with open_history(bundle) as history:
        state = read_state(fresh)
        assert state is not None
        digests = history.stage_version(2, read_bundle(fresh), state, taught=None)
        (history.staged / "updates" / "001").mkdir(parents=True)
        (history.staged / "updates" / "001" / "dossier.md").write_text("said")
        event = Updated(
            update=1,
            outcome="passed",
            parent=1,
            version=2,
            digests=digests,
            data="data",
            films=20,
            patients=12,
            dossier="dossier",
        )
        commit(history, event, serve=2)


def kill_all(work: Path, *, exchanging: bool) -> None:
    """One child after the other, until one comes to its end."""
    ended, number = -1, 0
    while ended:
        here = work / f"{'swap' if exchanging else 'rename'}-{number}"
        shutil.copytree(work / "start", here)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                die_before(number, exchanging=exchanging)
                change(here / "reader", work / "fresh")
                code = 0
            finally:  # never back into the parent's loop
                os._exit(code)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if ended > 0:
            sys.exit(f"a child failed by itself in {here.name}")
        sys.stdout.write(f"{here.name} {ended}\n")
        number += 1


if __name__ == "__main__":
    for can in (True, False):
        kill_all(Path(sys.argv[1]), exchanging=can)

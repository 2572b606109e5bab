"""A folder's lock is one holder's, and goes with its process. POSIX only."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from carina.core import lock_folder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only: folders are locked")
_HOLD = """
import sys
from pathlib import Path
from carina.core import lock_folder
print(lock_folder(Path(sys.argv[1]), wait=True) is not None, flush=True)
sys.stdin.read()
"""


def test_a_second_holder_is_told_and_the_lock_ends_when_closed(tmp_path: Path) -> None:
    first = lock_folder(tmp_path, wait=False)
    assert first is not None
    assert lock_folder(tmp_path, wait=False) is None
    os.close(first)
    again = lock_folder(tmp_path, wait=False)
    assert again is not None
    os.close(again)

    assert not list(tmp_path.iterdir())


def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        assert lock_folder(tmp_path, wait=False) is None
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        lock = lock_folder(tmp_path, wait=False)

    assert lock is not None
    os.close(lock)


def test_a_folder_that_is_gone_cannot_be_locked(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        lock_folder(tmp_path / "gone", wait=False)

"""A kill while an update is put down leaves the old reader or the new one. POSIX only."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from carina.bundles import digest_of_files, history_folder, open_history
from carina.studies import Manifest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only: signals and fork")


def test_a_kill_at_any_change_of_a_name_leaves_the_old_reader_or_the_new_one(
    reader: Path, drawn: Callable[..., Manifest]
) -> None:
    drawn("new", range(300, 400))
    old = digest_of_files(reader)
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("update_victim.py"), reader.parent],
        capture_output=True,
        text=True,
        check=True,
    )
    new = digest_of_files(reader)
    ended = dict(line.split() for line in done.stdout.splitlines())
    before, found = set(), set()
    for number in ended:
        killed = reader.parent / number / "reader"
        before.add(digest_of_files(killed))
        with open_history(killed) as history:
            history.check_serving()
            found.add(history.lineage.serving)
            if history.lineage.serving == 2:
                history.dossier(1)
                history.version(2)
        assert digest_of_files(killed) == {1: old, 2: new}[history.lineage.serving]
        assert not history.staged.exists()
        assert not (history_folder(killed) / "change.json").exists()

    assert before == {old, new}
    assert found == {1, 2}
    assert list(ended.values()) == ["-9"] * (len(ended) - 1) + ["0"]
    assert len(ended) > 15

"""Two names change places at once, or nothing happens."""

import ctypes
import sys
from pathlib import Path

import pytest

from carina.core import exchange

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no such call there")


def test_two_folders_change_places(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"of-{name}").touch()

    assert exchange(tmp_path / "one", tmp_path / "other")
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["of-other"]
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["of-one"]


def test_a_name_that_is_missing_is_told(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()

    with pytest.raises(FileNotFoundError):
        exchange(tmp_path / "one", tmp_path / "other")


def test_a_system_without_such_a_call_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Bare:
        """A library without the call."""

    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: Bare())

    assert not exchange(tmp_path, tmp_path)

"""Writing is whole or not there."""

import os
import sys
from pathlib import Path

import pytest

from carina.core import PARTIAL, partial_folder, partial_path, write_bytes, write_text


def names(folder: Path) -> list[str]:
    """What lies in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_put_in_place_with_its_folders(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b.txt", "é\n")

    assert (tmp_path / "a" / "b.txt").read_bytes() == b"\xc3\xa9\n"
    assert names(tmp_path / "a") == ["b.txt"]


def test_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "b"
    write_bytes(path, b"old and long")
    write_bytes(path, b"new")

    assert path.read_bytes() == b"new"


@pytest.mark.parametrize(("owner", "call"), [(os, "fsync"), (Path, "replace")])
def test_a_failing_write_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: object, call: str
) -> None:
    path = tmp_path / "b"
    write_bytes(path, b"old")

    def fail(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(owner, call, fail)
    with pytest.raises(OSError, match="No space"):
        write_bytes(path, b"new")

    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["b"]


def test_two_writers_never_share_a_partial_name(tmp_path: Path) -> None:
    one, other = partial_path(tmp_path / "b"), partial_path(tmp_path / "b")

    assert one != other
    assert one.parent == tmp_path
    assert one.name.startswith(PARTIAL)
    assert one.name.endswith("-b")


def test_a_folder_takes_its_name_when_the_block_ends_well(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "run"
    with partial_folder(target) as folder:
        (folder / "inside").write_text("1", encoding="utf-8")
        assert not target.exists()

    assert names(target) == ["inside"]
    assert names(tmp_path / "deep") == ["run"]


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    for name in ("old", "new"):
        with partial_folder(tmp_path / "run") as folder:
            (folder / name).touch()

    assert names(tmp_path / "run") == ["new"]
    assert names(tmp_path) == ["run"]


def test_a_fault_leaves_the_old_folder_and_nothing_beside_it(tmp_path: Path) -> None:
    with partial_folder(tmp_path / "run") as folder:
        (folder / "old").touch()

    def fill() -> None:
        with partial_folder(tmp_path / "run") as folder:
            (folder / "new").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill()

    assert names(tmp_path / "run") == ["old"]
    assert names(tmp_path) == ["run"]


def test_a_folder_that_cannot_take_its_name_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with partial_folder(tmp_path / "run") as folder:
        (folder / "old").touch()
    monkeypatch.setattr("carina.core.writing.exchange", lambda *_: False)
    rename = Path.rename

    def fail_for_the_new(self: Path, target: Path) -> Path:
        if (self / "new").exists():
            raise OSError("No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_for_the_new)
    with (
        pytest.raises(OSError, match="No space"),
        partial_folder(tmp_path / "run") as folder,
    ):
        (folder / "new").touch()

    assert names(tmp_path / "run") == ["old"]
    assert names(tmp_path) == ["run"]


def test_a_folder_is_replaced_where_names_cannot_change_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("carina.core.writing.exchange", lambda *_: False)
    for name in ("old", "new"):
        with partial_folder(tmp_path / "run") as folder:
            (folder / name).touch()

    assert names(tmp_path / "run") == ["new"]
    assert names(tmp_path) == ["run"]


@pytest.mark.skipif(sys.platform == "win32", reason="no such call there")
def test_a_folder_that_is_replaced_is_never_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("old", "new"):
        with partial_folder(tmp_path / "run") as folder:
            (folder / name).touch()
            if name == "new":  # no rename is left in which the name stands for nothing
                monkeypatch.setattr(Path, "rename", None)

    assert names(tmp_path / "run") == ["new"]

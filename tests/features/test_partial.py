"""Folders that appear whole."""

import os
import time
from pathlib import Path

import pytest

from carina.core import PARTIAL
from carina.features.partial import claimed_folder, prune, publish


def test_a_published_folder_has_everything_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    final = tmp_path / "final"
    with claimed_folder(final) as partial:
        (partial / "a").write_text("whole")
        assert not final.exists()
        assert publish(partial, final)

    assert [path.name for path in tmp_path.iterdir()] == ["final"]
    assert (final / "a").read_text() == "whole"


def test_who_comes_second_leaves_the_first_as_it_is(tmp_path: Path) -> None:
    final = tmp_path / "final"
    for text in ("first", "second"):
        with claimed_folder(final) as partial:
            (partial / "a").write_text(text)
            assert publish(partial, final) is (text == "first")

    assert (final / "a").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["final"]


def test_a_fault_while_filling_leaves_nothing(tmp_path: Path) -> None:
    def fill_half() -> None:
        with claimed_folder(tmp_path / "final") as partial:
            (partial / "a").write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fill_half()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="POSIX only: locks on folders")
def test_what_a_dead_writer_left_is_pruned_at_once_and_what_a_living_one_fills_is_not(
    tmp_path: Path,
) -> None:
    dead = tmp_path / f"{PARTIAL}dead"
    dead.mkdir()
    (dead / "a").write_text("half")
    with claimed_folder(tmp_path / "final") as living:
        long_ago = time.time() - 1e6
        os.utime(living, (long_ago, long_ago))

        assert prune(tmp_path, older_than=3600.0) == 1
        assert living.is_dir()
        assert not dead.exists()


def test_a_partial_file_is_pruned_when_it_is_old(tmp_path: Path) -> None:
    young, old = tmp_path / f"{PARTIAL}young", tmp_path / f"{PARTIAL}old"
    for path in (young, old):
        path.write_text("half")
    os.utime(old, (1.6e9, 1.6e9))

    assert prune(tmp_path, older_than=3600.0) == 1
    assert list(tmp_path.iterdir()) == [young]

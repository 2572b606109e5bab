"""Folders that appear whole: filled under a partial name, flushed, then renamed.

A writer holds a lock on its partial folder for as long as it lives, so what a killed writer left
is told at once from what a living one is filling.
"""

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from carina.core import PARTIAL, UnreadableFile, lock_folder, partial_path

__all__ = ["claimed_folder", "prune", "publish", "remove", "telling_what_is_full"]

if sys.platform == "win32":

    def _flush_folder(folder: Path) -> None:
        """Nothing: renames are flushed by the file system."""

else:

    def _flush_folder(folder: Path) -> None:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def claimed_folder(final: Path) -> Iterator[Path]:
    """A partial folder beside the final one, which nobody prunes while the block runs.

    Whatever of it was not published by the end of the block is removed.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    while True:
        folder = partial_path(final)
        folder.mkdir()
        lock = None
        with suppress(OSError):  # where folders cannot be locked, age protects them
            lock = lock_folder(folder, wait=True)
        if folder.exists():
            break
        if lock is not None:  # pruned before it could be locked: take another
            os.close(lock)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def publish(folder: Path, final: Path) -> bool:
    """Flush a claimed folder and give it its final name; False where somebody was first."""
    for path in folder.iterdir():
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    _flush_folder(folder)
    try:
        folder.rename(final)
    except OSError:
        if final.is_dir():
            return False
        raise
    _flush_folder(final.parent)
    return True


def remove(folder: Path) -> None:
    """Take a finished folder away: first its name, at once, then what is in it."""
    gone = partial_path(folder)
    folder.rename(gone)
    _flush_folder(folder.parent)
    shutil.rmtree(gone)


def prune(parent: Path, *, older_than: float) -> int:
    """Remove what killed writers left in a folder, and say how many pieces that was.

    Args:
        parent: Where partial names may stand.
        older_than: Seconds; asked only of what carries no lock: single files, and folders where
            the file system knows no locks.
    """
    pruned = 0
    for path in sorted(parent.glob(f"{PARTIAL}*")):
        lock = None
        try:
            aged = time.time() - path.stat().st_mtime > older_than
            if path.is_dir():
                try:
                    lock = lock_folder(path, wait=False)
                    abandoned = lock is not None
                except OSError:
                    abandoned = aged
                if abandoned:
                    shutil.rmtree(path)
                    pruned += 1
            elif aged:
                path.unlink()
                pruned += 1
        except FileNotFoundError:
            continue  # somebody else pruned it, or it took its final name
        finally:
            if lock is not None:
                os.close(lock)
    return pruned


@contextmanager
def telling_what_is_full() -> Iterator[None]:
    """Turn a full disk, a quota or a missing right into one line with the next step."""
    try:
        yield
    except UnreadableFile:
        raise
    except OSError as error:
        raise UnreadableFile(
            f"The store cannot be written: {error.strerror or type(error).__name__}. What is "
            "encoded so far is kept; make room or mend the folder's rights and give the same "
            "command again."
        ) from None

"""One process at a time in the folder of an unfinished run."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from carina.core import PARTIAL, UnreadableFile, lock_folder

__all__ = ["alone_in", "tidy"]


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold a folder, made where it is not there, against other processes while the block runs.

    The lock goes with its process, killed or not. Where a file system knows no locks, and on
    Windows, none is held.

    Raises:
        UnreadableFile: where another holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        lock = lock_folder(folder, wait=False)
    except OSError:
        yield
        return
    if lock is None:
        raise UnreadableFile(
            "Another process is running this recipe here. Wait for it and give the same command "
            "again, or name another --out."
        )
    try:
        yield
    finally:
        os.close(lock)


def tidy(out: Path, name: str) -> None:
    """Remove what an attempt, and killed ones before it, needed beside the run that is whole."""
    for path in (out / f"{name}.unfinished", *out.glob(f"{PARTIAL}*-{name}")):
        shutil.rmtree(path, ignore_errors=True)

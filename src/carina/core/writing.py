"""Writing that is whole or not there: to a partial name, flushed, then renamed."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from carina.core.exchanging import exchange

__all__ = ["PARTIAL", "partial_folder", "partial_path", "write_bytes", "write_text"]

PARTIAL = ".partial-"
"""What the name of everything unfinished begins with."""


def partial_path(path: Path) -> Path:
    """A name beside the final one that no other writer has."""
    return path.with_name(f"{PARTIAL}{uuid4().hex}-{path.name}")


def write_bytes(path: Path, data: bytes) -> None:
    """Put a file in place at once; a kill leaves the old one, or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = partial_path(path)
    try:
        with partial.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """As `write_bytes`, UTF-8, with plain line ends."""
    write_bytes(path, text.encode())


@contextmanager
def partial_folder(path: Path) -> Iterator[Path]:
    """A folder to fill, which takes its final name when the block ends well.

    An existing folder of that name is replaced; a fault leaves it as it was. Where the system can
    let two names change places, so does a kill at any moment.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = partial_path(path)
    partial.mkdir()
    try:
        yield partial
        if path.exists() and exchange(partial, path):
            shutil.rmtree(partial)
        elif path.exists():
            old = partial_path(path)
            path.rename(old)
            try:
                partial.rename(path)
            except BaseException:
                old.rename(path)
                raise
            shutil.rmtree(old)
        else:
            partial.rename(path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise

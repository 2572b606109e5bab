"""A history is begun beside its bundle, and held by one process at a time."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from carina.bundles.bundle import Bundle, UpdateState
from carina.bundles.files import copy_bundle, write_bundle
from carina.bundles.history.changing import decided, finish
from carina.bundles.history.history import History
from carina.bundles.history.layout import (
    BUNDLE,
    HOME,
    LINEAGE,
    PAGE,
    SALT,
    STAGED,
    TAUGHT,
    digests_of,
    history_folder,
    read_lineage,
    version_folder,
)
from carina.bundles.history.lineage import Began, Lineage
from carina.bundles.history.page import history_page
from carina.bundles.history.taught import Taught, write_taught
from carina.core import (
    PARTIAL,
    InvalidValue,
    Mismatch,
    MissingFile,
    UnreadableFile,
    lock_folder,
    partial_folder,
    read_json,
    write_json,
    write_text,
)

__all__ = ["begin_history", "check_no_history", "open_history"]

_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Salted:
    """``history.json``: the form, and random text made once for this history's codes."""

    format: int
    salt: str


def begin_history(
    bundle: Path,
    taught: Taught | None,
    *,
    home: tuple[Bundle, UpdateState] | None = None,
) -> None:
    """Put a history beside a bundle; the bundle is its version 1.

    Args:
        bundle: The bundle's folder.
        taught: What taught it, where that is known; its codes are salted once more.
        home: The same reader and state as they stay here, where less may leave.

    Raises:
        InvalidValue: where a history is there that has seen an update.
        UnreadableFile: where nothing may be written there.
    """
    check_writable(bundle)
    check_no_history(bundle)
    salt, folder = token_hex(16), history_folder(bundle)
    for left in folder.parent.glob(f"{PARTIAL}*-{folder.name}"):  # of a killed beginning
        shutil.rmtree(left)
    with partial_folder(folder) as partial:
        write_json(partial / SALT, Salted(format=_FORMAT, salt=salt))
        first = version_folder(partial, 1)
        copy_bundle(bundle.resolve(), first / BUNDLE)
        if home is not None:
            write_bundle(first / HOME, home[0], state=home[1])
        if taught is not None:
            write_taught(first / TAUGHT, taught.salted(salt))
        lineage = Lineage().grown(
            Began(
                digests=digests_of(first),
                films=None if taught is None else len(set(taught.images.tolist())),
                patients=None if taught is None else len(set(taught.patients.tolist())),
            )
        )
        write_text(partial / LINEAGE, lineage.text)
        write_text(partial / PAGE, history_page(lineage))


def check_no_history(bundle: Path) -> None:
    """Refuse to put another reader in the place of one that was updated in service.

    Raises:
        InvalidValue: where there is a history with more than its beginning.
    """
    folder = history_folder(bundle)
    if folder.exists() and len(read_lineage(folder).entries) > 1:
        raise InvalidValue(
            f"{bundle.name} is a reader in service with a history ({folder.name}). Name another "
            "place for the new bundle, or move both away."
        )


def check_writable(bundle: Path) -> None:
    """Refuse a place where nothing may be written, before any work is done.

    Raises:
        UnreadableFile: saying so.
    """
    parent = bundle.resolve().parent
    if parent.is_dir() and not os.access(parent, os.W_OK | os.X_OK):
        raise UnreadableFile(
            f"The folder that holds {bundle.name} may not be written, and a reader is replaced "
            "there. Mend its rights, or copy bundle and history to another place."
        )


@contextmanager
def open_history(bundle: Path) -> Iterator[History]:
    """The history of a bundle, held against other processes while the block runs.

    What a killed command had decided is brought to its end first; what it had not is cleared away.
    The lineage is verified line by line.

    Raises:
        MissingFile: where there is none.
        UnreadableFile: where it is damaged, may not be written, or another process holds it.
        Mismatch: where it is of another form.
    """
    folder = history_folder(bundle)
    if not folder.is_dir():
        raise MissingFile(
            f"There is no history beside {bundle.name}. carina bundle RUN --out B --updatable "
            "begins one, and so does the first carina update."
        )
    check_writable(bundle)
    with _held(folder):
        saved = read_json(folder / SALT, Salted)
        if saved.format != _FORMAT:
            raise Mismatch(
                f"This history is of form {saved.format}; this carina reads {_FORMAT}. Use the "
                "carina it was written with."
            )
        for left in folder.glob(f"{PARTIAL}*"):  # what a killed writer never gave its name
            left.unlink()
        if decided(folder):
            finish(folder, bundle.resolve())
        shutil.rmtree(folder / STAGED, ignore_errors=True)
        yield History(
            bundle=bundle.resolve(),
            folder=folder,
            salt=saved.salt,
            lineage=read_lineage(folder),
        )


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    try:
        lock = lock_folder(folder, wait=False)
    except OSError:  # no locks on this file system
        yield
        return
    if lock is None:
        raise UnreadableFile(
            "Another process is changing this reader. Wait for it and give the same command again."
        )
    try:
        yield
    finally:
        os.close(lock)

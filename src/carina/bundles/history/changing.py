"""A change of a reader and its history: decided in one file, then done, whatever kills the process."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from carina.bundles.files import copy_bundle, digest_of_files
from carina.bundles.history.layout import (
    BUNDLE,
    CHANGE,
    LINEAGE,
    PAGE,
    STAGED,
    UPDATES,
    VERSIONS,
    read_lineage,
    version_folder,
)
from carina.bundles.history.lineage import Lineage
from carina.bundles.history.page import history_page
from carina.core import UnreadableFile, exchange, read_json, write_json, write_text

__all__ = ["Change", "decided", "finish"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """``change.json``: what was decided and is being done; whoever opens the history next ends it.

    Attributes:
        lineage: The whole of it as it will be.
        before: Digest of the lineage as it was.
        serve: The version to put in service, or None where that does not change.
        remove: Versions to take away.
    """

    lineage: str
    before: str
    serve: int | None
    remove: tuple[int, ...]


def decided(history: Path) -> bool:
    """Whether a change was decided and is not done."""
    return (history / CHANGE).is_file()


def finish(history: Path, bundle: Path, change: Change | None = None) -> None:
    """Do every step of a change; done once or again, wholly or from where a kill left it, it ends alike.

    Args:
        history: The history's folder.
        bundle: The bundle's.
        change: To decide and do; None does what was decided before.

    Raises:
        UnreadableFile: where what was decided does not fit the lineage.
    """
    if change is not None:
        write_json(history / CHANGE, change)
    now = read_json(history / CHANGE, Change)
    lineage, staged = Lineage.parsed(now.lineage), history / STAGED
    if read_lineage(history).digest not in {now.before, lineage.digest}:
        raise UnreadableFile(
            "A change that was being made does not fit the lineage: the history is damaged or was "
            "edited. Put the whole folder back from a copy."
        )
    for kind in (VERSIONS, UPDATES):
        for path in sorted((staged / kind).glob("*")):
            target = history / kind / path.name
            target.parent.mkdir(exist_ok=True)
            if target.exists():
                shutil.rmtree(target)
            path.rename(target)
    for number in now.remove:
        shutil.rmtree(version_folder(history, number), ignore_errors=True)
    if now.serve is not None:
        _serve(version_folder(history, now.serve) / BUNDLE, bundle, staged)
    write_text(history / LINEAGE, lineage.text)
    write_text(history / PAGE, history_page(lineage))
    (history / CHANGE).unlink()
    shutil.rmtree(staged, ignore_errors=True)


def _serve(version: Path, bundle: Path, staged: Path) -> None:
    """Put a version's files in the bundle's place; there is a whole bundle there at any moment.

    Where the system cannot let two folders change places, a kill may leave none, and the next
    opening of the history puts it there.
    """
    fresh, old = staged / "service", staged / "before"
    if bundle.is_dir() and digest_of_files(bundle) == digest_of_files(version):
        return
    shutil.rmtree(fresh, ignore_errors=True)
    copy_bundle(version, fresh)
    if not bundle.exists():
        fresh.rename(bundle)
    elif not exchange(fresh, bundle):
        shutil.rmtree(old, ignore_errors=True)
        bundle.rename(old)
        fresh.rename(bundle)

"""Where everything of a history lies, and the digests that tell whether it is as it was written."""

from pathlib import Path

from carina.bundles.files import digest_of_files
from carina.bundles.history.lineage import Digests, Lineage
from carina.core import UnreadableFile, digest_file, fingerprint

__all__ = [
    "BUNDLE",
    "CHANGE",
    "DOSSIER",
    "HOME",
    "LINEAGE",
    "PAGE",
    "SALT",
    "STAGED",
    "TAUGHT",
    "UPDATES",
    "VERSIONS",
    "digests_of",
    "history_folder",
    "read_lineage",
    "update_folder",
    "version_folder",
]

SALT, LINEAGE, PAGE, CHANGE = "history.json", "lineage.jsonl", "history.md", "change.json"
"""Files of a history."""
STAGED, VERSIONS, UPDATES = "staged", "versions", "updates"
"""Its folders."""
BUNDLE, HOME, TAUGHT, DOSSIER = "bundle", "home", "taught.parquet", "dossier.json"
"""What lies in a version's folder, and in an update's."""


def history_folder(bundle: Path) -> Path:
    """Where the history of a bundle lies: beside it."""
    place = bundle.resolve()
    return place.with_name(f"{place.name}.history")


def version_folder(history: Path, number: int) -> Path:
    """Where a version lies."""
    return history / VERSIONS / f"{number:03}"


def digests_of(version: Path) -> Digests:
    """Of a version's folder."""
    files = {
        path.relative_to(version).as_posix(): digest_file(path)
        for path in version.rglob("*")
        if path.is_file()
    }
    return Digests(bundle=digest_of_files(version / BUNDLE), files=fingerprint(files))


def update_folder(history: Path, number: int) -> Path:
    """Where what was put down of an update lies."""
    return history / UPDATES / f"{number:03}"


def read_lineage(folder: Path) -> Lineage:
    """The lineage of a history, verified.

    Raises:
        UnreadableFile: where there is none, or it is not as it was written.
    """
    try:
        return Lineage.parsed((folder / LINEAGE).read_text(encoding="utf-8"))
    except (FileNotFoundError, UnicodeDecodeError):
        raise UnreadableFile(
            f"{folder.name} is no history: there is no {LINEAGE} in it that can be read. Put the "
            "folder back from a copy, or move it away and begin a new one."
        ) from None

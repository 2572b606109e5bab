"""A reader's history on disk, beside its bundle: read verified, changed by one process at a time."""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex

import numpy as np
from jaxtyping import Int

from carina.bundles.files import copy_bundle, digest_of_files, read_bundle, read_state
from carina.bundles.history.lineage import Began, Digests, Event, Lineage, Updated
from carina.bundles.history.page import history_page
from carina.bundles.history.taught import Taught, read_taught, recoded, write_taught
from carina.core import (
    PARTIAL,
    CarinaError,
    InvalidValue,
    Mismatch,
    MissingFile,
    UnreadableFile,
    digest_file,
    exchange,
    fingerprint,
    lock_folder,
    partial_folder,
    read_json,
    write_json,
    write_text,
)

__all__ = [
    "History",
    "begin_history",
    "check_no_history",
    "commit",
    "history_folder",
    "open_history",
]

_FORMAT = 1
_SALT, _LINEAGE, _PAGE, _CHANGE = "history.json", "lineage.jsonl", "history.md", "change.json"
_STAGED, _VERSIONS, _UPDATES = "staged", "versions", "updates"
BUNDLE, TAUGHT, DOSSIER = "bundle", "taught.parquet", "dossier.json"
"""What lies in a version's folder, and in an update's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Salted:
    """``history.json``: the form, and random text made once for this history's codes."""

    format: int
    salt: str


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


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A history as it stands, held against other processes; see `open_history`.

    Attributes:
        bundle: Where the reader in service lies.
        folder: Where the history does.
        salt: Of the codes in it.
        lineage: What became of the reader so far.
        finished: Whether a command that was killed had to be brought to its end first.
    """

    bundle: Path
    folder: Path
    salt: str
    lineage: Lineage
    finished: bool = False

    @property
    def staged(self) -> Path:
        """Where the next change is laid out; what is not in its place by then is cleared away."""
        return self.folder / _STAGED

    def stage_version(self, number: int, taught: Taught | None) -> Path:
        """A place for the bundle of a version to come; what taught it lies beside.

        Args:
            number: The version's.
            taught: Codes are this history's.
        """
        folder = version_folder(self.staged, number)
        if taught is not None:
            write_taught(folder / TAUGHT, taught)
        return folder / BUNDLE

    def stage_update(self, number: int) -> Path:
        """A place for what is put down of an update."""
        return update_folder(self.staged, number)

    def staged_digests(self, number: int) -> Digests:
        """Of a version that is laid out."""
        return digests_of(version_folder(self.staged, number))

    def version(self, number: int) -> Path:
        """Folder of a version, whose files are as they were written.

        Raises:
            InvalidValue: where there is no such version, naming those there are.
            UnreadableFile: where its files are not those that were written.
        """
        kept = self.lineage.versions
        if number not in kept:
            gone = number in self.lineage.parents
            raise InvalidValue(
                (
                    f"Version {number} held a patient who was taken out, and could not be freed of "
                    f"them: it is gone. Kept: {_numbers(kept)}."
                )
                if gone
                else f"There is no version {number}. Kept: {_numbers(kept)}."
            )
        folder = version_folder(self.folder, number)
        if digests_of(folder) != kept[number].digests:
            raise UnreadableFile(
                f"Version {number} in the history is not as it was written: it is damaged or was "
                "edited. Put the folder of the history back from a copy."
            )
        return folder

    def dossier(self, update: int) -> Path:
        """The dossier of an update, in JSON, as it was written.

        Raises:
            UnreadableFile: where it is not.
        """
        path = update_folder(self.folder, update) / DOSSIER
        events = (entry.event for entry in self.lineage.entries)
        written = [e.dossier for e in events if isinstance(e, Updated) and e.update == update]
        if not path.is_file() or digest_file(path) not in written:
            raise UnreadableFile(
                f"The dossier of update {update} is not as it was written: the history is damaged or "
                "was edited. Put its folder back from a copy."
            )
        return path

    def check_serving(self) -> None:
        """Refuse a bundle that is not the version this history has in service.

        Raises:
            MissingFile, Mismatch, UnreadableFile: saying what stands there, and the next step.
        """
        serving, there = self.lineage.serving, self._there()
        back = f"carina rollback {self.bundle.name} --to {serving} puts version {serving} back"
        if there is None:
            raise MissingFile(f"There is no bundle {self.bundle.name}, but its history: {back}.")
        kept = self.lineage.versions
        if there == kept[serving].digests.bundle:
            return
        named = [number for number, one in kept.items() if one.digests.bundle == there]
        if named:
            raise Mismatch(
                f"The bundle is version {named[0]}, and its history has version {serving} in "
                f"service: {back}, or --to {named[0]} puts down what was done."
            )
        self.check_ours()
        raise UnreadableFile(f"{self.bundle.name} is damaged or was edited: {back}.")

    def check_ours(self) -> None:
        """Refuse a whole bundle that is no version of this history; a damaged one may be ours.

        Raises:
            Mismatch: saying so, and the next step.
        """
        there = self._there()
        if there is None or there in {one.digests.bundle for one in self.lineage.versions.values()}:
            return
        try:
            read_bundle(self.bundle)
            read_state(self.bundle)
        except CarinaError:
            return
        raise Mismatch(
            f"The history {self.folder.name} is of another bundle than {self.bundle.name}. Move one "
            "of them away: the first update of a bundle without a history begins one."
        )

    def _there(self) -> str | None:
        return digest_of_files(self.bundle) if self.bundle.is_dir() else None

    def lesson(self, version: int) -> Taught | None:
        """What made a version of the one before; None where that is not known. Codes are ours."""
        path = version_folder(self.folder, version) / TAUGHT
        return read_taught(path) if path.is_file() else None

    def taught(self, version: int) -> tuple[Taught, ...]:
        """What taught a version, lesson by lesson, as far as it is known."""
        lessons = map(self.lesson, self.lineage.descent(version))
        return tuple(lesson for lesson in lessons if lesson is not None)

    def codes(self, codes: Int[np.ndarray, " codes"]) -> Int[np.ndarray, " codes"]:
        """This history's codes of the data's codes of patients, films or cells."""
        return recoded(codes, self.salt)


def history_folder(bundle: Path) -> Path:
    """Where the history of a bundle lies: beside it."""
    place = bundle.resolve()
    return place.with_name(f"{place.name}.history")


def version_folder(history: Path, number: int) -> Path:
    """Where a version lies."""
    return history / _VERSIONS / f"{number:03}"


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
    return history / _UPDATES / f"{number:03}"


def begin_history(bundle: Path, taught: Taught | None) -> None:
    """Put a history beside a bundle; the bundle is its version 1.

    Args:
        bundle: The bundle's folder.
        taught: What taught it, where that is known; its codes are salted once more.

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
        write_json(partial / _SALT, Salted(format=_FORMAT, salt=salt))
        first = version_folder(partial, 1)
        copy_bundle(bundle.resolve(), first / BUNDLE)
        if taught is not None:
            write_taught(first / TAUGHT, taught.salted(salt))
        lineage = Lineage().grown(
            Began(
                digests=digests_of(first),
                films=None if taught is None else len(set(taught.images.tolist())),
                patients=None if taught is None else len(set(taught.patients.tolist())),
            )
        )
        write_text(partial / _LINEAGE, lineage.text)
        write_text(partial / _PAGE, history_page(lineage))


def check_no_history(bundle: Path) -> None:
    """Refuse to put another reader in the place of one that was updated in service.

    Raises:
        InvalidValue: where there is a history with more than its beginning.
    """
    folder = history_folder(bundle)
    if folder.exists() and len(_read_lineage(folder).entries) > 1:
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
        saved = read_json(folder / _SALT, Salted)
        if saved.format != _FORMAT:
            raise Mismatch(
                f"This history is of form {saved.format}; this carina reads {_FORMAT}. Use the "
                "carina it was written with."
            )
        history = History(
            bundle=bundle.resolve(),
            folder=folder,
            salt=saved.salt,
            lineage=Lineage(),
            finished=(folder / _CHANGE).is_file(),
        )
        for left in folder.glob(f"{PARTIAL}*"):  # what a killed writer never gave its name
            left.unlink()
        if history.finished:
            _do(history, read_json(folder / _CHANGE, Change))
        shutil.rmtree(history.staged, ignore_errors=True)
        yield replace(history, lineage=_read_lineage(folder))


def commit(
    history: History, event: Event, *, serve: int | None = None, remove: tuple[int, ...] = ()
) -> History:
    """Do what was decided, all of it or, after a kill, all of it when the history is next opened.

    What lies in `History.staged` is put in its place first.

    Args:
        history: As it stands.
        event: The line that says what was decided.
        serve: The version to put in service; None where that does not change.
        remove: Versions to take away.
    """
    lineage = history.lineage.grown(event)
    change = Change(lineage=lineage.text, before=history.lineage.digest, serve=serve, remove=remove)
    write_json(history.folder / _CHANGE, change)
    _do(history, change)
    return replace(history, lineage=lineage)


def _do(history: History, change: Change) -> None:
    """Every step of a change; done once or again, wholly or from where a kill left it, it ends alike."""
    folder, lineage = history.folder, Lineage.parsed(change.lineage)
    if _read_lineage(folder).digest not in {change.before, lineage.digest}:
        raise UnreadableFile(
            "A change that was being made does not fit the lineage: the history is damaged or was "
            "edited. Put the whole folder back from a copy."
        )
    for kind in (_VERSIONS, _UPDATES):
        for staged in sorted((history.staged / kind).glob("*")):
            target = folder / kind / staged.name
            target.parent.mkdir(exist_ok=True)
            if target.exists():
                shutil.rmtree(target)
            staged.rename(target)
    for number in change.remove:
        shutil.rmtree(version_folder(folder, number), ignore_errors=True)
    if change.serve is not None:
        _serve(history, version_folder(folder, change.serve) / BUNDLE)
    write_text(folder / _LINEAGE, lineage.text)
    write_text(folder / _PAGE, history_page(lineage))
    (folder / _CHANGE).unlink()
    shutil.rmtree(history.staged, ignore_errors=True)


def _serve(history: History, version: Path) -> None:
    """Put a version's files in the bundle's place; there is a whole bundle there at any moment.

    Where the system cannot let two folders change places, a kill may leave none, and the next
    opening of the history puts it there.
    """
    bundle, fresh, old = history.bundle, history.staged / "service", history.staged / "before"
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


def _read_lineage(folder: Path) -> Lineage:
    try:
        return Lineage.parsed((folder / _LINEAGE).read_text(encoding="utf-8"))
    except (FileNotFoundError, UnicodeDecodeError):
        raise UnreadableFile(
            f"{folder.name} is no history: there is no {_LINEAGE} in it that can be read. Put the "
            "folder back from a copy, or move it away and begin a new one."
        ) from None


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


def _numbers(versions: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(versions)))

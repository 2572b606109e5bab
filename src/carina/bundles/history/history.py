"""A reader's history as it stands: what it can say, and where its next change is laid out."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Int

from carina.bundles.bundle import Bundle, UpdateState
from carina.bundles.files import digest_of_files, read_bundle, read_state, write_bundle
from carina.bundles.history.changing import Change, finish
from carina.bundles.history.layout import (
    BUNDLE,
    DOSSIER,
    HOME,
    STAGED,
    TAUGHT,
    digests_of,
    update_folder,
    version_folder,
)
from carina.bundles.history.lineage import Digests, Event, Lineage, Updated
from carina.bundles.history.taught import Taught, read_taught, recoded, write_taught
from carina.core import (
    CarinaError,
    InvalidValue,
    Mismatch,
    MissingFile,
    UnreadableFile,
    digest_file,
)

__all__ = ["History", "commit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A history as it stands, held against other processes; see `open_history`.

    Attributes:
        bundle: Where the reader in service lies.
        folder: Where the history does.
        salt: Of the codes in it.
        lineage: What became of the reader so far.
    """

    bundle: Path
    folder: Path
    salt: str
    lineage: Lineage

    @property
    def staged(self) -> Path:
        """Where the next change is laid out; what is not in its place by then is cleared away."""
        return self.folder / STAGED

    def stage_version(
        self,
        number: int,
        bundle: Bundle,
        state: UpdateState,
        *,
        home: tuple[Bundle, UpdateState] | None = None,
        taught: Taught | None,
    ) -> Digests:
        """Lay out a version to come, and say its digests.

        Args:
            number: The version's.
            bundle: What would be in service.
            state: What may leave the house with it to learn on from.
            home: The same reader and state as they stay here, where less may leave.
            taught: What made it of the version before; codes are this history's.
        """
        folder = version_folder(self.staged, number)
        write_bundle(folder / BUNDLE, bundle, state=state)
        if home is not None:
            write_bundle(folder / HOME, home[0], state=home[1])
        if taught is not None:
            write_taught(folder / TAUGHT, taught)
        return digests_of(folder)

    def stage_update(self, number: int) -> Path:
        """A place for what is put down of an update."""
        return update_folder(self.staged, number)

    def version(self, number: int) -> Path:
        """Folder of what a version has in service, when all its files are as they were written.

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
        return folder / BUNDLE

    def home(self, number: int) -> Path:
        """Folder of the reader of a version as it stays here; the version's own where all may leave."""
        bundle = self.version(number)
        home = bundle.with_name(HOME)
        return home if home.is_dir() else bundle

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

    def _there(self) -> str | None:
        return digest_of_files(self.bundle) if self.bundle.is_dir() else None


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
    finish(history.folder, history.bundle, change)
    return replace(history, lineage=lineage)


def _numbers(versions: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(versions)))

"""What became of a reader, a line a step; each line holds the digest of the one before it.

A line is JSON with sorted keys, its own digest taken with "" in that place. So a line that was
edited, moved or taken from between others is told on the next reading. The last lines can be cut
off, and all of it can be forged by whoever may write the folder: a dossier says the digest the
lineage had, and whoever signs it on paper holds that fast.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from carina.core import ConfigError, UnreadableFile, digest_bytes, dump, load

__all__ = [
    "Began",
    "Digests",
    "Entry",
    "Event",
    "Forgot",
    "Lineage",
    "Locked",
    "Opened",
    "RolledBack",
    "Updated",
    "Version",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Digests:
    """What a version's files are.

    Attributes:
        bundle: Digest of what was in service.
        files: Of that and of all that is kept of the version beside it.
    """

    bundle: str
    files: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Began:
    """The reader was bundled, or is first updated: version 1.

    Attributes:
        digests: Of its files.
        films: Films it is known to have learned from; None where nothing is known.
        patients: Patients likewise.
    """

    digests: Digests
    films: int | None
    patients: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """A locked test set was registered.

    Attributes:
        locked: Its digest: labels and films.
        films: Its size.
        patients: Likewise.
        why: Why it takes the place of another; "" for the first.
    """

    locked: str
    films: int
    patients: int
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The locked set was opened to test a reader; written before the test, so none goes uncounted.

    Attributes:
        locked: Its digest.
        update: For which update, counted from 1.
    """

    locked: str
    update: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Updated:
    """An update was decided.

    Attributes:
        update: Counted from 1, whatever became of it.
        outcome: What the gate said.
        parent: Version it went out from.
        version: The version it made and put in service; None where the reader was not replaced.
        digests: Of that version's files; None likewise.
        data: Digest of the rows it was given.
        films: Films it learned from.
        patients: Patients they are of.
        dossier: Digest of the dossier's JSON.
    """

    update: int
    outcome: str
    parent: int
    version: int | None
    digests: Digests | None
    data: str
    films: int
    patients: int
    dossier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RolledBack:
    """An earlier version was put in service again.

    Attributes:
        version: Which.
    """

    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgot:
    """A patient was taken out of every version that held what they taught.

    Attributes:
        patient: Salted code.
        freed: Version to the digests of its files without the patient.
        removed: Versions that could not be freed and are gone.
    """

    patient: str
    freed: dict[str, Digests]
    removed: tuple[int, ...]


Event = Began | Locked | Opened | Updated | RolledBack | Forgot
"""What can become of a reader."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line.

    Attributes:
        previous: Digest of the line before; "" on the first.
        digest: Of this line with "" in this place.
        when: UTC, to the second.
        event: What happened.
    """

    previous: str
    digest: str
    when: str
    event: Began | Locked | Opened | Updated | RolledBack | Forgot

    @property
    def line(self) -> str:
        """As it stands in the file, without the line end."""
        return json.dumps(
            dump(self), sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False
        )

    @property
    def sealed(self) -> "Entry":
        """With its digest put in."""
        bare = replace(self, digest="")
        return replace(self, digest=digest_bytes(bare.line.encode()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One reader that was in service.

    Attributes:
        number: From 1.
        parent: What it was updated from; None for the first.
        digests: Of its files, as they are now.
    """

    number: int
    parent: int | None
    digests: Digests


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """All of it, first to last.

    Attributes:
        entries: Begins with `Began`.
    """

    entries: tuple[Entry, ...] = ()

    @classmethod
    def parsed(cls, text: str) -> "Lineage":
        """The lineage a file holds.

        Raises:
            UnreadableFile: where a line is not as it was written or not where it was written.
        """
        lines = text.split("\n")
        if lines.pop() or not lines:
            raise UnreadableFile(_broken(len(lines) + 1))
        entries: list[Entry] = []
        for number, line in enumerate(lines, start=1):
            try:
                entry = load(json.loads(line), Entry, what=f"line {number} of the lineage")
            except (ConfigError, ValueError):
                raise UnreadableFile(_broken(number)) from None
            previous = entries[-1].digest if entries else ""
            if entry != entry.sealed or entry.line != line or entry.previous != previous:
                raise UnreadableFile(_broken(number))
            entries.append(entry)
        return cls(entries=tuple(entries))

    @property
    def text(self) -> str:
        """As `parsed` takes it."""
        return "".join(f"{entry.line}\n" for entry in self.entries)

    @property
    def digest(self) -> str:
        """Of the last line, and so of all of them."""
        return self.entries[-1].digest if self.entries else ""

    def grown(self, event: Event) -> "Lineage":
        """With one more line, of now."""
        when = datetime.now(UTC).isoformat(timespec="seconds")
        entry = Entry(previous=self.digest, digest="", when=when, event=event).sealed
        return replace(self, entries=(*self.entries, entry))

    @property
    def serving(self) -> int:
        """The version in service."""
        now = 1
        for entry in self.entries:
            match entry.event:
                case Updated(version=int(version)) | RolledBack(version=version):
                    now = version
        return now

    @property
    def versions(self) -> Mapping[int, Version]:
        """Every version that is kept, by number."""
        kept: dict[int, Version] = {}
        for entry in self.entries:
            match entry.event:
                case Began(digests=digests):
                    kept[1] = Version(number=1, parent=None, digests=digests)
                case Updated(version=int(version), parent=parent, digests=Digests() as digests):
                    kept[version] = Version(number=version, parent=parent, digests=digests)
                case Forgot(freed=freed, removed=removed):
                    kept = {
                        number: replace(one, digests=freed.get(str(number), one.digests))
                        for number, one in kept.items()
                        if number not in removed
                    }
        return kept

    @property
    def parents(self) -> Mapping[int, int | None]:
        """What each version went out from, of those that are gone too."""
        found: dict[int, int | None] = {1: None}
        for entry in self.entries:
            match entry.event:
                case Updated(version=int(version), parent=parent):
                    found[version] = parent
        return found

    def descent(self, version: int) -> tuple[int, ...]:
        """The versions whose lessons a version holds: itself, what it went out from, and so on."""
        parents, found = self.parents, [version]
        while (before := parents[found[-1]]) is not None:
            found.append(before)
        return tuple(found)

    @property
    def updates(self) -> int:
        """How many updates were decided, whatever became of them."""
        return sum(isinstance(entry.event, Updated) for entry in self.entries)

    @property
    def taught_known(self) -> bool:
        """Whether it is known what taught the first version."""
        return any(isinstance(e.event, Began) and e.event.films is not None for e in self.entries)

    @property
    def locked(self) -> Locked | None:
        """The locked test set as last registered."""
        sets = [entry.event for entry in self.entries if isinstance(entry.event, Locked)]
        return sets[-1] if sets else None

    def uses(self, locked: str) -> int:
        """How often a locked set was opened."""
        events = (entry.event for entry in self.entries)
        return sum(isinstance(event, Opened) and event.locked == locked for event in events)

    @property
    def forgotten(self) -> frozenset[str]:
        """Codes of patients who were taken out and are kept out."""
        events = (entry.event for entry in self.entries)
        return frozenset(event.patient for event in events if isinstance(event, Forgot))


def _broken(number: int) -> str:
    return (
        f"Line {number} of the lineage is not as it was written: the history is damaged or was "
        "edited. Put the whole folder back from a copy, or move it away and begin a new one."
    )

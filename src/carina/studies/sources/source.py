"""A published data set: how to know its folder, what one may choose, how its files are read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from carina.core import InvalidValue, MissingFile, Registry, unknown
from carina.studies.manifest import Manifest
from carina.studies.regions import Region
from carina.studies.sources.table import header

__all__ = ["HASHED", "SOURCES", "Reading", "Source", "SplitScheme", "sharing"]

HASHED = "hashed"
"""The split every source offers: by a salted hash of the patient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What somebody chose of a source; also a mapping file: ``reader = "chexpert"`` and so on.

    Attributes:
        reader: Name of the source.
        labels: Which of the source's label sets; "" for the first.
        split: Which of its splits; "" for the first.
        reports: Folder or file of reports, relative to the data folder, where a source has them
            apart; "" for where they usually lie.
        salt: Of the hashed split.
        fractions: Share of each split where it is hashed; 70/10/20 when empty.
        headers: Whether to read what tables lack (view, sex, age, patient) from each image's DICOM
            header, where a source has DICOM files; it opens every file: 5 s for 25,000, and the disk's time.
    """

    reader: str
    labels: str = ""
    split: str = ""
    reports: str = ""
    salt: str = "carina"
    fractions: dict[str, float] = field(default_factory=dict)
    headers: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitScheme:
    """A way a source is split.

    Attributes:
        name: "official", "hashed", or "legacy-" and whose it is.
        what: In words: where it is from and what it does.
        leaks: Why scores on it are too good; "" where patients are kept apart.
    """

    name: str
    what: str
    leaks: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """How one published data set is read, as it was published.

    Attributes:
        name: On the command line and in cards ("chexpert").
        title: As its authors call it.
        recognise: Glob patterns below the data folder; a folder that matches all is this one.
        labels: Its label sets, the default first; each in words.
        splits: Its splits, the default first.
        read: Data folder and choice, whose empty fields are filled in, to the manifest.
        terms: Licence or terms of use, as far as they are stated.
        citation: One line.
        headers: File below the data folder to columns its first line must name, for a folder whose
            file names alone could be anybody's.
        shares: Other source to which films both have: do not train on one and test on the other.
        regions: Data folder to the boxes or masks it holds, on images as the manifest names them.
        drawn_on: Rows and columns of the images regions were drawn on, where all have one size.
        marks_all: Whether all films were looked at for regions: one without any has none.
    """

    name: str
    title: str
    recognise: tuple[str, ...]
    labels: dict[str, str]
    splits: tuple[SplitScheme, ...]
    read: Callable[[Path, Reading], Manifest]
    terms: str
    citation: str
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    shares: Mapping[str, str] = field(default_factory=dict)
    regions: Callable[[Path], tuple[Region, ...]] | None = None
    drawn_on: tuple[int, int] | None = None
    marks_all: bool = False

    def __post_init__(self) -> None:
        if not self.labels or not self.splits:
            raise InvalidValue(f"The source {self.name} names a label set and a split, or more.")

    def recognises(self, root: Path) -> bool:
        """Whether a folder looks like this data set."""
        return all(
            next(root.glob(pattern), None) is not None for pattern in self.recognise
        ) and all(set(columns) <= header(root / file) for file, columns in self.headers.items())

    def manifest(self, root: Path, choice: Reading) -> Manifest:
        """The manifest of a folder of this data set.

        Raises:
            MissingFile: where there is no such folder.
            UnknownName: for a label set or split the source has not.
            MissingFile, UnreadableFile, ConfigError, ManifestError: where the files are not as
                they were published.
        """
        if not root.is_dir():
            raise MissingFile(f"There is no folder {root.name!r}; {self.title} is read from one.")
        labels = choice.labels or next(iter(self.labels))
        if labels not in self.labels:
            raise unknown(f"label set of {self.name}", labels, self.labels)
        split = self.scheme(choice.split).name
        return self.read(root, replace(choice, reader=self.name, labels=labels, split=split))

    def scheme(self, name: str) -> SplitScheme:
        """The split of a name; the first for "".

        Raises:
            UnknownName: for a split the source has not.
        """
        by_name = {scheme.name: scheme for scheme in self.splits}
        name = name or self.splits[0].name
        if name not in by_name:
            raise unknown(f"split of {self.name}", name, by_name)
        return by_name[name]


SOURCES: Registry[Source] = Registry("source", group="carina.sources")
"""Sources by name, plugins of the entry-point group "carina.sources" among them."""

_SUBSET = "-subset"


def sharing(source: str) -> dict[str, str]:
    """Other sources that hold films this one holds too, and what they share, in words.

    Args:
        source: A source's name, or one's own; what is called "...-subset" shares with the whole.
    """
    whole = source.removesuffix(_SUBSET)
    found = {whole: "the films of the subset"} if whole != source else {}
    for name in SOURCES:
        shares = SOURCES[name].shares
        if name == whole:
            found |= shares
        elif whole in shares:
            found[name] = shares[whole]
    return {name: what for name, what in found.items() if name != source}

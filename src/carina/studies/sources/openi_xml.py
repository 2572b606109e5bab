"""Reports of the Indiana collection out of their archive or folder, without unpacking it.

Nothing of it is trusted: only regular files within the archive are read, by streaming; sizes are
looked at before bytes are; XML with a document type or an entity of its own is refused.
"""

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast
from xml.parsers import expat

from carina.core import MissingFile, UnreadableFile
from carina.studies.reports.sections import Heading, Sections

__all__ = ["ARCHIVE", "OpenIReport", "read_openi_reports"]

ARCHIVE = "NLMCXR_reports.tgz"
"""What the archive of reports is called."""
_REPORT_BYTES = 1 << 20
_REPORTS = 20_000
_ALL_BYTES = 1 << 28
_DEPTH = 64
_SECTIONS = {str(heading): heading for heading in Heading}
_DAMAGE = (tarfile.TarError, OSError, EOFError, zlib.error, ValueError, RecursionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIReport:
    """One report as it was published.

    Attributes:
        uid: The collection's name of it ("CXR1"); there is no patient's number.
        sections: Comparison, indication, findings and impression; any may be empty.
        tags: Manual MeSH tags, each a heading with qualifiers.
        images: Names of its images, without an ending; a report may have none.
    """

    uid: str
    sections: Sections
    tags: tuple[str, ...]
    images: tuple[str, ...]


def read_openi_reports(place: Path) -> tuple[OpenIReport, ...]:
    """Every report of an archive or of a folder of XML files, in the order of their numbers.

    Raises:
        MissingFile: where there is neither, or no report in it.
        UnreadableFile: where the archive is damaged, holds a link, a device, a name that leads out
            of it or more than a collection of reports can, where a report is no XML of the
            published form, or where two reports have one name.
    """
    if not place.exists():
        raise MissingFile(f"There is no archive {ARCHIVE} nor a folder of its XML files here.")
    texts = _in_folder(place) if place.is_dir() else _in_archive(place)
    reports = [_report(text) for text in texts]
    if not reports:
        raise MissingFile(f"There is no report in {place.name!r}; wanted XML files, one a report.")
    if twice := len(reports) - len({report.uid for report in reports}):
        raise UnreadableFile(f"{twice} report(s) have a name that another has; read one copy.")
    return tuple(sorted(reports, key=lambda report: (len(report.uid), report.uid)))


def _in_folder(folder: Path) -> Iterator[bytes]:
    paths = [path for path in sorted(folder.glob("*.xml")) if not path.is_symlink()]
    _check_count(len(paths))
    for path in paths:
        if not path.is_file():
            raise UnreadableFile("Something in the folder of reports is called .xml and no file.")
        _check_size(path.stat().st_size)
        yield path.read_bytes()


def _in_archive(path: Path) -> Iterator[bytes]:
    """The bytes of every XML file of the archive; nothing is written anywhere."""
    seen = 0
    try:
        with (
            gzip.open(path) as packed,
            tarfile.open(fileobj=cast("BinaryIO", _Bounded(packed)), mode="r|") as archive,
        ):
            for member in archive:
                _check_member(member)
                if not member.isfile() or not member.name.endswith(".xml"):
                    continue
                _check_count(seen := seen + 1)
                _check_size(member.size)
                if (file := archive.extractfile(member)) is not None:
                    yield file.read()
    except UnreadableFile:
        raise
    except _DAMAGE as error:
        raise UnreadableFile(
            f"{path.name} is no tar archive packed by gzip, or is damaged "
            f"({type(error).__name__}); fetch it again."
        ) from None


@dataclass(slots=True)
class _Bounded:
    """A packed stream that gives no more than a collection of reports can hold."""

    packed: gzip.GzipFile
    given: int = field(default=0)

    def read(self, size: int) -> bytes:
        """The next bytes, unpacked."""
        data = self.packed.read(size)
        self.given += len(data)
        if self.given > _ALL_BYTES:
            raise UnreadableFile(
                f"The archive of reports unpacks to more than {_ALL_BYTES >> 20} MiB; the "
                "published one has a tenth of that."
            )
        return data


def _check_member(member: tarfile.TarInfo) -> None:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or "\\" in member.name:
        raise UnreadableFile("A name in the archive of reports leads out of it; it is refused.")
    if not (member.isfile() or member.isdir()):
        raise UnreadableFile(
            "The archive of reports holds a link or a device; wanted folders and files alone."
        )


def _check_count(reports: int) -> None:
    if reports > _REPORTS:
        raise UnreadableFile(f"There are more than {_REPORTS} reports; the published are 3,955.")


def _check_size(size: int) -> None:
    if size > _REPORT_BYTES:
        raise UnreadableFile(
            f"A report is of {size >> 20} MiB or more; wanted at most {_REPORT_BYTES >> 20} MiB."
        )


class _Refused(Exception):
    """What a handler says of a document that is not read on."""


@dataclass(slots=True)
class _Reader:
    """Handlers of one document: they keep what is wanted and refuse what is dangerous."""

    uid: str = ""
    tags: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    parts: dict[Heading, str] = field(default_factory=dict)
    path: list[str] = field(default_factory=list)
    label: str = ""
    words: list[str] = field(default_factory=list)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        if len(self.path) >= _DEPTH:
            raise _Refused("is nested too deeply")
        self.path.append(name)
        self.words = []
        if name == "uId":
            self.uid = attributes.get("id", "")
        elif name == "parentImage":
            self.images.append(attributes.get("id", ""))
        elif name == "AbstractText":
            self.label = attributes.get("Label", "")

    def text(self, words: str) -> None:
        """Text of the element that began last."""
        self.words.append(words)

    def end(self, name: str) -> None:
        """An element ends."""
        self.path.pop()
        words = "".join(self.words).strip()
        self.words = []
        if name == "AbstractText":
            heading = _SECTIONS.get(self.label.casefold(), Heading.BODY)
            self.parts[heading] = "\n\n".join(filter(None, (self.parts.get(heading, ""), words)))
        elif name == "major" and self.path[-1:] == ["MeSH"] and words:
            self.tags.append(words)

    def refuse(self, *_: object) -> None:
        """A document type, which may define entities or name other files."""
        raise _Refused("has a document type, which is not read")


def _report(data: bytes) -> OpenIReport:
    reader, parser = _Reader(), expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.EntityDeclHandler = reader.refuse
    try:
        parser.Parse(data, True)
    except _Refused as refused:
        raise UnreadableFile(f"A report {refused}; wanted the files as published.") from None
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise UnreadableFile(
            f"A report is no XML ({type(error).__name__}); wanted the files as published."
        ) from None
    if not reader.uid or not all(_plain(name) for name in (reader.uid, *reader.images)):
        raise UnreadableFile(
            "A report names itself or an image in no way the published ones do; wanted uId and "
            "parentImage with an id of letters, digits, '_' and '-'."
        )
    return OpenIReport(
        uid=reader.uid,
        sections=Sections(parts=tuple(reader.parts.items())),
        tags=tuple(reader.tags),
        images=tuple(dict.fromkeys(reader.images)),
    )


def _plain(name: str) -> bool:
    kept = name.replace("_", "").replace("-", "")
    return kept.isascii() and kept.isalnum() and len(name) <= 64

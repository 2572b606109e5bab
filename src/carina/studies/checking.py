"""Look a data set over before anything is learned from it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from carina.core import MissingFile, UnreadableFile, digest_arrays, near
from carina.studies.findings import FINDINGS, canonical
from carina.studies.guard import Problem, inspect
from carina.studies.labels import Presence
from carina.studies.manifest import Manifest, Split
from carina.studies.picture import Flag, Picture
from carina.studies.pixels import load_image

__all__ = ["CheckReport", "Checked", "PresenceCounts", "Remark", "Severity", "SplitCounts", "check"]


class Severity(StrEnum):
    """How much a remark matters."""

    ERROR = "error"
    """Results would be wrong: repair it first."""
    WARNING = "warning"
    """Something is set aside or may mislead."""
    NOTE = "note"
    """Good to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One more image was looked at."""

    done: int
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something to know about a data set; no patient and no file is named.

    Attributes:
        severity: How much it matters.
        topic: A short name that stays the same, for machines.
        text: A sentence with the next step.
        count: How many of whatever the text counts.
        rows: Rows of the manifest it is about, where it is about rows.
    """

    severity: Severity
    topic: str
    text: str
    count: int
    rows: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceCounts:
    """Cells of one finding in one split, by what they say."""

    present: int
    absent: int
    uncertain: int
    unmentioned: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitCounts:
    """Size of one split."""

    images: int
    patients: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What `check` saw.

    Attributes:
        source: Name of the data set.
        images: Rows.
        patients: Different patients.
        studies: Different studies.
        splits: Size of each split that has images.
        findings: Finding, then split, to what its cells say.
        readable: Images that could be read (or, unread, are there).
        missing: Images that are not there.
        unreadable: Reason to number of images.
        forms: Form of file to number of images; this and what follows is empty when not read.
        photometric: Photometric interpretation to number of images.
        flags: `Flag` to number of images.
        smallest: Rows and columns of the image with the fewest pixels; (0, 0) when none was read.
        largest: Of that with the most.
        remarks: Errors first, then warnings, then notes.
    """

    source: str
    images: int
    patients: int
    studies: int
    splits: dict[str, SplitCounts]
    findings: dict[str, dict[str, PresenceCounts]]
    readable: int
    missing: int
    unreadable: dict[str, int]
    forms: dict[str, int]
    photometric: dict[str, int]
    flags: dict[str, int]
    smallest: tuple[int, int]
    largest: tuple[int, int]
    remarks: tuple[Remark, ...]

    @property
    def sound(self) -> bool:
        """Whether there is no error among the remarks."""
        return all(remark.severity is not Severity.ERROR for remark in self.remarks)


def check(manifest: Manifest, *, read: bool = True) -> Iterator[Checked | CheckReport]:
    """Look at every row of a manifest; the last event is the report.

    Args:
        manifest: What to look at.
        read: Whether to decode every image; otherwise only whether it is there.
    """
    seen = _Seen()
    for row in range(len(manifest)):
        _look(manifest, row, seen, read=read)
        yield Checked(done=row + 1, of=len(manifest))
    findings = _presences(manifest)
    remarks = [
        *_of_files(manifest, seen),
        *_of_duplicates(manifest, seen),
        *_of_pictures(seen),
        *_of_studies(manifest),
        *_of_findings(manifest, findings),
        *_of_reports(manifest),
    ]
    sizes = sorted(seen.sizes, key=lambda size: size[0] * size[1]) or [(0, 0)]
    yield CheckReport(
        source=manifest.source,
        images=len(manifest),
        patients=len(set(manifest.patient)),
        studies=len(set(manifest.study)),
        splits={
            str(split): SplitCounts(
                images=len(rows), patients=len({manifest.patient[int(r)] for r in rows})
            )
            for split in Split
            if len(rows := manifest.rows(split))
        },
        findings=findings,
        readable=len(manifest) - len(seen.missing) - sum(map(len, seen.unreadable.values())),
        missing=len(seen.missing),
        unreadable={reason: len(rows) for reason, rows in seen.unreadable.items()},
        forms=dict(seen.forms),
        photometric=dict(seen.photometric),
        flags={str(flag): len(seen.flags[flag]) for flag in Flag if seen.flags[flag]},
        smallest=sizes[0],
        largest=sizes[-1],
        remarks=tuple(sorted(remarks, key=lambda remark: list(Severity).index(remark.severity))),
    )


@dataclass(slots=True)
class _Seen:
    """What the images of the rows so far were like."""

    missing: list[int] = field(default_factory=list)
    unreadable: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    same: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    forms: Counter[str] = field(default_factory=Counter)
    photometric: Counter[str] = field(default_factory=Counter)
    flags: dict[Flag, list[int]] = field(default_factory=lambda: defaultdict(list))
    sizes: set[tuple[int, int]] = field(default_factory=set)
    problems: dict[Problem, list[int]] = field(default_factory=lambda: defaultdict(list))
    views: list[int] = field(default_factory=list)


def _look(manifest: Manifest, row: int, seen: _Seen, *, read: bool) -> None:
    path = manifest.root / manifest.image[row]
    if not read:
        if not path.is_file():
            seen.missing.append(row)
        return
    try:
        _, picture = load_image(path)
    except MissingFile:
        seen.missing.append(row)
    except UnreadableFile as error:
        # What stands before the colon is the kind of reason; figures after it would not add up.
        seen.unreadable[str(error).split(":")[0].rstrip(".")].append(row)
    else:
        _note(picture, row, seen)
        if picture.view and manifest.view[row] and picture.view != manifest.view[row]:
            seen.views.append(row)


def _note(picture: Picture, row: int, seen: _Seen) -> None:
    # Pixels, not bytes: the same film under two headers is the same film.
    seen.same[digest_arrays({"pixels": picture.pixels})].append(row)
    seen.forms[str(picture.form)] += 1
    seen.photometric[picture.photometric] += 1
    rows, cols = picture.pixels.shape
    seen.sizes.add((rows, cols))
    for flag in picture.flags:
        seen.flags[flag].append(row)
    for problem in inspect(picture).problems:
        seen.problems[problem].append(row)


def _remark(severity: Severity, topic: str, text: str, rows: Iterable[int]) -> Remark:
    named = tuple(sorted(rows))
    return Remark(severity=severity, topic=topic, text=text, count=len(named), rows=named)


def _of_files(manifest: Manifest, seen: _Seen) -> Iterator[Remark]:
    lost = len(seen.missing) + sum(map(len, seen.unreadable.values()))
    severity = Severity.ERROR if lost == len(manifest) else Severity.WARNING
    if seen.missing:
        yield _remark(
            severity,
            "missing",
            f"{len(seen.missing)} of {len(manifest)} images are not there and are set aside; "
            "see that the mapping's `images` and image column lead to them.",
            seen.missing,
        )
    for reason, rows in sorted(seen.unreadable.items()):
        text = f"{len(rows)} image(s) cannot be read and are set aside: {reason}."
        yield _remark(severity, "unreadable", text, rows)


def _of_duplicates(manifest: Manifest, seen: _Seen) -> Iterator[Remark]:
    crossing: list[int] = []
    shared: list[int] = []
    repeated: list[int] = []
    disagreeing: list[int] = []
    for rows in seen.same.values():
        if len(rows) < 2:
            continue
        if len({manifest.split[row] for row in rows}) > 1:
            crossing += rows
        elif len({manifest.patient[row] for row in rows}) > 1:
            shared += rows
        else:
            repeated += rows
        if len({manifest.labels[row].tobytes() for row in rows}) > 1:
            disagreeing += rows
    for severity, topic, rows, what in (
        (
            Severity.ERROR,
            "duplicates-across-splits",
            crossing,
            "have a twin in another split, so scores would leak; keep one of each",
        ),
        (
            Severity.WARNING,
            "duplicates-across-patients",
            shared,
            "have a twin under another patient; one of the names is wrong",
        ),
        (
            Severity.NOTE,
            "duplicates",
            repeated,
            "have a twin of the same patient; they count twice",
        ),
        (
            Severity.WARNING,
            "duplicates-disagree",
            disagreeing,
            "have a twin with other labels; decide which reading holds",
        ),
    ):
        if rows:
            yield _remark(severity, topic, f"{len(rows)} images {what}.", rows)


_OF_FLAGS = {
    Flag.BURNED_IN: "have text burned in, which may name the patient and give the label away",
    Flag.WINDOW_IGNORED: "have a window without meaning and are stretched from lowest to highest",
    Flag.UNPROCESSED: "are raw detector images, which no reader saw like this",
    Flag.NO_RADIOGRAPH: "are of another modality than a radiograph's (CT, MR, ...); remove them",
    Flag.BLANK: "are of one single value; remove them",
}


def _of_pictures(seen: _Seen) -> Iterator[Remark]:
    for flag, what in _OF_FLAGS.items():
        if rows := seen.flags.get(flag):
            yield _remark(
                Severity.WARNING, flag.name.casefold(), f"{len(rows)} image(s) {what}.", rows
            )
    for problem in Problem:
        if rows := seen.problems.get(problem):
            yield _remark(
                Severity.NOTE if problem is Problem.LATERAL else Severity.WARNING,
                f"guard-{problem.name.casefold().replace('_', '-')}",
                f"{len(rows)} image(s): {problem}; predict would call them out of scope.",
                rows,
            )
    if seen.views:
        yield _remark(
            Severity.WARNING,
            "views-disagree",
            f"{len(seen.views)} image(s) have another view in their header than in the table.",
            seen.views,
        )
    if rows := seen.flags.get(Flag.INVERTED):
        read = sum(seen.forms.values())
        yield _remark(
            Severity.NOTE,
            "inverted",
            f"{len(rows)} of {read} images ({len(rows) / read:.0%}) are stored with dense tissue "
            "dark (MONOCHROME1) and were turned round.",
            rows,
        )


def _of_studies(manifest: Manifest) -> Iterator[Remark]:
    owners: dict[str, set[str]] = defaultdict(set)
    for study, patient in zip(manifest.study, manifest.patient, strict=True):
        owners[study].add(patient)
    if rows := [row for row, study in enumerate(manifest.study) if len(owners[study]) > 1]:
        yield _remark(
            Severity.WARNING,
            "study-of-two-patients",
            f"{len(rows)} images stand in a study that has two patients; "
            "make the study column unique.",
            rows,
        )
    for split in (Split.TRAIN, Split.VAL, Split.TEST):
        if split not in manifest.split:
            text = f"No image is in the split {split}; what needs it is undefined."
            yield Remark(severity=Severity.WARNING, topic="empty-split", text=text, count=1)


def _presences(manifest: Manifest) -> dict[str, dict[str, PresenceCounts]]:
    counts: dict[str, dict[str, PresenceCounts]] = {name: {} for name in manifest.space.names}
    for split in Split:
        labels = manifest.labels[manifest.rows(split)]
        for name, column in zip(manifest.space.names, labels.T, strict=True):
            if len(column):
                counts[name][str(split)] = PresenceCounts(
                    **{p.name.casefold(): int(np.sum(column == p)) for p in Presence}
                )
    return counts


def _of_findings(
    manifest: Manifest, findings: dict[str, dict[str, PresenceCounts]]
) -> Iterator[Remark]:
    known = [finding.name for finding in FINDINGS]
    for name, splits in findings.items():
        learned = {split: cells for split, cells in splits.items() if split != Split.PRETRAIN}
        for what in ("present", "absent"):
            if lacking := [split for split, c in learned.items() if not getattr(c, what)]:
                yield Remark(
                    severity=Severity.WARNING,
                    topic=f"none-{what}",
                    text=f"{name} is never {what} in {', '.join(lacking)}; "
                    "scores of it are undefined there.",
                    count=len(lacking),
                )
        if canonical(name) not in known:
            yield Remark(
                severity=Severity.NOTE,
                topic="unregistered-finding",
                text=f"carina has no finding {name!r} and takes it as it is.{near(name, known)}",
                count=1,
            )
    for presence in (Presence.UNMENTIONED, Presence.UNCERTAIN):
        if count := int(np.sum(manifest.labels == presence)):
            yield Remark(
                severity=Severity.NOTE,
                topic=presence.name.casefold(),
                text=f"{count} of {manifest.labels.size} label cells are "
                f"{presence.name.casefold()}; the recipe's label policy says what they count as.",
                count=count,
            )


def _of_reports(manifest: Manifest) -> Iterator[Remark]:
    owners: dict[str, set[str]] = defaultdict(set)
    for report, patient in zip(manifest.report, manifest.patient, strict=True):
        if report:
            owners[report].add(patient)
    if rows := [row for row, text in enumerate(manifest.report) if len(owners.get(text, ())) > 1]:
        yield _remark(
            Severity.NOTE,
            "repeated-reports",
            f"{len(rows)} images have a report that stands word for word under another patient too; "
            "such pairs are no evidence that image and report belong together.",
            rows,
        )

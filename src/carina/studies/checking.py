"""Look a data set over before anything is learned from it."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from carina.core import MissingFile, UnreadableFile, near
from carina.studies.findings import FINDINGS, canonical
from carina.studies.guard import Problem, inspect
from carina.studies.labels import Presence
from carina.studies.leakage import Likenesses, leakage, overlap
from carina.studies.manifest import Manifest, Split
from carina.studies.picture import Flag, Picture
from carina.studies.pixels import read_image
from carina.studies.policies import Prevalence
from carina.studies.remarks import Remark, Severity, remark

__all__ = ["CheckReport", "Checked", "PresenceCounts", "Remark", "Severity", "SplitCounts", "check"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One more image was looked at."""

    done: int
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceCounts:
    """Cells of one finding in one split, by what they say."""

    present: int
    absent: int
    uncertain: int
    unmentioned: int
    unannotated: int = 0


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
        policies: Finding, split and name of a policy to how common the finding is; empty where
            nobody asked (see `prevalences`).
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
    policies: dict[str, dict[str, dict[str, Prevalence]]] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """Whether there is no error among the remarks."""
        return all(one.severity is not Severity.ERROR for one in self.remarks)


def check(
    manifest: Manifest, *, read: bool = True, against: Manifest | None = None
) -> Iterator[Checked | CheckReport]:
    """Look at every row of a manifest; the last event is the report.

    Args:
        manifest: What to look at.
        read: Whether to decode every image; otherwise only whether it is there.
        against: Another data set, to tell what the two share; nothing else is said of it.
    """
    seen, others = _Seen(), _Seen()
    of = len(manifest) + (len(against) if against is not None else 0)
    for row in range(len(manifest)):
        _look(manifest, row, seen, read=read)
        yield Checked(done=row + 1, of=of)
    for row in range(of - len(manifest)):
        if against is not None:
            _look(against, row, others, read=read)
        yield Checked(done=len(manifest) + row + 1, of=of)
    findings = _presences(manifest)
    remarks = [
        *_of_files(manifest, seen),
        *leakage(manifest, seen.pictures),
        *(overlap(manifest, against, seen.pictures, others.pictures) if against else ()),
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
        remarks=tuple(sorted(remarks, key=lambda one: list(Severity).index(one.severity))),
    )


@dataclass(slots=True)
class _Seen:
    """What the images of the rows so far were like."""

    missing: list[int] = field(default_factory=list)
    unreadable: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    pictures: Likenesses = field(default_factory=Likenesses.none)
    forms: Counter[str] = field(default_factory=Counter)
    photometric: Counter[str] = field(default_factory=Counter)
    flags: dict[Flag, list[int]] = field(default_factory=lambda: defaultdict(list))
    sizes: set[tuple[int, int]] = field(default_factory=set)
    problems: dict[Problem, list[int]] = field(default_factory=lambda: defaultdict(list))
    views: list[int] = field(default_factory=list)


def _look(manifest: Manifest, row: int, seen: _Seen, *, read: bool) -> None:
    path = manifest.place(manifest.image[row])
    if not read:
        if not path.is_file():
            seen.missing.append(row)
        return
    try:
        picture = read_image(path)
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
    seen.pictures.add(row, picture.pixels)
    seen.forms[str(picture.form)] += 1
    seen.photometric[picture.photometric] += 1
    rows, cols = picture.pixels.shape
    seen.sizes.add((rows, cols))
    for flag in picture.flags:
        seen.flags[flag].append(row)
    for problem in inspect(picture).problems:
        seen.problems[problem].append(row)


def _of_files(manifest: Manifest, seen: _Seen) -> Iterator[Remark]:
    lost = len(seen.missing) + sum(map(len, seen.unreadable.values()))
    severity = Severity.ERROR if lost == len(manifest) else Severity.WARNING
    if seen.missing:
        yield remark(
            severity,
            "missing",
            f"{len(seen.missing)} of {len(manifest)} images are not there and are set aside; "
            "see that the mapping's `images` and image column lead to them.",
            seen.missing,
        )
    for reason, rows in sorted(seen.unreadable.items()):
        text = f"{len(rows)} image(s) cannot be read and are set aside: {reason}."
        yield remark(severity, "unreadable", text, rows)


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
            yield remark(
                Severity.WARNING, flag.name.casefold(), f"{len(rows)} image(s) {what}.", rows
            )
    for problem in Problem:
        if rows := seen.problems.get(problem):
            yield remark(
                Severity.NOTE if problem is Problem.LATERAL else Severity.WARNING,
                f"guard-{problem.name.casefold().replace('_', '-')}",
                f"{len(rows)} image(s): {problem}; predict would call them out of scope.",
                rows,
            )
    if seen.views:
        yield remark(
            Severity.WARNING,
            "views-disagree",
            f"{len(seen.views)} image(s) have another view in their header than in the table.",
            seen.views,
        )
    if rows := seen.flags.get(Flag.INVERTED):
        read = sum(seen.forms.values())
        yield remark(
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
        yield remark(
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
    for presence, what in (
        (Presence.UNMENTIONED, "the recipe's label policy says what they count as"),
        (Presence.UNCERTAIN, "the recipe's label policy says what they count as"),
        (Presence.UNANNOTATED, "their source does not label the finding, and no policy knows them"),
    ):
        if count := int(np.sum(manifest.labels == presence)):
            yield Remark(
                severity=Severity.NOTE,
                topic=presence.name.casefold(),
                text=f"{count} of {manifest.labels.size} label cells are "
                f"{presence.name.casefold()}; {what}.",
                count=count,
            )


def _of_reports(manifest: Manifest) -> Iterator[Remark]:
    owners: dict[str, set[str]] = defaultdict(set)
    for report, patient in zip(manifest.report, manifest.patient, strict=True):
        if report:
            owners[report].add(patient)
    if rows := [row for row, text in enumerate(manifest.report) if len(owners.get(text, ())) > 1]:
        yield remark(
            Severity.NOTE,
            "repeated-reports",
            f"{len(rows)} images have a report that stands word for word under another patient too; "
            "such pairs are no evidence that image and report belong together.",
            rows,
        )

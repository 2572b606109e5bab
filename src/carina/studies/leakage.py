"""Where a data set leaks from one split to another, or two data sets share films.

Scores on test films mean something only where learning never saw the film, its patient or its
report. What is found here is told in counts and rows; no patient, file or text is named.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from jaxtyping import Float32, UInt8

from carina.core import digest_arrays
from carina.studies.likeness import alike, thumbnail
from carina.studies.manifest import Manifest, Split
from carina.studies.remarks import LEAKAGE, Remark, Severity, remark

__all__ = ["Likenesses", "leakage", "overlap"]

_LONG = 15  # words from which a report is hardly written twice by chance
_NAME = 8  # characters from which a file name is hardly given twice by chance


@dataclass(slots=True)
class Likenesses:
    """What is kept of the pictures that were read, 4 KiB each, to tell which are one."""

    digests: dict[int, str]
    thumbnails: dict[int, UInt8[np.ndarray, "64 64"]]

    @classmethod
    def none(cls) -> "Likenesses":
        """Of no picture."""
        return cls(digests={}, thumbnails={})

    def add(self, row: int, pixels: Float32[np.ndarray, "rows cols"]) -> None:
        """Note the picture of a row."""
        # Pixels, not bytes: the same film under two headers is the same film.
        self.digests[row] = digest_arrays({"pixels": pixels})
        self.thumbnails[row] = thumbnail(pixels)


def leakage(manifest: Manifest, pictures: Likenesses) -> Iterator[Remark]:
    """What one split of a data set tells of another.

    Args:
        manifest: The data set.
        pictures: Of those of its rows that were read.
    """
    if manifest.leaks:
        yield Remark(
            severity=Severity.WARNING,
            topic="published-split-leaks",
            text=f"This split leaks: {manifest.leaks}. Scores on it are too good; "
            "choose another, or keep it only to compare with what was published.",
            count=len(manifest),
            section=LEAKAGE,
        )
    if patients := set(manifest.patients_in_two_splits()):
        rows = [row for row, patient in enumerate(manifest.patient) if patient in patients]
        yield _leak(
            Severity.WARNING,
            "patients-in-two-splits",
            f"{len(rows)} images are of {len(patients)} patient(s) who stand in two splits.",
            rows,
        )
    yield from _equal(manifest, pictures)
    yield from _near(manifest, pictures)
    yield from _reports(manifest)


def overlap(
    manifest: Manifest, other: Manifest, pictures: Likenesses, others: Likenesses
) -> Iterator[Remark]:
    """What two data sets share: films by name, by pixels and by likeness; patients; reports.

    Patients are compared where films shared by name bear the same patient in both sets: otherwise
    two sets may call different people by one number.
    """
    named = _shared_names(manifest, other)
    if named:
        yield _shared("shared-names", manifest, other, named, "have a file name that is there too")
        yield from _shared_patients(manifest, other, named)
    by_digest = {digest: row for row, digest in others.digests.items()}
    equal = {
        row: by_digest[digest] for row, digest in pictures.digests.items() if digest in by_digest
    }
    if equal:
        yield _shared("shared-images", manifest, other, equal, "are there too, equal to the pixel")
    near = {r: twin for r, twin in _across(pictures, others).items() if r not in equal}
    if near:
        yield _shared(
            "shared-near-duplicates",
            manifest,
            other,
            near,
            "have a near-duplicate there, as resizing or recompression leave it",
        )
    texts = {_folded(text): row for row, text in enumerate(other.report) if _is_long(text)}
    same = {
        row: texts[folded]
        for row, text in enumerate(manifest.report)
        if _is_long(text) and (folded := _folded(text)) in texts
    }
    if same:
        yield _shared("shared-reports", manifest, other, same, "have a report that is there too")


def _equal(manifest: Manifest, pictures: Likenesses) -> Iterator[Remark]:
    same: dict[str, list[int]] = defaultdict(list)
    for row, digest in pictures.digests.items():
        same[digest].append(row)
    crossing: list[int] = []
    shared: list[int] = []
    repeated: list[int] = []
    disagreeing: list[int] = []
    for rows in same.values():
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
    for severity, topic, found, what in (
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
        if found:
            yield _leak(severity, topic, f"{len(found)} images {what}.", found)


def _near(manifest: Manifest, pictures: Likenesses) -> Iterator[Remark]:
    at = sorted(pictures.thumbnails)
    splits: list[int] = []
    patients: list[int] = []
    same: list[int] = []
    for group in _groups([pictures.thumbnails[row] for row in at]):
        rows = [at[place] for place in group]
        if len({pictures.digests[row] for row in rows}) == 1:
            continue  # equal to the pixel, which is told elsewhere
        if len({manifest.split[row] for row in rows}) > 1:
            splits += rows
        elif len({manifest.patient[row] for row in rows}) > 1:
            patients += rows
        else:
            same += rows
    for severity, topic, found, what in (
        (
            Severity.WARNING,
            "near-duplicates-across-splits",
            splits,
            "in another split, so scores may leak; look at them",
        ),
        (
            Severity.WARNING,
            "near-duplicates-across-patients",
            patients,
            "under another patient; one of the names may be wrong",
        ),
        (Severity.NOTE, "near-duplicates", same, "of the same patient; they count twice"),
    ):
        if found:
            text = f"{len(found)} images have a near-duplicate {what}."
            yield _leak(severity, topic, text, found)


def _reports(manifest: Manifest) -> Iterator[Remark]:
    learned: dict[str, set[str]] = defaultdict(set)
    for text, split, patient in zip(manifest.report, manifest.split, manifest.patient, strict=True):
        if split != Split.TEST and text.strip():
            learned[_folded(text)].add(patient)
    held = [row for row in manifest.rows(Split.TEST).tolist() if manifest.report[row].strip()]
    repeated = [
        row
        for row in held
        if learned.get(_folded(manifest.report[row]), set()) - {manifest.patient[row]}
    ]
    long = [row for row in repeated if _is_long(manifest.report[row])]
    stock = [row for row in repeated if row not in set(long)]
    for severity, topic, rows, what in (
        (Severity.WARNING, "reports-across-splits", long, f"of {_LONG} words or more"),
        (Severity.NOTE, "stock-reports-across-splits", stock, f"of fewer than {_LONG} words"),
    ):
        if rows:
            yield _leak(
                severity,
                topic,
                f"{len(rows)} of {len(held)} test images with a report "
                f"({len(rows) / len(held):.1%}) have one {what} that stands under another patient "
                "outside the test split too; what is learned from texts has read them.",
                rows,
            )


def _shared(
    topic: str, manifest: Manifest, other: Manifest, twins: Mapping[int, int], what: str
) -> Remark:
    where = Counter((manifest.split[row], other.split[twin]) for row, twin in twins.items())
    places = ", ".join(f"{one}/{two} {count}" for (one, two), count in sorted(where.items()))
    return _leak(
        Severity.WARNING,
        topic,
        f"{len(twins)} of {len(manifest)} images {what} (split here/there: {places}). Learn from "
        "one of the sets only, or leave these out of what is scored.",
        twins,
    )


def _leak(severity: Severity, topic: str, text: str, rows: Iterable[int]) -> Remark:
    return remark(severity, topic, text, rows, section=LEAKAGE)


def _shared_names(manifest: Manifest, other: Manifest) -> dict[int, int]:
    there = _by_name(other)
    return {row: there[name] for name, row in _by_name(manifest).items() if name in there}


def _by_name(manifest: Manifest) -> dict[str, int]:
    """Rows by the names of their films that no other film of the set has.

    A column such as RSNA's `nih_image` gives a film its name in another set.
    """
    columns: list[Sequence[str]] = [
        manifest.image,
        *(cells for name, cells in manifest.extra.items() if name.endswith("_image")),
    ]
    rows: dict[str, set[int]] = defaultdict(set)
    for column in columns:
        for row, cell in enumerate(column):
            name = PurePosixPath(cell).stem.casefold()
            if len(name) >= _NAME:
                rows[name].add(row)
    return {name: next(iter(of)) for name, of in rows.items() if len(of) == 1}


def _shared_patients(
    manifest: Manifest, other: Manifest, named: Mapping[int, int]
) -> Iterator[Remark]:
    agreeing = sum(manifest.patient[row] == other.patient[twin] for row, twin in named.items())
    if agreeing < 0.9 * len(named):
        return
    there = dict(zip(reversed(other.patient), reversed(range(len(other))), strict=True))
    twins = {row: there[who] for row, who in enumerate(manifest.patient) if who in there}
    yield _shared("shared-patients", manifest, other, twins, "are of a patient who is there too")


def _across(pictures: Likenesses, others: Likenesses) -> dict[int, int]:
    """Films here that show the same picture as one there, and which."""
    here, there = sorted(pictures.thumbnails), sorted(others.thumbnails)
    films = [pictures.thumbnails[row] for row in here]
    films += [others.thumbnails[row] for row in there]
    twins: dict[int, int] = {}
    for group in _groups(films):
        if (last := max(group)) >= len(here):
            twins |= {here[place]: there[last - len(here)] for place in group if place < len(here)}
    return twins


def _groups(films: Sequence[UInt8[np.ndarray, "64 64"]]) -> list[list[int]]:
    """Places of films that show one picture, directly or through others; two or more each."""
    if not films:
        return []
    found = alike(np.stack(films))
    group: dict[int, list[int]] = {}
    for one, two in zip(found.first.tolist(), found.second.tolist(), strict=True):
        less, more = sorted((group.get(one, [one]), group.get(two, [two])), key=len)
        if less is not more:
            more += less
            group |= dict.fromkeys(less, more)
        group |= {one: more, two: more}
    return list({id(members): members for members in group.values()}.values())


def _folded(text: str) -> str:
    """A report without case, punctuation and line ends."""
    return " ".join("".join(c if c.isalnum() else " " for c in text.casefold()).split())


def _is_long(text: str) -> bool:
    return len(_folded(text).split()) >= _LONG

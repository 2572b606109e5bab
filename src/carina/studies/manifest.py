"""The table of studies everything starts from: who was imaged, by whom read, how sure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int, Int8

from carina.core import ManifestError, digest_arrays, fingerprint
from carina.studies.labels import LabelSpace, Presence

__all__ = ["DATA_SET", "Manifest", "Split", "Study"]

DATA_SET = "data_set"
"""Name of the further column in which a joined manifest says of which data set each image is."""


class Split(StrEnum):
    """What a patient's studies may be used for."""

    PRETRAIN = "pretrain"
    """Fitting an alignment from images and reports; no labels are read."""
    TRAIN = "train"
    VAL = "val"
    TEST = "test"
    """Read once per published table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """One row of a manifest, for reading by people."""

    image: Path
    study: str
    patient: str
    view: str
    sex: str
    age: float | None
    site: str
    date: str
    split: Split
    report: str
    labels: dict[str, Presence]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Columns of equal length, one row an image; immutable.

    Attributes:
        root: Folder below which the images lie; not part of the digest.
        image: File of each image, relative to root, with forward slashes.
        study: Imaging study an image belongs to; several views may share one.
        patient: Whose it is. A patient stands in one split only, unless `leaks` says why not.
        view: "PA", "AP", "LATERAL" or "" where unknown.
        sex: "F", "M" or "".
        age: Years; NaN where unknown.
        site: Hospital or scanner group, or "".
        date: As the source writes it, or "".
        split: One of `Split`.
        report: The radiologist's text, or "".
        labels: (images, labels) of `Presence`.
        space: What the label columns stand for.
        source: Name of the data set, for exposure checks and cards; of joined ones their names
            with "+" between.
        extra: Further columns kept by name, such as which films an encoder may have seen.
        leaks: Why scores on these splits are too good, where they are a published one that does
            not keep patients apart; "" otherwise. Not part of the digest.
        roots: Of several data sets joined: the folder of each, by the part's name, with which its
            images, patients and studies begin. Empty where all lie below `root`. Not part of the
            digest.
    """

    root: Path
    image: tuple[str, ...]
    study: tuple[str, ...]
    patient: tuple[str, ...]
    view: tuple[str, ...]
    sex: tuple[str, ...]
    age: tuple[float, ...]
    site: tuple[str, ...]
    date: tuple[str, ...]
    split: tuple[str, ...]
    report: tuple[str, ...]
    labels: Int8[np.ndarray, "images labels"]
    space: LabelSpace
    source: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    leaks: str = ""
    roots: Mapping[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows = len(self.image)
        for each in fields(self):
            column = getattr(self, each.name)
            if isinstance(column, tuple) and len(column) != rows:
                raise ManifestError(
                    f"Column {each.name!r} has {len(column)} rows, 'image' has {rows}."
                )
        for name, column in self.extra.items():
            if len(column) != rows:
                raise ManifestError(f"Column {name!r} has {len(column)} rows, 'image' has {rows}.")
        if self.labels.shape != (rows, len(self.space)):
            raise ManifestError(
                f"Labels are {self.labels.shape}, wanted ({rows}, {len(self.space)})."
            )
        wrong = sorted(set(np.unique(self.labels).tolist()) - {int(p) for p in Presence})
        if wrong:
            raise ManifestError(f"Label cells are {[int(p) for p in Presence]}; got {wrong}.")
        known = {str(s) for s in Split}
        if strange := sorted(set(self.split) - known):
            raise ManifestError(
                f"No split named {strange[0]!r}. Known: {', '.join(sorted(known))}."
            )
        if not self.leaks and (crossing := self.patients_in_two_splits()):
            raise ManifestError(
                f"{len(crossing)} patient(s) stand in two splits, so scores would leak; "
                "give every patient one split, or leave the split column out and let "
                "carina split by a hash of the patient."
            )
        self.labels.setflags(write=False)

    def __len__(self) -> int:
        return len(self.image)

    def __iter__(self) -> Iterator[Study]:
        """The rows, one by one."""
        return (self.study_at(row) for row in range(len(self)))

    def study_at(self, row: int) -> Study:
        """One row."""
        age = self.age[row]
        return Study(
            image=self.place(self.image[row]),
            study=self.study[row],
            patient=self.patient[row],
            view=self.view[row],
            sex=self.sex[row],
            age=None if np.isnan(age) else age,
            site=self.site[row],
            date=self.date[row],
            split=Split(self.split[row]),
            report=self.report[row],
            labels={
                name: Presence(int(cell))
                for name, cell in zip(self.space.names, self.labels[row], strict=True)
            },
        )

    def place(self, image: str) -> Path:
        """Where an image lies, by its name in `image`."""
        if not self.roots:
            return self.root / image
        part, _, below = image.partition("/")
        return self.roots[part] / below

    @property
    def listed_patient(self) -> tuple[str, ...]:
        """Whose each image is, as the table of its own part has it."""
        if not self.roots:
            return self.patient
        return tuple(patient.partition("/")[2] for patient in self.patient)

    @property
    def sources(self) -> tuple[str, ...]:
        """Of which data set each image is."""
        return self.extra[DATA_SET] if self.roots else (self.source,) * len(self)

    def rows(self, *splits: Split) -> Int[np.ndarray, " rows"]:
        """Row numbers of the splits named, in order."""
        wanted = set(splits)
        return np.array([r for r, s in enumerate(self.split) if s in wanted], dtype=np.int64)

    def take(self, rows: Int[np.ndarray, " rows"]) -> "Manifest":
        """The manifest of some rows only, in the order given."""
        picked: dict[str, Any] = {
            each.name: tuple(getattr(self, each.name)[int(r)] for r in rows)
            for each in fields(self)
            if isinstance(getattr(self, each.name), tuple)
        }
        extra = {name: tuple(c[int(r)] for r in rows) for name, c in self.extra.items()}
        return replace(self, labels=self.labels[rows], extra=extra, **picked)

    def patients_in_two_splits(self) -> list[str]:
        """Patients whose images stand in more than one split."""
        seen: dict[str, str] = {}
        return sorted(
            {p for p, s in zip(self.patient, self.split, strict=True) if seen.setdefault(p, s) != s}
        )

    @property
    def digest(self) -> str:
        """Changes when, and only when, a row does; where the files lie does not matter."""
        columns = {
            each.name: getattr(self, each.name)
            for each in fields(self)
            if isinstance(getattr(self, each.name), tuple) and each.name != "age"
        }
        ages = np.array(self.age, dtype=np.float64)
        return fingerprint(
            {
                "columns": columns,
                "arrays": digest_arrays({"labels": self.labels, "age": ages}),
                "extra": self.extra,
                "space": self.space,
                "source": self.source,
            }
        )

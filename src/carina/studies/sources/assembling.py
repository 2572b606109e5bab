"""The last step every source shares: columns that were read become a manifest."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int8

from carina.core import InvalidValue, ManifestError
from carina.studies.findings import resolve
from carina.studies.labels import LabelSpace, Presence
from carina.studies.manifest import Manifest
from carina.studies.sources.cells import relative
from carina.studies.sources.source import HASHED, SOURCES, Reading
from carina.studies.splits import hashed_split

__all__ = ["FRACTIONS", "assemble", "harmless", "held_out", "presences"]

_SHORT = re.compile(r"-?\d(\.\d)?|[A-Za-z]{1,3}")
FRACTIONS = {"train": 0.7, "val": 0.1, "test": 0.2}
"""Shares of a hashed split nobody chose."""


def assemble(
    root: Path,
    choice: Reading,
    *,
    image: Sequence[str],
    patient: Sequence[str],
    labels: Mapping[str, Sequence[Presence]],
    published: Sequence[str] = (),
    study: Sequence[str] = (),
    view: Sequence[str] = (),
    sex: Sequence[str] = (),
    age: Sequence[float] = (),
    site: Sequence[str] = (),
    date: Sequence[str] = (),
    report: Sequence[str] = (),
    extra: Mapping[str, Sequence[str]] | None = None,
) -> Manifest:
    """The manifest of columns a source has read, one entry an image.

    Args:
        root: Folder below which the images lie.
        choice: What was chosen, its empty fields filled in.
        image: File of each image below `root`.
        patient: Whose it is.
        labels: Finding, by any of its names, to what was said of each image; the order is the
            label space's.
        published: Split of each row under the chosen scheme; not read where it is the hashed one.
        study: Imaging study; without it every image is one of its own.
        view: "PA", "AP", "LATERAL" or "".
        sex: "F", "M" or "".
        age: Years; NaN where unknown.
        site: Hospital or scanner group.
        date: As the source writes it.
        report: The radiologist's text.
        extra: Further columns.

    Raises:
        ManifestError: where no row is left, an image stands there twice or has no name, or
            patients cross a split that is not marked as leaking.
    """
    if not image:
        raise ManifestError(
            f"No image is left to read of {choice.reader}: its table has no row, or none of the "
            f"split and labels chosen (labels {choice.labels!r}, split {choice.split!r})."
        )
    if twice := len(image) - len(set(image)):
        raise ManifestError(
            f"{twice} row(s) of {choice.reader} name an image that stands there already; wanted "
            "the tables as they were published."
        )
    if blank := sum(not cell for cells in (image, patient) for cell in cells):
        raise ManifestError(f"{blank} row(s) of {choice.reader} lack an image or a patient.")
    hashed = choice.split == HASHED
    split = (
        hashed_split(patient, choice.salt, choice.fractions or FRACTIONS)
        if hashed
        else tuple(published)
    )
    none = ("",) * len(image)
    columns = [np.array(cells, dtype=np.int8) for cells in labels.values()]
    return Manifest(
        root=root,
        image=tuple(map(relative, image)),
        study=tuple(study) or tuple(image),
        patient=tuple(patient),
        view=tuple(view) or none,
        sex=tuple(sex) or none,
        age=tuple(age) or (float("nan"),) * len(image),
        site=tuple(site) or none,
        date=tuple(date) or none,
        split=split,
        report=tuple(report) or none,
        labels=np.stack(columns, axis=1) if columns else _no_labels(len(image)),
        space=LabelSpace(names=tuple(resolve(name).name for name in labels)),
        source=choice.reader,
        extra={name: tuple(cells) for name, cells in (extra or {}).items()},
        leaks="" if hashed else SOURCES[choice.reader].scheme(choice.split).leaks,
    )


def held_out(patient: Sequence[str], part: Sequence[str], choice: Reading) -> list[str]:
    """Published parts train and test, with validation patients hashed out of train.

    Their share of train is that of val in train and val of the choice's fractions; an eighth when
    there are none.
    """
    shares = choice.fractions or FRACTIONS
    val, train = shares.get("val", 0.0), shares.get("train", 0.0)
    if not train:
        raise InvalidValue("Shares of splits leave nothing to train on; give `train` one.")
    val /= train + val
    hashed = hashed_split(patient, choice.salt, {"train": 1 - val, "val": val})
    return [own if said == "train" else said for own, said in zip(hashed, part, strict=True)]


def harmless(cells: Iterable[str]) -> str:
    """The first cell too short to be a name or an identifier; blank where there is none."""
    return next((cell for cell in cells if _SHORT.fullmatch(cell)), "")


def presences(
    cells: Sequence[str], meanings: Mapping[str, Presence], *, column: str
) -> list[Presence]:
    """What cells of a label column say.

    Raises:
        ManifestError: for a cell that is none of those known.
    """
    if strange := [cell for cell in cells if cell not in meanings]:
        short = harmless(strange)
        such = f", such as {short!r}" if short else ""
        raise ManifestError(
            f"{len(strange)} cell(s) of column {column!r} are outside the published form{such}; "
            f"known: {', '.join(repr(cell) for cell in meanings)}."
        )
    return [meanings[cell] for cell in cells]


def _no_labels(rows: int) -> Int8[np.ndarray, "images labels"]:
    return np.empty((rows, 0), dtype=np.int8)

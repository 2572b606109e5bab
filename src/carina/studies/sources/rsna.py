"""RSNA Pneumonia Detection Challenge 2018, stage 2: 26,684 NIH films read by radiologists.

Shih et al., Radiology: Artificial Intelligence 1, 2019. ``stage_2_train_labels.csv`` has one row a
box and one a film without any; a film is PRESENT where one of its rows has Target 1. What was
marked are opacities suspicious for pneumonia; published code calls the same target pneumonia.
``stage_2_detailed_class_info.csv`` tells, of films without, the normal ones (No Finding) from "No
Lung Opacity / Not Normal". The 3,000 films of stage_2_test_images have no public labels and are
not read.

`patientId` is a film, not a patient. The organisers' ``pneumonia-challenge-dataset-mappings_2018
.json`` gives each film's NIH name, and so the patient; it is kept as the column `nih_image`.
Without that file every film counts as a patient of its own, which a split then says. View, sex and
age are in the DICOM headers alone: ``headers = true``.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from carina.core import ManifestError, MissingFile, UnreadableFile
from carina.studies.labels import Presence
from carina.studies.manifest import Manifest
from carina.studies.regions import Region, boxes
from carina.studies.sources.assembling import assemble, presences
from carina.studies.sources.drawing import seventy_fifteen
from carina.studies.sources.headers import read_headers
from carina.studies.sources.source import HASHED, SOURCES, Reading, Source, SplitScheme
from carina.studies.sources.table import Table, find

__all__ = ["RSNA"]

_LABELS = "stage_2_train_labels.csv"
_CLASSES = "stage_2_detailed_class_info.csv"
_MAPPING = "pneumonia-challenge-dataset-mappings_2018.json"
_IMAGES = "stage_2_train_images/{}.dcm"
_TARGET = {"0": Presence.ABSENT, "1": Presence.PRESENT}
_NORMAL = {
    "Normal": Presence.PRESENT,
    "No Lung Opacity / Not Normal": Presence.ABSENT,
    "Lung Opacity": Presence.ABSENT,
}
_MOST = 1 << 28  # bytes; the mapping has some 15 million
_UNKNOWN = (
    f"without {_MAPPING} it is not known which films are of one NIH patient, and those with "
    "several stand on both sides"
)


def _read(root: Path, choice: Reading) -> Manifest:
    table = _table(root, _LABELS, "patientId", "Target")
    said = presences(table.cells["Target"], _TARGET, column="Target")
    target: dict[str, Presence] = {}
    for film, one in zip(table.cells["patientId"], said, strict=True):
        target[film] = max(one, target.get(film, one))
    films = sorted(target)
    of_nih = _mapped(root, films)
    header = read_headers(root, [_IMAGES.format(film) for film in films]) if choice.headers else []
    named = "Lung Opacity" if choice.labels == "lung-opacity" else "Pneumonia"
    read = assemble(
        root,
        choice,
        image=[_IMAGES.format(film) for film in films],
        patient=[_patient(name) for name in of_nih] or films,
        labels={named: [target[film] for film in films], "No Finding": _normal(root, target)},
        published=seventy_fifteen(len(films)),
        view=[one.view for one in header],
        sex=[one.sex for one in header],
        age=[one.age for one in header],
        extra={"nih_image": of_nih} if of_nih else {},
    )
    return read if of_nih or read.leaks else replace(read, leaks=_UNKNOWN)


def _table(root: Path, name: str, *columns: str) -> Table:
    if (path := find(root, name)) is None:
        raise MissingFile(f"There is no {name} in the data folder.")
    table = Table.read(path)
    table.require(*columns)
    return table


def _normal(root: Path, target: dict[str, Presence]) -> list[Presence]:
    """Whether each film is normal; where nobody says so, one with an opacity is not."""
    normal = {
        film: Presence.ABSENT if said is Presence.PRESENT else Presence.UNMENTIONED
        for film, said in target.items()
    }
    if find(root, _CLASSES) is not None:
        table = _table(root, _CLASSES, "patientId", "class")
        said = presences(table.cells["class"], _NORMAL, column="class")
        normal |= dict(zip(table.cells["patientId"], said, strict=True))
    return [normal[film] for film in sorted(target)]


def _mapped(root: Path, films: Sequence[str]) -> list[str]:
    """The NIH film each is; nothing where the mapping is not there.

    Raises:
        UnreadableFile: where the mapping is no such JSON.
        ManifestError: where it leaves films out.
    """
    path = root / _MAPPING
    if not path.is_file():
        return []
    wanted = f"{_MAPPING} is not as it was published: a list of objects with subset_img_id, img_id."
    if path.stat().st_size > _MOST:
        raise UnreadableFile(wanted)
    try:
        entries = json.loads(path.read_bytes())
        name = {str(entry["subset_img_id"]): str(entry["img_id"]) for entry in entries}
    except (ValueError, TypeError, KeyError, RecursionError):
        raise UnreadableFile(wanted) from None
    if missing := sum(film not in name for film in films):
        raise ManifestError(f"{_MAPPING} has no entry for {missing} film(s) of {_LABELS}.")
    if strange := sum(not name[film].split("_")[0].isdigit() for film in films):
        raise ManifestError(
            f"{strange} film(s) of {_MAPPING} have no NIH name such as 00000001_000.png."
        )
    return [name[film] for film in films]


def _patient(nih_image: str) -> str:
    """The NIH patient, written as ChestX-ray14's table does."""
    return str(int(nih_image.split("_")[0]))


def _regions(root: Path) -> tuple[Region, ...]:
    """The 9,555 boxes, in pixels of the 1024 x 1024 DICOM images."""
    sides = ("x", "y", "width", "height")
    table = _table(root, _LABELS, "patientId", "Target", *sides)
    rows = [
        (_IMAGES.format(film), "Lung Opacity", *cells)
        for film, target, *cells in zip(
            *(table.cells[name] for name in ("patientId", "Target", *sides)), strict=True
        )
        if target == "1"
    ]
    return boxes(rows, readers=[""] * len(rows), table=table.name)


RSNA = SOURCES.register("rsna-pneumonia")(
    Source(
        name="rsna-pneumonia",
        title="RSNA Pneumonia Detection Challenge",
        recognise=(f"{_LABELS}*",),
        labels={
            "lung-opacity": "Lung Opacity, as radiologists marked it, and No Finding",
            "pneumonia": "the same target under the name published code gives it, Pneumonia",
        },
        splits=(
            SplitScheme(name=HASHED, what="by a salted hash of the NIH patient"),
            SplitScheme(
                name="legacy-by-image",
                what="GLoRIA's and MGCA's 70/15/15, drawn by film",
                leaks="films are drawn one by one, and NIH patients with several stand on both "
                "sides",
            ),
        ),
        read=_read,
        terms="RSNA's terms of the challenge: non-commercial research and education, with a "
        "citation, no attempt to identify anybody",
        citation="Shih et al., Augmenting the NIH chest radiograph dataset with expert annotations "
        "of possible pneumonia, Radiology: Artificial Intelligence 1, 2019",
        shares={
            "nih-chestxray14": "every film is of ChestX-ray14; the mapping says which",
            "siim-acr": "both are drawn from ChestX-ray14",
            "covidx": "COVIDx takes its normal films and its pneumonia from here",
        },
        regions=_regions,
        drawn_on=(1024, 1024),
        marks_all=True,
    )
)

"""SIIM-ACR Pneumothorax Segmentation 2019: NIH films with pneumothoraces outlined.

Filice et al., Journal of Digital Imaging 33, 2020. ``train-rle.csv`` has 12,954 rows of 12,047
films: one row a mask, or one that says -1 for a film without; the second column's name begins with
a space, and in some releases so does the -1. A film is PRESENT where a row has a mask, ABSENT where
its row says -1. ``stage_2_train.csv`` is read likewise. Masks are column by column over 1024 x 1024
pixels, by how many are left out and how many marked, in turn.

Films lie at ``dicom-images-train/STUDY/SERIES/FILM.dcm``, or all in one folder. Their table says
nothing of patients: with ``headers = true`` patient, view, sex and age are taken from the DICOM
headers, and otherwise, or where no header's patient has a second film, every film counts as a
patient of its own, which a split then says.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from carina.core import ManifestError, MissingFile
from carina.studies.labels import Presence
from carina.studies.manifest import Manifest
from carina.studies.regions import Mask, Region
from carina.studies.sources.assembling import assemble
from carina.studies.sources.drawing import seventy_fifteen
from carina.studies.sources.headers import Header, read_headers
from carina.studies.sources.places import places
from carina.studies.sources.source import HASHED, SOURCES, Reading, Source, SplitScheme
from carina.studies.sources.table import Table, find

__all__ = ["SIIM"]

_TABLES = ("train-rle.csv", "stage_2_train.csv")
_FINDING = "Pneumothorax"
_NONE = "-1"
_PAIRS = re.compile(r"[0-9]+ [0-9]+( [0-9]+ [0-9]+)*")
_FOLDER = "dicom-images-train"
_LAYOUTS = (f"{_FOLDER}/*/*", _FOLDER, "stage_2_images")
_UNKNOWN = (
    "it is not known which films are of one NIH patient, and those with several stand on both sides"
)


def _read(root: Path, choice: Reading) -> Manifest:
    rows = _rows(root)
    first: dict[str, int] = {}
    for row, (film, _) in enumerate(rows):
        first.setdefault(film, row)
    films = list(first)
    masked = {film for film, mask in rows if mask != _NONE}
    image = _images(root, films)
    header = read_headers(root, image) if choice.headers else [Header()] * len(films)
    patient = [one.patient or film for one, film in zip(header, films, strict=True)]
    drawn = seventy_fifteen(len(rows))
    read = assemble(
        root,
        choice,
        image=image,
        patient=patient,
        study=[one.study or film for one, film in zip(header, films, strict=True)],
        labels={
            _FINDING: [Presence.PRESENT if film in masked else Presence.ABSENT for film in films]
        },
        published=[drawn[row] for row in first.values()],
        view=[one.view for one in header],
        sex=[one.sex for one in header],
        age=[one.age for one in header],
        extra=_also(rows, drawn, first) if choice.split == "legacy-by-row" else {},
    )
    told = len(set(patient)) < len(films)
    return read if told or read.leaks else replace(read, leaks=_UNKNOWN)


def _rows(root: Path) -> list[tuple[str, str]]:
    """Film and mask, or -1, of each row of the table.

    Raises:
        MissingFile, UnreadableFile, ConfigError: where there is no such table.
        ManifestError: where a row holds neither, or films have masks and none.
    """
    if (path := find(root, *_TABLES)) is None:
        raise MissingFile(f"There is no {_TABLES[0]} in the data folder.")
    table = Table.read(path)
    table.require("ImageId", "EncodedPixels")
    rows = list(zip(table.cells["ImageId"], table.cells["EncodedPixels"], strict=True))
    if wrong := sum(mask != _NONE and not _PAIRS.fullmatch(mask) for _, mask in rows):
        raise ManifestError(
            f"{wrong} row(s) of {table.name} hold neither a mask, pairs of numbers such as "
            f"557374 2, nor {_NONE} for a film without one."
        )
    masked, clear = ({film for film, mask in rows if (mask == _NONE) is no} for no in (False, True))
    if both := len(masked & clear):
        raise ManifestError(
            f"{both} film(s) of {table.name} have a mask in one row and {_NONE} in another; use "
            "the table as it was published."
        )
    return rows


def _images(root: Path, films: Sequence[str]) -> list[str]:
    names = [film and f"{film}.dcm" for film in films]
    return places(root, names, _LAYOUTS, default=lambda name: name and f"{_FOLDER}/{name}")


def _also(
    rows: Sequence[tuple[str, str]], drawn: Sequence[str], first: dict[str, int]
) -> dict[str, list[str]]:
    """The splits, beside its own, into which further rows of a film were drawn."""
    places_of: dict[str, set[str]] = {}
    for (film, _), place in zip(rows, drawn, strict=True):
        places_of.setdefault(film, set()).add(place)
    return {
        "also_in": [" ".join(sorted(places_of[film] - {drawn[row]})) for film, row in first.items()]
    }


def _regions(root: Path) -> tuple[Region, ...]:
    """The masks, one a row that has one, on images of 1024 x 1024 pixels."""
    rows = _rows(root)
    images = _images(root, [film for film, _ in rows])
    return tuple(
        Mask.from_gaps(text, image=image, finding=_FINDING)
        for image, (_, text) in zip(images, rows, strict=True)
        if text != _NONE
    )


SIIM = SOURCES.register("siim-acr")(
    Source(
        name="siim-acr",
        title="SIIM-ACR Pneumothorax Segmentation",
        recognise=("train-rle.csv*",),
        labels={"masks": "Pneumothorax, present where a mask was drawn"},
        splits=(
            SplitScheme(name=HASHED, what="by a salted hash of the patient, as far as told"),
            SplitScheme(
                name="legacy-by-row",
                what="GLoRIA's and MGCA's 70/15/15, drawn by row of the table; a film stands where "
                "its first row does, and the column also_in names the other splits it was in",
                leaks="rows were drawn, not films: films with several masks, and patients with "
                "several films, stand on both sides",
            ),
        ),
        read=_read,
        terms="rules of the SIIM-ACR challenge: non-commercial research and education; the films "
        "are NIH's",
        citation="Filice et al., Crowdsourcing pneumothorax annotations using machine learning "
        "annotations on the NIH chest X-ray dataset, Journal of Digital Imaging 33, 2020",
        shares={
            "nih-chestxray14": "every film is of ChestX-ray14; which one is not published",
            "rsna-pneumonia": "both are drawn from ChestX-ray14",
        },
        regions=_regions,
        drawn_on=(1024, 1024),
        marks_all=True,
    )
)

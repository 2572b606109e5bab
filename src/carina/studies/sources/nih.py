"""ChestX-ray14: 112,120 frontal films of 30,805 patients of the NIH Clinical Center.

Wang et al., ChestX-ray8, CVPR 2017. One row a film in ``Data_Entry_2017_v2020.csv``, or in the
older ``Data_Entry_2017.csv``, whose ages may be DICOM's (058Y) and in a few rows beyond 120, which
count as unknown. The header's brackets hold commas (``OriginalImage[Width,Height]``), so that it
falls into more cells than it has names, and in some releases ends with one. Labels were mined from
reports that are not published: the list of a film is complete over the fourteen findings, so what
is not listed is ABSENT, as its authors use it. The view is PA or AP; there is no date. Films lie in
``images_001/images`` to ``images_012/images``, or all in ``images``.
"""

from collections.abc import Sequence
from pathlib import Path

from carina.core import ManifestError, MissingFile, UnreadableFile
from carina.studies.labels import Presence
from carina.studies.manifest import Manifest
from carina.studies.regions import Region, boxes
from carina.studies.sources.assembling import assemble, held_out
from carina.studies.sources.cells import ages, sex, view
from carina.studies.sources.places import places
from carina.studies.sources.source import HASHED, SOURCES, Reading, Source, SplitScheme
from carina.studies.sources.table import Table, find

__all__ = ["NIH"]

_TABLES = ("Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv")
_BOXES = "BBox_List_2017.csv"
_LISTS = {"train": "train_val_list.txt", "test": "test_list.txt"}
_LAYOUTS = ("images_0*/images", "images_0*", "images")
_NONE = "No Finding"
_FINDINGS = (
    *("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Effusion", "Emphysema"),
    *("Fibrosis", "Hernia", "Infiltration", "Mass", "Nodule", "Pleural_Thickening"),
    *("Pneumonia", "Pneumothorax", _NONE),
)
_BEYOND = 120.0
_MOST = 1 << 26  # bytes; the longer list has under two million


def _read(root: Path, choice: Reading) -> Manifest:
    if (path := find(root, *_TABLES)) is None:
        raise MissingFile(f"There is no {_TABLES[0]} in the data folder.")
    table = Table.read(path)
    table.require("Image Index", "Finding Labels", "Patient ID")
    table.require("Patient Age", "Patient Gender", "View Position")
    names, patient = table.cells["Image Index"], table.cells["Patient ID"]
    old = ages("Patient Age", tuple(table.cells["Patient Age"]))
    return assemble(
        root,
        choice,
        image=_images(root, names),
        patient=patient,
        labels=_labels(table),
        published=() if choice.split == HASHED else held_out(patient, _parts(root, names), choice),
        view=[view(cell) for cell in table.cells["View Position"]],
        sex=[sex(cell) for cell in table.cells["Patient Gender"]],
        age=[float("nan") if age > _BEYOND else age for age in old],
    )


def _images(root: Path, names: Sequence[str]) -> list[str]:
    return places(root, names, _LAYOUTS, default=lambda name: name and f"images/{name}")


def _labels(table: Table) -> dict[str, list[Presence]]:
    lists = [set(cell.split("|")) for cell in table.cells["Finding Labels"]]
    if strange := sum(not said <= set(_FINDINGS) for said in lists):
        raise ManifestError(
            f"{strange} row(s) of {table.name} list something else than {', '.join(_FINDINGS)} "
            "with | between; use the table as it was published."
        )
    return {
        name: [Presence.PRESENT if name in said else Presence.ABSENT for said in lists]
        for name in _FINDINGS
    }


def _parts(root: Path, names: Sequence[str]) -> list[str]:
    """The official part of each film: train or test.

    Raises:
        MissingFile: where a list is not there.
        ManifestError: where films are on neither list, or on both.
    """
    part: dict[str, str] = {}
    for said, name in _LISTS.items():
        path = root / name
        if not path.is_file():
            raise MissingFile(
                f"The official split is read from {' and '.join(_LISTS.values())}, and there is no "
                f'{name} in the data folder. Without it, choose split = "{HASHED}".'
            )
        if path.stat().st_size > _MOST:
            raise UnreadableFile(f"The list {name} has more than {_MOST >> 20} MiB.")
        listed = path.read_bytes().decode("utf-8", "replace").split()
        if both := sum(film in part for film in listed):
            raise ManifestError(f"{both} film(s) are on both official lists, or twice on one.")
        part |= dict.fromkeys(listed, said)
    if missing := sum(name not in part for name in names):
        raise ManifestError(f"{missing} film(s) are on neither of the official lists.")
    return [part[name] for name in names]


def _regions(root: Path) -> tuple[Region, ...]:
    """The 984 boxes of 880 test films, in pixels of the published 1024 x 1024 images.

    Its header is as bracketed as the other (``Bbox [x,y,w,h]``) and ends with three commas.
    """
    if (path := find(root, _BOXES)) is None:
        raise MissingFile(f"There is no {_BOXES} in the data folder.")
    table = Table.read(path)
    columns = ("Image Index", "Finding Label", "Bbox [x", "y", "w", "h]")
    table.require(*columns)
    images = _images(root, table.cells["Image Index"])
    cells = (table.cells[name] for name in columns[1:])
    return boxes(zip(images, *cells, strict=True), readers=[""] * len(table), table=table.name)


NIH = SOURCES.register("nih-chestxray14")(
    Source(
        name="nih-chestxray14",
        title="NIH ChestX-ray14",
        recognise=("Data_Entry_2017*.csv*",),
        labels={"mined": "mined from reports; fourteen findings, and No Finding where none is"},
        splits=(
            SplitScheme(
                name="official",
                what="the published lists, by patient; validation is hashed by patient out of "
                "train_val_list.txt",
            ),
            SplitScheme(name=HASHED, what="all films by a salted hash of the patient"),
        ),
        read=_read,
        terms="NIH Clinical Center: no restriction, with a citation, an acknowledgement and a link "
        "to where it is published",
        citation="Wang et al., ChestX-ray8: Hospital-scale chest X-ray database and benchmarks, "
        "CVPR 2017",
        shares={
            "rsna-pneumonia": "all 30,000 films of RSNA are of this set; its mapping says which",
            "siim-acr": "all films of SIIM-ACR are of this set; which ones is not published",
            "covidx": "COVIDx has RSNA's films, which are of this set",
        },
        regions=_regions,
        drawn_on=(1024, 1024),
    )
)

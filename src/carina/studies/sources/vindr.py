"""VinDr-CXR: 18,000 postero-anterior films of two hospitals in Hanoi, read by 17 radiologists.

Nguyen et al., Scientific Data 9, 2022. Each training film was read by three radiologists, each
test film by a consensus of five. Two forms are published. PhysioNet's has
``annotations/image_labels_train.csv``, one row a film and reader with 0 or 1 for each of 28 labels,
``annotations/image_labels_test.csv``, one row a film without a reader, which spells one label
otherwise (Other disease), and boxes in ``annotations/annotations_*.csv``. Kaggle's has the training
films alone: ``train.csv``, one row a box and reader over 14 findings, or class 14, No finding, for
a reader who marked nothing; so a reader who marked other things said a finding is ABSENT.

Readings become one label by the chosen set. Neither form says which films are one patient's: each
counts as a patient of its own. Films are ``train/ID.dicom`` and ``test/ID.dicom``; all are PA. Sex
and age stand in some DICOM headers: ``headers = true``.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from carina.core import ManifestError, MissingFile
from carina.studies.findings import canonical
from carina.studies.labels import Presence
from carina.studies.manifest import Manifest
from carina.studies.regions import Region, boxes
from carina.studies.sources.assembling import assemble, held_out, presences
from carina.studies.sources.headers import read_headers
from carina.studies.sources.source import HASHED, SOURCES, Reading, Source, SplitScheme
from carina.studies.sources.table import Table, find

__all__ = ["VINDR", "VINDR_KAGGLE"]

_MARKED = (
    *("Aortic enlargement", "Atelectasis", "Calcification", "Cardiomegaly", "Consolidation"),
    *("ILD", "Infiltration", "Lung Opacity", "Nodule/Mass", "Other lesion", "Pleural effusion"),
    *("Pleural thickening", "Pneumothorax", "Pulmonary fibrosis"),
)
_FURTHER = (
    *("Clavicle fracture", "Edema", "Emphysema", "Enlarged PA", "Lung cavity", "Lung cyst"),
    *("Mediastinal shift", "Rib fracture", "COPD", "Lung tumor", "Pneumonia", "Tuberculosis"),
    "Other diseases",
)
_NONE = "No finding"
_CELLS = {"0": Presence.ABSENT, "1": Presence.PRESENT}
_SIDES = ("x_min", "y_min", "x_max", "y_max")
_SETS = {
    "majority": "PRESENT where two of three readers say so, otherwise ABSENT",
    "any": "PRESENT where any reader says so, otherwise ABSENT",
    "unanimous": "what all readers say; UNCERTAIN where they differ",
}


@dataclass(slots=True, kw_only=True)
class _Readings:
    """Films in their order, and how often which finding was seen by how many readers."""

    readers: dict[str, int]
    seen: dict[str, Counter[str]]


def _physionet(root: Path, choice: Reading) -> Manifest:
    names = (*_MARKED, *_FURTHER, _NONE)
    parts = {part: _of_table(root, part, names) for part in ("train", "test")}
    if twice := len(set(parts["train"].readers) & set(parts["test"].readers)):
        raise ManifestError(f"{twice} film(s) are in both tables of labels, train and test.")
    films = [film for read in parts.values() for film in read.readers]
    said = [part for part, read in parts.items() for _ in read.readers]
    labels = {
        name: [one for read in parts.values() for one in _agreed(read, name, choice.labels)]
        for name in names
    }
    split = () if choice.split == HASHED else held_out(films, said, choice)
    return _manifest(root, choice, list(zip(said, films, strict=True)), labels, split)


def _kaggle(root: Path, choice: Reading) -> Manifest:
    table = _table(root / "train.csv", "image_id", "class_name", "rad_id")
    names = (*_MARKED, _NONE)
    known = {canonical(name) for name in names}
    marked: dict[str, dict[str, set[str]]] = {}
    strange = 0
    for film, name, reader in zip(
        *(table.cells[column] for column in ("image_id", "class_name", "rad_id")), strict=True
    ):
        strange += canonical(name) not in known
        marked.setdefault(film, {}).setdefault(reader, set()).add(canonical(name))
    if strange:
        raise ManifestError(
            f"{strange} row(s) of {table.name} name a class that is none of {', '.join(names)}."
        )
    read = _Readings(
        readers={film: len(readers) for film, readers in marked.items()},
        seen={
            film: Counter(name for said in readers.values() for name in said)
            for film, readers in marked.items()
        },
    )
    labels = {name: _agreed(read, name, choice.labels) for name in names}
    return _manifest(root, choice, [("train", film) for film in marked], labels, ())


def _of_table(root: Path, part: str, names: Sequence[str]) -> _Readings:
    """PhysioNet's readings of one part, one row a film and reader."""
    table = _table(root / "annotations" / f"image_labels_{part}.csv", "image_id")
    column_of = {canonical(column): column for column in table.columns}
    table.require(*(name for name in names if canonical(name) not in column_of))
    films = table.cells["image_id"]
    read = _Readings(readers=dict(Counter(films)), seen={film: Counter() for film in films})
    for name in names:
        column = column_of[canonical(name)]
        # Released cells are 0 and 1; some copies write them as 0.0 and 1.0.
        cells = [cell.removesuffix(".0") for cell in table.cells[column]]
        for film, one in zip(films, presences(cells, _CELLS, column=column), strict=True):
            read.seen[film][canonical(name)] += one is Presence.PRESENT
    return read


def _table(path: Path, *columns: str) -> Table:
    if (found := find(path.parent, path.name)) is None:
        raise MissingFile(f"There is no {path.name} where this data set has it.")
    table = Table.read(found)
    table.require(*columns)
    return table


def _agreed(read: _Readings, name: str, rule: str) -> list[Presence]:
    """What the readers of each film say of a finding together."""
    return [
        _together(read.seen[film][canonical(name)], readers, rule)
        for film, readers in read.readers.items()
    ]


def _together(votes: int, readers: int, rule: str) -> Presence:
    if rule == "unanimous" and 0 < votes < readers:
        return Presence.UNCERTAIN
    enough = 1 if rule == "any" else readers // 2 + 1
    return Presence.PRESENT if votes >= enough else Presence.ABSENT


def _manifest(
    root: Path,
    choice: Reading,
    films: Sequence[tuple[str, str]],
    labels: Mapping[str, Sequence[Presence]],
    split: Sequence[str],
) -> Manifest:
    image = [_image(part, film) for part, film in films]
    header = read_headers(root, image) if choice.headers else []
    return assemble(
        root,
        choice,
        image=image,
        patient=[film for _, film in films],
        labels=labels,
        published=split,
        view=["PA"] * len(films),
        sex=[one.sex for one in header],
        age=[one.age for one in header],
    )


def _image(part: str, film: str) -> str:
    return film and f"{part}/{film}.dicom"


def _physionet_regions(root: Path) -> tuple[Region, ...]:
    """The boxes of both parts, in pixels of the DICOM images."""
    return tuple(
        region
        for part in ("train", "test")
        for region in _marked(root / "annotations" / f"annotations_{part}.csv", part)
    )


def _kaggle_regions(root: Path) -> tuple[Region, ...]:
    """The boxes of each reader, in pixels of the DICOM images."""
    return _marked(root / "train.csv", "train")


def _marked(path: Path, part: str) -> tuple[Region, ...]:
    table = _table(path, "image_id", "class_name", *_SIDES)
    readers = table.cells.get("rad_id", [""] * len(table))
    columns = (table.cells[name] for name in ("image_id", "class_name", *_SIDES))
    rows, by = [], []
    for (film, name, *corners), reader in zip(zip(*columns, strict=True), readers, strict=True):
        if any(corners):
            rows.append((_image(part, film), name, *_sides(corners)))
            by.append(reader)
    return boxes(rows, readers=by, table=table.name)


def _sides(corners: Sequence[str]) -> tuple[str, ...]:
    """Left, upper, width and height of two corners; what is no number stays for the box to say."""
    try:
        left, upper, right, lower = map(float, corners)
    except ValueError:
        return tuple(corners)
    return tuple(map(str, (left, upper, right - left, lower - upper)))


_HASHED = SplitScheme(name=HASHED, what="all films by a salted hash of the film")
_CITATION = (
    "Nguyen et al., VinDr-CXR: An open dataset of chest X-rays with radiologist's annotations, "
    "Scientific Data 9, 2022"
)

VINDR = SOURCES.register("vindr-cxr")(
    Source(
        name="vindr-cxr",
        title="VinDr-CXR (PhysioNet)",
        recognise=("annotations/image_labels_train.csv*", "annotations/image_labels_test.csv*"),
        labels={name: f"{what}; test films by their consensus" for name, what in _SETS.items()},
        splits=(
            SplitScheme(
                name="official",
                what="the published 15,000 and 3,000 films; validation is hashed by film out of "
                "the former",
            ),
            _HASHED,
        ),
        read=_physionet,
        terms="PhysioNet Credentialed Health Data License: credentialed users with training, no "
        "passing on",
        citation=_CITATION,
        shares={"vindr-cxr-kaggle": "its 15,000 training films, under the same names"},
        regions=_physionet_regions,
    )
)

VINDR_KAGGLE = SOURCES.register("vindr-cxr-kaggle")(
    Source(
        name="vindr-cxr-kaggle",
        title="VinBigData Chest X-ray Abnormalities Detection (VinDr-CXR's training films)",
        recognise=("train.csv",),
        labels=_SETS,
        splits=(_HASHED,),
        read=_kaggle,
        terms="rules of the VinBigData challenge: non-commercial use",
        citation=_CITATION,
        headers={"train.csv": ("image_id", "class_name", "class_id", "rad_id", "x_min")},
        shares={"vindr-cxr": "its training films, under the same names"},
        regions=_kaggle_regions,
    )
)

"""CheXpert: 224,316 films of 65,240 patients of Stanford Hospital, labelled from their reports.

Irvin et al., CheXpert: A Large Chest Radiograph Dataset with Uncertainty Labels and Expert
Comparison, AAAI 2019. Patient and study are read from `Path`, whatever data set folder it begins
with (``CheXpert-v1.0/``, ``CheXpert-v1.0-small/``). The view is LATERAL where `Frontal/Lateral`
says so and otherwise what `AP/PA` says; tables of the test films without these columns leave
LATERAL to the file name. A blank label is UNMENTIONED, never absent: the authors' own baseline
counted it as absent, which is a policy and is chosen in the recipe. The training films' labels are
a rule labeller's, those of ``valid.csv`` a majority of three radiologists, those of the test films
a majority of five.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from carina.core import ManifestError, MissingFile
from carina.studies.findings import FOURTEEN
from carina.studies.labels import Presence
from carina.studies.manifest import Manifest, Split
from carina.studies.sources.assembling import assemble, held_out
from carina.studies.sources.cells import ages, sex, view
from carina.studies.sources.fourteen import fourteen, laid_over
from carina.studies.sources.source import HASHED, SOURCES, Reading, Source, SplitScheme
from carina.studies.sources.table import Table, find

__all__ = ["CHEXPERT", "PLUS", "film"]

PLUS = "df_chexpert_plus_240401.csv"
"""The table of CheXpert Plus, which holds the reports."""
_FILM = re.compile(r"(?:^|/)((train|valid|test)/(patient\d+)/(study\d+)/[^/]+)$")
_STUDY = re.compile(r"(?:^|/)(test/patient\d+/study\d+)/?$")
_TEST = ("test.csv", "test_labels.csv")
_RELABELLED = {
    "visualchexbert": ("train_visualCheXbert.csv", "visualCheXbert.csv"),
    "chexbert": ("train_cheXbert.csv", "cheXbert.csv"),
}
_BY_READERS = {"valid": "val", "test": "test"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """What the path of a film says."""

    image: str
    part: str
    patient: str
    study: str


def film(path: str, table: str) -> Film:
    """A film from its path.

    Raises:
        ManifestError: for a path of another form, which is not quoted.
    """
    if (match := _FILM.search(path)) is None:
        raise ManifestError(
            f"A path in {table} does not end in (train|valid|test)/patientN/studyN/FILE; "
            "use the table as it was published."
        )
    image, part, patient, study = match.groups()
    return Film(image=image, part=part, patient=patient, study=f"{patient}/{study}")


def _read(root: Path, choice: Reading) -> Manifest:
    tables = [Table.read(root / "train.csv"), Table.read(root / "valid.csv")]
    if (test := _test_table(root)) is not None:
        tables.append(test)
    for table in tables:
        table.require("Path")
    films = [film(path, table.name) for table in tables for path in table.cells["Path"]]
    labels = {name: list[Presence]() for name in FOURTEEN}
    for table in tables:
        for name, column in fourteen(table).items():
            labels[name] += column
    sides, projections = _column(tables, "Frontal/Lateral"), _column(tables, "AP/PA")
    split = _split(choice, films, labels, sides)  # before others' labels: MGCA's reads these
    if choice.labels in _RELABELLED:
        labels = _relabelled(root, choice.labels, films, labels)
    rows = [row for row, name in enumerate(split) if name]
    kept = [films[row] for row in rows]
    ages_read = ages("Age", tuple(_column(tables, "Age")))
    return assemble(
        root,
        choice,
        image=[film.image for film in kept],
        patient=[film.patient for film in kept],
        study=[film.study for film in kept],
        labels={name: [column[row] for row in rows] for name, column in labels.items()},
        published=[split[row] for row in rows],
        view=[_view(films[row], sides[row], projections[row]) for row in rows],
        sex=[sex(cell) for cell in _taken(_column(tables, "Sex"), rows)],
        age=[ages_read[row] for row in rows],
        report=_reports(root, choice, kept),
    )


def _column(tables: Sequence[Table], name: str) -> list[str]:
    """A column of the tables one after the other; blank in those that lack it."""
    return [cell for table in tables for cell in table.cells.get(name, [""] * len(table))]


def _taken(cells: Sequence[str], rows: Sequence[int]) -> list[str]:
    return [cells[row] for row in rows]


def _view(film: Film, side: str, projection: str) -> str:
    lateral = side == "Lateral" or (not side and film.image.endswith("_lateral.jpg"))
    return "LATERAL" if lateral else view(projection)


def _test_table(root: Path) -> Table | None:
    """The radiologists' labels of the test films; those given by study laid on its films."""
    if (path := find(root, *_TEST)) is not None:
        return Table.read(path)
    if (path := find(root, "groundtruth.csv")) is None:
        return None
    by_study = Table.read(path)
    by_study.require("Study")
    cells: dict[str, list[str]] = {name: [] for name in ("Path", *by_study.columns)}
    for row, study in enumerate(by_study.cells["Study"]):
        if (match := _STUDY.search(study)) is None:
            raise ManifestError(f"A study in {path.name} does not end in test/patientN/studyN.")
        for file in sorted((root / match[1]).glob("*.jpg")):
            cells["Path"].append(f"{match[1]}/{file.name}")
            for name in by_study.columns:
                cells[name].append(by_study.cells[name][row])
    if not cells["Path"]:
        raise MissingFile(
            f"{path.name} labels studies, and none of their films lies below test/; wanted them, "
            f"or a table of the films ({' or '.join(_TEST)})."
        )
    return Table(name=path.name, cells=cells)


def _relabelled(
    root: Path, name: str, films: Sequence[Film], labels: dict[str, list[Presence]]
) -> dict[str, list[Presence]]:
    """The training films' labels by another labeller; the radiologists' stay."""
    if (path := find(root, *_RELABELLED[name])) is None:
        raise MissingFile(f"The label set {name!r} is read from {_RELABELLED[name][0]}.")
    table = Table.read(path)
    table.require("Path")
    place = {film(cell, path.name).image: at for at, cell in enumerate(table.cells["Path"])}
    train = [row for row, one in enumerate(films) if one.part == "train"]
    at = {row: place[films[row].image] for row in train if films[row].image in place}
    return laid_over(labels, at, fourteen(table), only=train)


def _reports(root: Path, choice: Reading, films: Sequence[Film]) -> list[str]:
    """CheXpert Plus's reports, of the films it has one of."""
    path = root / choice.reports if choice.reports else find(root, PLUS)
    if path is None:
        return []
    table = Table.read(path, only=("path_to_image", "report"))
    table.require("path_to_image", "report")
    texts = dict(zip(table.cells["path_to_image"], table.cells["report"], strict=True))
    return [texts.get(film.image, "") for film in films]


def _split(
    choice: Reading,
    films: Sequence[Film],
    labels: dict[str, list[Presence]],
    sides: Sequence[str],
) -> list[str]:
    """The split of each film; "" for one that is left out."""
    if choice.split == HASHED:
        return [str(Split.TRAIN)] * len(films)  # assembling hashes them; none is left out
    if choice.split == "official":
        return [_BY_READERS.get(film.part, "train") for film in films]
    if choice.split == "valid-as-test":
        parts = {"train": "train", "valid": "test", "test": ""}
        return held_out([one.patient for one in films], [parts[one.part] for one in films], choice)
    return _mgca(films, labels, sides)


_ALONE = ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion")
_QUERIES, _VALIDATION = 200, 5000


def _mgca(
    films: Sequence[Film], labels: dict[str, list[Presence]], sides: Sequence[str]
) -> list[str]:
    """MGCA's split: 5 x 200 films that show one finding alone set aside, then 5,000 for validation.

    Drawn as its published code draws, from NumPy's old generator with seed 0, so the films are the
    same where the table is. In that code the training part keeps films of the validation part, by a
    slip between labels and positions of rows; here no film stands in both.
    """
    split = ["" if film.part == "test" else "test" for film in films]
    train = [row for row, film in enumerate(films) if film.part == "train"]
    read = {name: np.array(column) for name, column in labels.items() if name != "No Finding"}
    present = {name: column == Presence.PRESENT for name, column in read.items()}
    # Blank counts as absent there, and uncertain as neither.
    absent = {
        name: (column == Presence.ABSENT) | (column == Presence.UNMENTIONED)
        for name, column in read.items()
    }
    frontal = np.array([side == "Frontal" for side in sides])
    aside: set[int] = set()
    for alone in _ALONE:
        only = frontal & present[alone]
        for name in read:
            only = only & (absent[name] if name != alone else True)
        rows = [row for row in train if only[row]]
        drawn = np.random.RandomState(0).choice(
            len(rows), size=min(_QUERIES, len(rows)), replace=False
        )
        aside |= {rows[int(at)] for at in drawn}
    rest = [row for row in train if row not in aside]
    drawn = np.random.RandomState(0).choice(
        len(rest), size=min(_VALIDATION, len(rest) // 2), replace=False
    )
    for row in train:
        split[row] = "" if row in aside else "train"
    for at in drawn:
        split[rest[int(at)]] = "val"
    return split


CHEXPERT = SOURCES.register("chexpert")(
    Source(
        name="chexpert",
        title="CheXpert",
        recognise=("train.csv", "valid.csv"),
        headers={"train.csv": ("Path", "Frontal/Lateral", "AP/PA", "Enlarged Cardiomediastinum")},
        labels={
            "chexpert": "the CheXpert labeller's for training films, radiologists' for the others",
            "visualchexbert": "VisualCheXbert's for training films, radiologists' for the others",
            "chexbert": "CheXbert's for training films, radiologists' for the others",
        },
        splits=(
            SplitScheme(
                name="official",
                what="train.csv for training, valid.csv for validation, the test films for test",
            ),
            SplitScheme(
                name="valid-as-test",
                what="valid.csv for test, as much published work has it; training films by a hash "
                "of the patient, an eighth for validation",
            ),
            SplitScheme(name=HASHED, what="all films by a salted hash of the patient"),
            SplitScheme(
                name="legacy-mgca",
                what="5,000 training films drawn by film for validation, valid.csv for test, as "
                "in the code of MGCA (Wang et al., NeurIPS 2022) and work built on it",
                leaks="validation films were drawn by film, so their patients' other films are "
                "trained on",
            ),
        ),
        read=_read,
        terms="Stanford University School of Medicine CheXpert Dataset Research Use Agreement: "
        "non-commercial research, no passing on",
        citation="Irvin et al., CheXpert, AAAI 2019",
        shares={"chexpert-plus": "the same films and patients, with their reports"},
    )
)

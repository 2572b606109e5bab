"""MIMIC-CXR-JPG: 377,110 films of 227,835 studies of Beth Israel Deaconess Medical Center.

Johnson et al., MIMIC-CXR-JPG, a large publicly available database of labeled chest radiographs,
2019 (arXiv 1901.07042). One row a film in ``metadata`` and ``split``, one a study in the label
tables; a film has its study's labels, and a study without a row is UNMENTIONED throughout. Films
lie at ``files/p10/p10000032/s50414267/DICOM_ID.jpg``, reports (of MIMIC-CXR, apart) at
``files/p10/p10000032/s50414267.txt`` below the folder of reports. The view is `ViewPosition`: PA,
AP, LATERAL and LL are told, obliques and decubitus views are "". There is neither sex nor age: they
are MIMIC-IV's. Tables may be packed as they were published or unpacked. ``mimic-cxr-2.1.0-test-
set-labeled.csv`` writes Airspace Opacity for Lung Opacity and need not hold No Finding.
"""

from collections.abc import Sequence
from pathlib import Path

from carina.core import ManifestError, MissingFile, UnreadableFile
from carina.studies.findings import FOURTEEN
from carina.studies.labels import Presence
from carina.studies.manifest import Manifest
from carina.studies.sources.assembling import assemble
from carina.studies.sources.cells import view
from carina.studies.sources.fourteen import fourteen, laid_over
from carina.studies.sources.source import HASHED, SOURCES, Reading, Source, SplitScheme
from carina.studies.sources.table import Table, find

__all__ = ["MIMIC_CXR_JPG"]

_TABLES = "mimic-cxr-2.0.0-{}.csv"
_TEST = "mimic-cxr-2.1.0-test-set-labeled.csv"
_REPORTS = ("mimic-cxr-reports", "reports")
_SPLITS = {"train": "train", "validate": "val", "test": "test"}
_LONGEST = 1 << 20  # bytes; the longest report has under 10,000


def _read(root: Path, choice: Reading) -> Manifest:
    films = _table(root, "metadata", "dicom_id", "subject_id", "study_id", "ViewPosition")
    films.require("StudyDate")
    study, patient = films.cells["study_id"], films.cells["subject_id"]
    folder = [
        f"p{whose[:2]}/p{whose}/s{which}" for whose, which in zip(patient, study, strict=True)
    ]
    return assemble(
        root,
        choice,
        image=[
            f"files/{below}/{name}.jpg"
            for below, name in zip(folder, films.cells["dicom_id"], strict=True)
        ],
        patient=patient,
        study=study,
        labels=_labels(root, choice.labels, study),
        published=[] if choice.split == HASHED else _splits(root, films.cells["dicom_id"]),
        view=[view(cell) for cell in films.cells["ViewPosition"]],
        date=films.cells["StudyDate"],
        report=_reports(root, choice, folder),
    )


def _table(root: Path, which: str, *columns: str) -> Table:
    name = _TABLES.format(which)
    if (path := find(root, name)) is None:
        raise MissingFile(f"There is no {name}.gz in the data folder, packed or unpacked.")
    table = Table.read(path)
    table.require(*columns)
    return table


def _splits(root: Path, dicom: Sequence[str]) -> list[str]:
    table = _table(root, "split", "dicom_id", "split")
    split_of = dict(zip(table.cells["dicom_id"], table.cells["split"], strict=True))
    if strange := sum(split_of.get(one) not in _SPLITS for one in dicom):
        raise ManifestError(
            f"{strange} film(s) have none of the splits {', '.join(_SPLITS)} in {table.name}; "
            "use tables of one release."
        )
    return [_SPLITS[split_of[one]] for one in dicom]


def _labels(root: Path, which: str, study: Sequence[str]) -> dict[str, list[Presence]]:
    blank = {name: [Presence.UNMENTIONED] * len(study) for name in FOURTEEN}
    machine = "chexpert" if which == "radiologists" else which
    labels = _of_studies(_table(root, machine, "study_id"), study, blank)
    if which != "radiologists":
        return labels
    if (path := find(root, _TEST)) is None:
        raise MissingFile(f"The label set 'radiologists' is read from {_TEST}.")
    read = Table.read(path)
    read.require("study_id")
    tested = {cell for cell, part in zip(study, _of_split(root, study), strict=True) if part}
    return _of_studies(read, study, labels, speaks_for=tested | set(read.cells["study_id"]))


def _of_split(root: Path, study: Sequence[str]) -> list[bool]:
    """Whether each study is of the official test part."""
    table = _table(root, "split", "study_id", "split")
    pairs = zip(table.cells["study_id"], table.cells["split"], strict=True)
    tested = {cell for cell, part in pairs if part == "test"}
    return [one in tested for one in study]


def _of_studies(
    table: Table,
    study: Sequence[str],
    labels: dict[str, list[Presence]],
    *,
    speaks_for: set[str] | None = None,
) -> dict[str, list[Presence]]:
    """Labels of films with those of their studies laid over."""
    place = {cell: row for row, cell in enumerate(table.cells["study_id"])}
    if len(place) < len(table):
        raise ManifestError(f"{table.name} has {len(table) - len(place)} study(s) twice.")
    at = {row: place[one] for row, one in enumerate(study) if one in place}
    only = [row for row, one in enumerate(study) if speaks_for is None or one in speaks_for]
    return laid_over(labels, at, fourteen(table, may_lack=("No Finding",)), only=only)


def _reports(root: Path, choice: Reading, folder: Sequence[str]) -> list[str]:
    """The report of each film's study, whole; "" where there is none.

    Raises:
        MissingFile: where a folder of reports is named and is not there, or holds none of them.
    """
    named = (choice.reports,) if choice.reports else _REPORTS
    below = next((root / name for name in named if (root / name).is_dir()), None)
    if below is None:
        if choice.reports:
            raise MissingFile("There is no folder of reports where `reports` says it is.")
        return []
    files = below / "files" if (below / "files").is_dir() else below
    texts = {one: _text(files / f"{one}.txt") for one in dict.fromkeys(folder)}
    if not any(texts.values()):
        raise MissingFile(
            "The folder of reports holds none of these studies; wanted p10/p10000032/s50414267.txt "
            "and so on in it, or in its folder files."
        )
    return [texts[one] for one in folder]


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_LONGEST + 1)
    except FileNotFoundError:
        return ""
    if len(data) > _LONGEST:
        raise UnreadableFile(f"A report has more than {_LONGEST >> 20} MiB; it is no report.")
    return data.decode("utf-8", errors="replace").strip()


MIMIC_CXR_JPG = SOURCES.register("mimic-cxr-jpg")(
    Source(
        name="mimic-cxr-jpg",
        title="MIMIC-CXR-JPG",
        recognise=("mimic-cxr-2.0.0-metadata.csv*", "mimic-cxr-2.0.0-chexpert.csv*"),
        labels={
            "chexpert": "the CheXpert labeller's",
            "negbio": "NegBio's",
            "radiologists": "the CheXpert labeller's for training and validation, a radiologist's "
            "reading of the reports for the 687 studies of the test set that have one; test films "
            "without one are unmentioned",
        },
        splits=(
            SplitScheme(name="official", what="the table's: train, validate and test, by patient"),
            SplitScheme(name=HASHED, what="all films by a salted hash of the patient"),
        ),
        read=_read,
        terms="PhysioNet Credentialed Health Data License: credentialed users with training, no "
        "passing on",
        citation="Johnson et al., MIMIC-CXR-JPG, arXiv 1901.07042, 2019",
    )
)

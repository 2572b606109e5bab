"""PadChest: 160,861 films of 67,625 patients of the Hospital San Juan de Alicante.

Bustos et al., PadChest, Medical Image Analysis 66, 2020. One row a film in
``PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv``. `Labels` is a list in Python's manner of
the findings a report names, some with a space before them or empty. It is complete over the
authors' 174 findings, so what is not listed is ABSENT, with these exceptions: a film whose list
says nothing of findings (``unchanged``, ``suboptimal study``, ``exclude``, no list) is UNMENTIONED
throughout; a label wider than a finding, or of its remains, makes it UNCERTAIN (`_PERHAPS`); and
``normal`` beside findings makes No Finding UNCERTAIN. A label narrower than a finding makes it
PRESENT (`_NAMES`). 39,053 films were labelled by physicians (`MethodLabel`), the others by a
recurrent network on their reports.

The view is `Projection`; AP_horizontal is AP, ribs (COSTAL) and unknown ones are "". The age is the
year of the study less that of birth. Reports are Spanish, in lower case, without endings. Films are
16-bit PNG in the folder `ImageDir`, or all in one. Left out are the films not of a chest (EXCLUDE)
and those of `BROKEN`, whose files are damaged as published. Tables of other releases, with more
rows, are read alike.
"""

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path

from carina.core import ManifestError, MissingFile
from carina.studies.labels import Presence
from carina.studies.manifest import Manifest
from carina.studies.sources.assembling import assemble
from carina.studies.sources.cells import sex
from carina.studies.sources.source import HASHED, SOURCES, Reading, Source, SplitScheme
from carina.studies.sources.table import Table, find

__all__ = ["BROKEN", "PADCHEST"]

_TABLE = "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv"
_COLUMNS = (
    *("ImageID", "ImageDir", "StudyDate_DICOM", "StudyID", "PatientID", "PatientBirth"),
    *("PatientSex_DICOM", "Projection", "Report", "MethodLabel", "Labels"),
)
_VIEWS = {"PA": "PA", "AP": "AP", "AP_horizontal": "AP", "L": "LATERAL"}
_EXCLUDED = "EXCLUDE"
_PHYSICIAN = "Physician"
_NOTHING = ("", "nan", "None")
_NORMAL = "normal"
_SILENT = frozenset({"", "unchanged", "suboptimal study"})  # of findings, they say nothing
_OLDEST = 120

_NAMES: dict[str, tuple[str, ...]] = {
    "Atelectasis": (
        *("atelectasis", "atelectasis basal", "laminar atelectasis", "lobar atelectasis"),
        *("round atelectasis", "segmental atelectasis", "total atelectasis"),
    ),
    "Cardiomegaly": ("cardiomegaly",),
    "Consolidation": ("consolidation",),
    "Edema": ("pulmonary edema",),
    "Pleural Effusion": (
        *("pleural effusion", "loculated pleural effusion", "loculated fissural effusion"),
        *("hydropneumothorax", "empyema"),
    ),
    "Emphysema": ("emphysema",),
    "Fibrosis": ("pulmonary fibrosis",),
    "Hernia": ("hiatal hernia",),
    "Infiltration": ("infiltrates",),
    "Mass": ("pulmonary mass",),
    "Nodule": ("nodule", "multiple nodules"),
    "Pleural Thickening": (
        *("pleural thickening", "apical pleural thickening", "calcified pleural thickening"),
    ),
    "Pneumonia": ("pneumonia", "atypical pneumonia"),
    "Pneumothorax": ("pneumothorax", "hydropneumothorax"),
    "Fracture": (
        *("fracture", "rib fracture", "callus rib fracture", "clavicle fracture"),
        *("humeral fracture", "vertebral fracture"),
    ),
    "Support Devices": (
        *("NSG tube", "endotracheal tube", "tracheostomy tube", "chest drain tube"),
        *("gastrostomy tube", "nephrostomy tube", "ventriculoperitoneal drain tube"),
        *("catheter", "central venous catheter", "central venous catheter via jugular vein"),
        *("central venous catheter via subclavian vein", "reservoir central venous catheter"),
        *("central venous catheter via umbilical vein", "pacemaker", "single chamber device"),
        *("dual chamber device", "electrical device", "dai", "double J stent"),
        *("artificial heart valve", "artificial aortic heart valve"),
        "artificial mitral heart valve",
    ),
    "Air Trapping": ("air trapping",),
    "Aortic Atheromatosis": ("aortic atheromatosis",),
    "Aortic Elongation": (
        *("aortic elongation", "ascendent aortic elongation", "descendent aortic elongation"),
        "supra aortic elongation",
    ),
    "Bronchiectasis": ("bronchiectasis",),
    "COPD": ("COPD signs",),
    "Costophrenic Angle Blunting": ("costophrenic angle blunting",),
    "Enlarged Pulmonary Artery": ("pulmonary artery enlargement",),
    "Flattened Diaphragm": ("flattened diaphragm",),
    "Granuloma": ("granuloma", "calcified granuloma"),
    "Hemidiaphragm Elevation": ("hemidiaphragm elevation",),
    "Hilar Enlargement": ("hilar enlargement", "vascular hilar enlargement"),
    "Kyphosis": ("kyphosis",),
    "Lung Cavity": ("cavitation",),
    "Mediastinal Shift": ("mediastinal shift",),
    "Pneumomediastinum": ("pneumomediastinum",),
    "Pneumoperitoneum": ("pneumoperitoneo",),
    "Rib Fracture": ("rib fracture", "callus rib fracture"),
    "Clavicle Fracture": ("clavicle fracture",),
    "Scoliosis": ("scoliosis",),
    "Subcutaneous Emphysema": ("subcutaneous emphysema",),
    "Tuberculosis": ("tuberculosis",),
}
_PERHAPS = {
    "Mass": ("mass",),
    "Rib Fracture": ("fracture",),
    "Clavicle Fracture": ("fracture",),
    "Tuberculosis": ("tuberculosis sequelae",),
}

BROKEN = frozenset(
    f"{name}.png"
    for name in (
        "216840111366964012283393834152009033102258826_00-059-087",
        "216840111366964012339356563862009072111404053_00-043-192",
        "216840111366964012373310883942009117084022290_00-064-025",
        "216840111366964012373310883942009152114636712_00-102-045",
        "216840111366964012373310883942009170084120009_00-097-074",
        "216840111366964012487858717522009280135853083_00-075-001",
        "216840111366964012558082906712009327122220177_00-102-064",
        "216840111366964012819207061112010281134410801_00-129-131",
        "216840111366964012819207061112010306085429121_04-020-102",
        "216840111366964012819207061112010307142602253_04-014-084",
        "216840111366964012819207061112010315104455352_04-024-184",
        "216840111366964012959786098432011033083840143_00-176-115",
        "216840111366964012989926673512011074122523403_00-163-058",
        "216840111366964012989926673512011083134050913_00-168-009",
        "216840111366964012989926673512011151082430686_00-157-045",
        "216840111366964013076187734852011291090445391_00-196-188",
        "216840111366964013590140476722013043111952381_02-065-198",
        "216840111366964013590140476722013058110301622_02-056-111",
        "216840111366964013686042548532013208193054515_02-026-007",
        "216840111366964013829543166512013353113303615_02-092-190",
        "216840111366964013962490064942014134093945580_01-178-104",
    )
)
"""Films that are truncated, damaged or missing in the published archives (torchxrayvision's list)."""


def _read(root: Path, choice: Reading) -> Manifest:
    table = _table(root)
    rows = _kept(table, physicians=choice.labels == "physicians")

    def column(name: str) -> list[str]:
        cells = table.cells[name]
        return [cells[row] for row in rows]

    names, folders = column("ImageID"), column("ImageDir")
    return assemble(
        root,
        choice,
        image=_images(root, names, folders),
        patient=column("PatientID"),
        study=column("StudyID"),
        labels=_labels(column("Labels")),
        view=[_VIEWS.get(cell, "") for cell in column("Projection")],
        sex=[sex(cell) for cell in column("PatientSex_DICOM")],
        age=list(map(_age, column("StudyDate_DICOM"), column("PatientBirth"))),
        date=column("StudyDate_DICOM"),
        report=["" if cell in _NOTHING else cell for cell in column("Report")],
        extra={"labelled_by": column("MethodLabel")},
    )


def _table(root: Path) -> Table:
    path = find(root, _TABLE) or next(iter(sorted(root.glob("PADCHEST_*.csv*"))), None)
    if path is None:
        raise MissingFile(f"There is no {_TABLE}.gz in the data folder, packed or unpacked.")
    table = Table.read(path, only=_COLUMNS)
    table.require(*_COLUMNS)
    return table


def _kept(table: Table, *, physicians: bool) -> list[int]:
    cells = zip(
        *(table.cells[name] for name in ("ImageID", "Projection", "MethodLabel")), strict=True
    )
    return [
        row
        for row, (name, projection, by) in enumerate(cells)
        if name not in BROKEN and projection != _EXCLUDED and (by == _PHYSICIAN or not physicians)
    ]


def _images(root: Path, names: Sequence[str], folders: Sequence[str]) -> list[str]:
    """Below `ImageDir` or, where such a folder is not there and ``images`` is, in that."""
    flat = (root / "images").is_dir()
    there = {folder: not flat or (root / folder).is_dir() for folder in set(folders)}
    return [
        name and f"{folder if there[folder] else 'images'}/{name}"
        for name, folder in zip(names, folders, strict=True)
    ]


def _age(date: str, birth: str) -> float:
    """Years between the years of a date such as 20140915 and of a birth such as 1930.0."""
    year, born = date[:4], birth.split(".")[0]
    if not (year.isdigit() and born.isdigit()):
        return float("nan")
    age = int(year) - int(born)
    return float(age) if 0 <= age <= _OLDEST else float("nan")


def _labels(cells: Sequence[str]) -> dict[str, list[Presence]]:
    known: dict[str, frozenset[str] | None] = {cell: _listed(cell) for cell in set(cells)}
    if strange := sum(known[cell] is None for cell in cells):
        raise ManifestError(
            f"{strange} row(s) of column 'Labels' hold no list such as ['normal']; use the table "
            "as it was published."
        )
    listed = {cell: said or frozenset() for cell, said in known.items()}
    per_cell = {cell: _said(names) for cell, names in listed.items()}
    return {name: [per_cell[cell][name] for cell in cells] for name in (*_NAMES, "No Finding")}


def _listed(cell: str) -> frozenset[str] | None:
    """The labels of a cell; None where it is no list of them."""
    if cell in _NOTHING:
        return frozenset()
    try:
        labels = ast.literal_eval(cell)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        return None
    return frozenset(label.strip() for label in labels)


def _said(labels: frozenset[str]) -> Mapping[str, Presence]:
    """What a list of labels says of every finding."""
    names = (*_NAMES, "No Finding")
    if labels <= _SILENT or "exclude" in labels:
        return dict.fromkeys(names, Presence.UNMENTIONED)
    said = {name: _of(labels, name) for name in _NAMES}
    others = labels - _SILENT - {_NORMAL}
    if _NORMAL not in labels:
        return said | {"No Finding": Presence.ABSENT}
    return said | {"No Finding": Presence.UNCERTAIN if others else Presence.PRESENT}


def _of(labels: frozenset[str], name: str) -> Presence:
    if not labels.isdisjoint(_NAMES[name]):
        return Presence.PRESENT
    if not labels.isdisjoint(_PERHAPS.get(name, ())):
        return Presence.UNCERTAIN
    return Presence.ABSENT


PADCHEST = SOURCES.register("padchest")(
    Source(
        name="padchest",
        title="PadChest",
        recognise=("PADCHEST_*.csv*",),
        labels={
            "all": "physicians' for 39,053 films, a recurrent network's for the others",
            "physicians": "physicians' only; the other films are left out",
        },
        splits=(SplitScheme(name=HASHED, what="by a salted hash of the patient"),),
        read=_read,
        terms="BIMCV's agreement: research, no passing on, no attempt to identify anybody",
        citation="Bustos et al., PadChest: A large chest x-ray image dataset with multi-label "
        "annotated reports, Medical Image Analysis 66, 2020",
    )
)

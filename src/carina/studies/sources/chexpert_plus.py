"""CheXpert Plus: CheXpert's training and validation films with the reports they were labelled from.

Chambon et al., CheXpert Plus: Augmenting a Large Chest X-ray Dataset with Text Radiology Reports,
Patient Demographics and Additional Image Formats, 2024 (arXiv 2405.19538). Labels are CheXbert's,
one JSON object a line and film, read from the report or from one section of it; null is
UNMENTIONED. The view is LATERAL where `frontal_lateral` says so and otherwise what `ap_pa` says.
`path_to_image` ends in .jpg whatever form the films were downloaded in; where a folder ``PNG`` is
there, films are looked for in it as .png. The order of a patient's reports is kept as ``order``.
"""

from pathlib import Path

from carina.studies.findings import FOURTEEN
from carina.studies.labels import Presence
from carina.studies.manifest import Manifest
from carina.studies.sources.assembling import assemble
from carina.studies.sources.cells import ages, sex, view
from carina.studies.sources.chexpert import PLUS, film
from carina.studies.sources.fourteen import fourteen, from_json_lines, laid_over
from carina.studies.sources.source import HASHED, SOURCES, Reading, Source, SplitScheme
from carina.studies.sources.table import Table

__all__ = ["CHEXPERT_PLUS"]

_COLUMNS = (
    "path_to_image",
    "frontal_lateral",
    "ap_pa",
    "deid_patient_id",
    "patient_report_date_order",
    "report",
    "age",
    "sex",
    "split",
)
_LABELS = {"impression": "impression_fixed", "findings": "findings_fixed", "report": "report_fixed"}


def _read(root: Path, choice: Reading) -> Manifest:
    table = Table.read(root / (choice.reports or PLUS), only=_COLUMNS)
    table.require(*_COLUMNS)
    cells = table.cells
    films = [film(path, table.name) for path in cells["path_to_image"]]
    png = root / "PNG"
    return assemble(
        png if png.is_dir() else root,
        choice,
        image=[
            one.image.removesuffix(".jpg") + ".png" if png.is_dir() else one.image for one in films
        ],
        patient=[one.patient for one in films],
        study=[one.study for one in films],
        labels=_labels(root, choice, [one.image for one in films]),
        published=["train" if part == "train" else "val" for part in cells["split"]],
        view=[
            "LATERAL" if side == "Lateral" else view(projection)
            for side, projection in zip(cells["frontal_lateral"], cells["ap_pa"], strict=True)
        ],
        sex=[sex(cell) for cell in cells["sex"]],
        age=ages("age", tuple(cells["age"])),
        report=cells["report"],
        extra={"order": cells["patient_report_date_order"]},
    )


def _labels(root: Path, choice: Reading, images: list[str]) -> dict[str, list[Presence]]:
    blank = {name: [Presence.UNMENTIONED] * len(images) for name in FOURTEEN}
    if choice.labels == "none":
        return blank
    path = root / "chexbert_labels" / f"{_LABELS[choice.labels]}.json"
    table = from_json_lines(path, "path_to_image")
    place = {cell: row for row, cell in enumerate(table.cells["path_to_image"])}
    at = {row: place[image] for row, image in enumerate(images) if image in place}
    return laid_over(blank, at, fourteen(table), only=sorted(at))


CHEXPERT_PLUS = SOURCES.register("chexpert-plus")(
    Source(
        name="chexpert-plus",
        title="CheXpert Plus",
        recognise=(PLUS,),
        headers={PLUS: ("path_to_image", "deid_patient_id")},
        labels={
            "impression": "CheXbert's of the impression",
            "findings": "CheXbert's of the findings section",
            "report": "CheXbert's of the whole report",
            "none": "no labels, reports alone",
        },
        splits=(
            SplitScheme(
                name="official",
                what="the table's: train for training, valid for validation; no test films",
            ),
            SplitScheme(name=HASHED, what="all films by a salted hash of the patient"),
        ),
        read=_read,
        terms="Stanford University Dataset Research Use Agreement: non-commercial research, no "
        "passing on",
        citation="Chambon et al., CheXpert Plus, arXiv 2405.19538, 2024",
        shares={"chexpert": "the same films and patients"},
    )
)

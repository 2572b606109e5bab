"""OpenI, the Indiana University chest X-ray collection: 3,955 reports and their images.

Demner-Fushman et al., JAMIA 23(2), 2016. Reports are XML files in ``NLMCXR_reports.tgz``, which
is read as it is, or in a folder ``ecgen-radiology``; images, if there, are PNG below
``NLMCXR_png``. A row is an image; the 104 reports without one have none, and
`read_openi_reports` gives them too. The collection tells no patient, view, sex, age or date: a
report counts as a patient, so one imaged on two days may stand in two splits.
"""

from collections.abc import Sequence
from pathlib import Path

from carina.studies.labels import Presence
from carina.studies.manifest import Manifest
from carina.studies.reports.labeller import LABELLED, label_report
from carina.studies.sources.assembling import assemble
from carina.studies.sources.cells import relative
from carina.studies.sources.mesh import MESH_FINDINGS, mesh_findings
from carina.studies.sources.openi_xml import ARCHIVE, OpenIReport, read_openi_reports
from carina.studies.sources.places import places
from carina.studies.sources.source import HASHED, SOURCES, Reading, Source, SplitScheme

__all__ = ["OPENI"]

_FOLDER = "ecgen-radiology"
_IMAGES = "NLMCXR_png"


def _read(root: Path, choice: Reading) -> Manifest:
    rows = [
        (report, image)
        for report in read_openi_reports(_place(root, choice))
        for image in report.images
    ]
    names = LABELLED if choice.labels == "rules" else MESH_FINDINGS
    said = {report.uid: _labels(report, choice) for report, _ in rows}
    return assemble(
        root,
        choice,
        image=_images(root, [image for _, image in rows]),
        patient=[report.uid for report, _ in rows],
        study=[report.uid for report, _ in rows],
        labels={name: _column(rows, said, name) for name in names},
        report=[_text(report) for report, _ in rows],
    )


def _labels(report: OpenIReport, choice: Reading) -> dict[str, Presence]:
    if choice.labels == "rules":
        return label_report(report.sections)
    return mesh_findings(report.tags)


def _place(root: Path, choice: Reading) -> Path:
    if choice.reports:
        return root / relative(choice.reports)
    return root / (ARCHIVE if (root / ARCHIVE).is_file() else _FOLDER)


def _images(root: Path, images: Sequence[str]) -> list[str]:
    names = [f"{image}.png" for image in images]
    return places(root, names, (_IMAGES,), default=lambda name: f"{_IMAGES}/{name}")


def _column(
    rows: Sequence[tuple[OpenIReport, str]], said: dict[str, dict[str, Presence]], name: str
) -> list[Presence]:
    return [said[report.uid][name] for report, _ in rows]


def _text(report: OpenIReport) -> str:
    """The report with its headings, as other collections write theirs."""
    return "\n\n".join(f"{head.upper()}: {text}" for head, text in report.sections.parts if text)


OPENI = SOURCES.register("openi")(
    Source(
        name="openi",
        title="OpenI, Indiana University chest X-ray collection",
        recognise=(ARCHIVE,),
        labels={
            "mesh": "tags people gave the reports; untagged is unmentioned, and absent only where "
            "the report is tagged normal",
            "rules": "what carina's rules read in findings and impression",
        },
        splits=(
            SplitScheme(name=HASHED, what="by a salted hash of the report: no patient is told"),
        ),
        read=_read,
        terms="CC BY-NC-ND 4.0, as each XML file says",
        citation="Demner-Fushman et al., Preparing a collection of radiology examinations for "
        "distribution and retrieval, JAMIA 23(2), 2016",
    )
)

"""MIMIC-CXR-JPG: packed tables, odd views, a study without labels, a report missing."""

import gzip
from collections.abc import Callable
from pathlib import Path

_FINDINGS = (
    "Atelectasis,Cardiomegaly,Consolidation,Edema,Enlarged Cardiomediastinum,Fracture,Lung Lesion,"
    "Lung Opacity,No Finding,Pleural Effusion,Pleural Other,Pneumonia,Pneumothorax,Support Devices"
)
_FILMS = (
    ("02aa804e-bde0afdd-112c0b34-7bc16630-4e384014", "10000032", "50414267", "PA", "train"),
    ("174413ec-4ec4c1f7-34ea26b7-c5f994f8-79ef1962", "10000032", "50414267", "LATERAL", "train"),
    ("2a2277a9-b0ded155-c0de8eb9-c124d10e-82c5caab", "10000032", "53189527", "AP", "train"),
    ("e084de3b-be89b11e-20fe3f9f-9c8d8dfe-4cfd202c", "10000764", "57375967", "LL", "train"),
    ("68b5c4b1-227d0485-9cc38c3f-7b84ab51-4b472714", "11000011", "51029426", "LAO", "validate"),
    ("fffabebf-74fd3a1f-673b6b41-96ec0ac9-2ab69818", "11000183", "51967845", "", "test"),
    ("096052b7-d256dc40-453a102b-fa7d01c6-1b22c6b4", "11000183", "57084339", "AP", "test"),
)
_LABELS = (
    "10000032,50414267,,,,,,,,,1.0,,,,,",
    "10000032,53189527,,-1.0,,1.0,,,,,,0.0,,-1.0,,",
    "11000011,51029426,1.0,,,,,,,1.0,,,,,0.0,1.0",
    "11000183,51967845,,,,,,,,,1.0,,,,,",
    "11000183,57084339,,,,0.0,,,,,1.0,,,,,",
)


def build(root: Path, image: Callable[[str], None]) -> None:
    _pack(
        root / "mimic-cxr-2.0.0-metadata.csv.gz",
        "dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,Rows,Columns,"
        "StudyDate,StudyTime,ProcedureCodeSequence_CodeMeaning,ViewCodeSequence_CodeMeaning,"
        "PatientOrientationCodeSequence_CodeMeaning",
        [
            f"{film},{who},{study},CHEST (PA AND LAT),{view},3056,2544,21800506,213014.531,"
            "CHEST (PA AND LAT),postero-anterior,Erect"
            for film, who, study, view, _ in _FILMS
        ],
    )
    _pack(
        root / "mimic-cxr-2.0.0-split.csv.gz",
        "dicom_id,study_id,subject_id,split",
        [f"{film},{study},{who},{split}" for film, who, study, _, split in reversed(_FILMS)],
    )
    header = f"subject_id,study_id,{_FINDINGS}"
    _pack(root / "mimic-cxr-2.0.0-chexpert.csv.gz", header, _LABELS)
    _pack(
        root / "mimic-cxr-2.0.0-negbio.csv.gz", header, [r.replace("-1.0", "1.0") for r in _LABELS]
    )
    # Another name for Lung Opacity, no subject, no No Finding; one of the two test studies.
    (root / "mimic-cxr-2.1.0-test-set-labeled.csv").write_text(
        "study_id,Enlarged Cardiomediastinum,Cardiomegaly,Lung Lesion,Airspace Opacity,Edema,"
        "Consolidation,Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,Fracture,"
        "Support Devices\n57084339,,-1,,1,1,,,,0,,,,\n",
        encoding="utf-8",
    )
    for film, who, study, _, _ in _FILMS:
        image(f"files/p{who[:2]}/p{who}/s{study}/{film}.jpg")
    for who, study, text in (
        ("10000032", "50414267", "                 FINAL REPORT\n IMPRESSION: \n \n Clear.\n"),
        ("11000183", "57084339", " FINDINGS:\n Edema of degree 2° \n \n IMPRESSION:\n"),
    ):
        report = root / f"mimic-cxr-reports/files/p{who[:2]}/p{who}/s{study}.txt"
        report.parent.mkdir(parents=True)
        report.write_text(text, encoding="latin-1")


def _pack(path: Path, header: str, rows: list[str] | tuple[str, ...]) -> None:
    path.write_bytes(gzip.compress("\n".join([header, *rows, ""]).encode()))

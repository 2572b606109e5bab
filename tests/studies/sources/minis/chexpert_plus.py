"""CheXpert Plus: an unnamed first column, reports over lines, .jpg in the table and .png on disk."""

import json
from collections.abc import Callable
from pathlib import Path

_HEADER = (
    ",path_to_image,path_to_dcm,frontal_lateral,ap_pa,deid_patient_id,patient_report_date_order,"
    "report,section_narrative,section_findings,section_impression,age,sex,race,ethnicity,"
    "interpreter_needed,insurance_type,recent_bmi,deceased,split"
)
_FILMS = (
    ("train/patient42142/study5/view1_frontal.jpg", "Frontal", "AP", 5, "train"),
    ("train/patient42142/study4/view1_frontal.jpg", "Frontal", "PA", 4, "train"),
    ("train/patient42142/study4/view2_lateral.jpg", "Lateral", "", 4, "train"),
    ("train/patient42143/study1/view1_frontal.jpg", "Frontal", "AP", 1, "train"),
    ("valid/patient64541/study1/view1_frontal.jpg", "Frontal", "AP", 1, "valid"),
)
_FINDINGS = [
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
    "No Finding",
]


def build(root: Path, image: Callable[[str], None]) -> None:
    rows = [
        f"{at},{path},{path[:-4]}.dcm,{side},{projection},{path.split('/')[1]},{order},"
        f'"NARRATIVE:\nStudy {order}, chest.\n\nIMPRESSION:\n1. ""Clear"".",,,1. Clear.,'
        f"61.0,Male,White,Not Hispanic,No,Medicare,,No,{part}"
        for at, (path, side, projection, order, part) in enumerate(_FILMS)
    ]
    (root / "df_chexpert_plus_240401.csv").write_text(
        "\n".join([_HEADER, *rows]) + "\n", encoding="utf-8"
    )
    (root / "chexbert_labels").mkdir()
    for name, edema in (("impression", None), ("findings", -1.0), ("report", 1.0)):
        lines = [
            {"path_to_image": path, **dict.fromkeys(_FINDINGS), "Edema": edema, "Fracture": 0.0}
            for path, *_ in _FILMS[:4]  # one film without labels
        ]
        (root / "chexbert_labels" / f"{name}_fixed.json").write_text(
            "".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8"
        )
    for path, *_ in _FILMS:
        image(f"PNG/{path[:-4]}.png")

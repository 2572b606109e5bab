"""CheXpert: blank cells, uncertain ones, laterals without AP/PA, LL in AP/PA, a sex unknown."""

from collections.abc import Callable
from pathlib import Path

_HEADER = (
    "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Enlarged Cardiomediastinum,Cardiomegaly,"
    "Lung Opacity,Lung Lesion,Edema,Consolidation,Pneumonia,Atelectasis,Pneumothorax,"
    "Pleural Effusion,Pleural Other,Fracture,Support Devices"
)
_TRAIN = (
    "patient00001/study1/view1_frontal.jpg,Female,68,Frontal,AP,1.0,,,,,,,,,0.0,,,,1.0",
    "patient00002/study2/view1_frontal.jpg,Female,87,Frontal,AP,,,-1.0,1.0,,-1.0,-1.0,,-1.0,,-1.0,,1.0,",
    "patient00002/study1/view1_frontal.jpg,Female,83,Frontal,AP,,,,1.0,,,-1.0,,,,,,1.0,",
    "patient00002/study1/view2_lateral.jpg,Female,83,Lateral,,,,,1.0,,,-1.0,,,,,,1.0,",
    "patient00003/study1/view1_frontal.jpg,Male,41,Frontal,PA,,,,,,1.0,,,,0.0,,,,",
    "patient00004/study1/view1_frontal.jpg,Unknown,0,Frontal,LL,,,,,,,1.0,0.0,,,,,,",
)
_VALID = (
    "patient64541/study1/view1_frontal.jpg,Male,73,Frontal,AP,0.0,1.0,1.0,1.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0",
    "patient64542/study1/view2_lateral.jpg,Male,70,Lateral,,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0",
)
_FINDINGS = _HEADER.split(",")[5:]


def build(root: Path, image: Callable[[str], None]) -> None:
    _table(root / "train.csv", _HEADER, "CheXpert-v1.0-small/train/", _TRAIN)
    _table(root / "valid.csv", _HEADER, "CheXpert-v1.0-small/valid/", _VALID)
    # By study, with films of its own; order of columns of another tool.
    (root / "groundtruth.csv").write_text(
        f"Study,{','.join(reversed(_FINDINGS))}\n"
        "CheXpert-v1.0/test/patient64741/study1,1,0,0,0,0,0,0,0,0,0,1,1,1,0\n",
        encoding="utf-8",
    )
    plain = "CheXpert-v1.0/train/"
    hard = tuple(
        ",".join(
            [
                *row.split(",")[:5],
                *("1.0" if cell == "1.0" else "0.0" for cell in row.split(",")[5:]),
            ]
        )
        for row in _TRAIN
    )
    _table(root / "train_visualCheXbert.csv", _HEADER, plain, hard)
    _table(root / "train_cheXbert.csv", _HEADER, plain, _TRAIN[:4])  # two films fewer
    (root / "df_chexpert_plus_240401.csv").write_text(
        "path_to_image,path_to_dcm,report,section_impression\n"
        'train/patient00001/study1/view1_frontal.jpg,train/a.dcm,"NARRATIVE:\nOne, two.\nIMPRESSION:\nClear.",Clear.\n',
        encoding="utf-8",
    )
    for row in _TRAIN:
        image(f"train/{row.split(',')[0]}")
    for row in _VALID:
        image(f"valid/{row.split(',')[0]}")
    image("test/patient64741/study1/view1_frontal.jpg")
    image("test/patient64741/study1/view2_lateral.jpg")


def _table(path: Path, header: str, prefix: str, rows: tuple[str, ...]) -> None:
    path.write_text("\n".join([header, *(prefix + row for row in rows)]) + "\n", encoding="utf-8")

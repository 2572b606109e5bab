"""VinDr-CXR as PhysioNet has it: three readers, then a consensus, and one label spelt otherwise."""

from collections.abc import Callable
from pathlib import Path

_NAMES = (
    *("Aortic enlargement", "Atelectasis", "Calcification", "Cardiomegaly", "Clavicle fracture"),
    *("Consolidation", "Edema", "Emphysema", "Enlarged PA", "ILD", "Infiltration"),
    *("Lung Opacity", "Lung cavity", "Lung cyst", "Mediastinal shift", "Nodule/Mass"),
    *("Pleural effusion", "Pleural thickening", "Pneumothorax", "Pulmonary fibrosis"),
    *("Rib fracture", "Other lesion", "COPD", "Lung tumor", "Pneumonia", "Tuberculosis"),
)
_TRAIN = {
    "000434271f63a053c4128a0ba6352c7f": (["No finding"], ["No finding"], ["No finding"]),
    "00053190460d56c53cc3e57321387478": (["ILD", "COPD"], ["ILD"], ["No finding"]),
    "0005e8e3701dfb1dd93d53e2ff537b6e": (["Nodule/Mass"], ["No finding"], ["No finding"]),
    "0006e0a85696f6bb578e84fafa9a5607": (["Edema"], ["Edema"], ["Edema", "Other diseases"]),
    "0007d316f756b3fa0baea2ff514ce945": (["No finding"], ["No finding"], ["No finding"]),
}
_TEST = {
    "002a34c58c5b758217ed1f584ccbcfe9": ["Other diseases", "Pneumothorax"],
    "004f33259ee4aef671c2b95d54e4be68": ["No finding"],
}
_SIDES = "x_min,y_min,x_max,y_max"


def build(root: Path, image: Callable[..., None]) -> None:
    folder = root / "annotations"
    folder.mkdir()
    rows = [
        f"{film},R{reader + 1},{_cells(said)}"
        for film, readers in _TRAIN.items()
        for reader, said in enumerate(readers)
    ]
    heads = ",".join((*_NAMES, "Other diseases", "No finding"))
    (folder / "image_labels_train.csv").write_text(
        "\n".join([f"image_id,rad_id,{heads}", *rows]) + "\n"
    )
    heads = heads.replace("Other diseases", "Other disease")
    (folder / "image_labels_test.csv").write_text(
        "\n".join(
            [f"image_id,{heads}", *(f"{film},{_cells(said)}" for film, said in _TEST.items())]
        )
        + "\n"
    )
    (folder / "annotations_train.csv").write_text(
        f"image_id,rad_id,class_name,{_SIDES}\n"
        "00053190460d56c53cc3e57321387478,R1,ILD,691.5,1375.25,1653.5,1831.5\n"
        "00053190460d56c53cc3e57321387478,R3,No finding,,,,\n"
    )
    (folder / "annotations_test.csv").write_text(
        f"image_id,class_name,{_SIDES}\n"
        "002a34c58c5b758217ed1f584ccbcfe9,Pneumothorax,10.0,20.0,30.0,60.0\n"
    )
    for part, films in (("train", _TRAIN), ("test", _TEST)):
        for film in films:
            image(
                f"{part}/{film}.dicom", PatientSex="O" if part == "test" else "M", PatientAge="047Y"
            )


def _cells(said: list[str]) -> str:
    return ",".join(str(int(name in said)) for name in (*_NAMES, "Other diseases", "No finding"))

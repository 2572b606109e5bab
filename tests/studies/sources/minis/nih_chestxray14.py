"""ChestX-ray14: brackets in headers, a comma at their end, films in two folders, an age of 414."""

from collections.abc import Callable
from pathlib import Path

_HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"
)
_ROWS = (
    "00000001_000.png,Cardiomegaly,0,1,058Y,M,PA,2682,2749,0.143,0.143,",
    "00000001_001.png,Cardiomegaly|Emphysema,1,1,058Y,M,PA,2894,2729,0.143,0.143,",
    "00000002_000.png,No Finding,0,2,081Y,M,PA,2500,2048,0.171,0.171,",
    "00000003_000.png,Hernia|Pleural_Thickening,0,3,414Y,F,PA,2582,2991,0.143,0.143,",
    "00000004_000.png,Mass|Nodule,0,4,011M,M,AP,2500,2048,0.168,0.168,",
    "00000005_000.png,No Finding,0,5,069Y,F,AP,2048,2500,0.168,0.168,",
    "00000013_000.png,Effusion,0,13,056Y,M,AP,2500,2048,0.168,0.168,",
    "00000013_005.png,Infiltration,5,13,060Y,M,AP,3056,2544,0.139,0.139,",
)
_TEST = ("00000013_000.png", "00000013_005.png", "00000003_000.png")
_BOXES = (
    "Image Index,Finding Label,Bbox [x,y,w,h],,,",
    "00000013_005.png,Infiltrate,225.084745762712,547.019216763771,86.779661,79.186440,,,",
    "00000013_000.png,Effusion,686.1,131.5,185.4,313.4,,,",
)


def build(root: Path, image: Callable[[str], None]) -> None:
    (root / "Data_Entry_2017.csv").write_text("\n".join([_HEADER, *_ROWS]) + "\n")
    (root / "BBox_List_2017.csv").write_text("\n".join(_BOXES) + "\n")
    names = [row.split(",")[0] for row in _ROWS]
    (root / "test_list.txt").write_text("\n".join(_TEST))
    train = [name for name in names if name not in _TEST]
    (root / "train_val_list.txt").write_text("\n".join(train))
    for at, name in enumerate(names):
        image(f"images_00{1 + at % 2}/images/{name}")

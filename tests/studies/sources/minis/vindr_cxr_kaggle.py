"""VinDr-CXR as Kaggle has it: a row a box and reader, class 14 without one."""

from collections.abc import Callable
from pathlib import Path

_ROWS = (
    "image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max",
    "50a418190bc3fb1ef1633bf9678929b3,No finding,14,R11,,,,",
    "50a418190bc3fb1ef1633bf9678929b3,No finding,14,R15,,,,",
    "50a418190bc3fb1ef1633bf9678929b3,No finding,14,R16,,,,",
    "9a5094b2563a1ef3ff50dc5c7ff71345,Cardiomegaly,3,R10,691.0,1375.0,1653.0,1831.0",
    "9a5094b2563a1ef3ff50dc5c7ff71345,Pleural thickening,11,R9,1789.0,1729.0,1875.0,1992.0",
    "9a5094b2563a1ef3ff50dc5c7ff71345,Cardiomegaly,3,R9,692.0,1375.0,1653.0,1840.0",
    "9a5094b2563a1ef3ff50dc5c7ff71345,Cardiomegaly,3,R8,690.0,1370.0,1650.0,1830.0",
    "9a5094b2563a1ef3ff50dc5c7ff71345,Pleural thickening,11,R9,100.0,100.0,140.0,180.0",
    "051132a778e61a86eb147c7c6f564dfe,Aortic enlargement,0,R10,1264.0,743.0,1611.0,1019.0",
    "051132a778e61a86eb147c7c6f564dfe,No finding,14,R3,,,,",
    "051132a778e61a86eb147c7c6f564dfe,Nodule/Mass,8,R8,30.0,40.0,90.0,80.0",
    "21a10246a5ec7af151081d0cd6d65dc9,No finding,14,R7,,,,",
    "21a10246a5ec7af151081d0cd6d65dc9,No finding,14,R8,,,,",
    "21a10246a5ec7af151081d0cd6d65dc9,No finding,14,R9,,,,",
)


def build(root: Path, image: Callable[[str], None]) -> None:
    (root / "train.csv").write_text("\n".join(_ROWS) + "\n")
    for film in sorted({row.split(",")[0] for row in _ROWS[1:]}):
        image(f"train/{film}.dicom")

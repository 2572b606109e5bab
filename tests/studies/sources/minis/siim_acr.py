"""SIIM-ACR: a column and a cell that begin with a space, several rows a film, deep folders."""

from collections.abc import Callable
from pathlib import Path

_UID = "1.2.276.0.7230010.3.1.{}.8323329.{}"
_ROWS = (
    (1001, " -1"),
    (1002, "557374 2 1015 8 1009 14"),
    (1003, "0 3 1021 4"),
    (1003, "400000 5"),
    (1004, "-1"),
    (1005, " -1"),
    (1006, "1048570 6"),
    (1006, "12 5 900 7"),
    (1006, "700000 90 900 90"),
    (1007, " -1"),
    (1008, " -1"),
)


def build(root: Path, image: Callable[..., None]) -> None:
    rows = [f"{_UID.format(4, film)},{mask}" for film, mask in _ROWS]
    (root / "train-rle.csv").write_text("\n".join(["ImageId, EncodedPixels", *rows]) + "\n")
    for film in sorted({film for film, _ in _ROWS}):
        image(
            f"dicom-images-train/{_UID.format(2, film)}/{_UID.format(3, film)}/"
            f"{_UID.format(4, film)}.dcm",
            PatientID=f"17c2ac4b-{film // 2}",
            StudyInstanceUID=_UID.format(2, film),
            PatientAge="051Y",
            PatientSex="F",
            ViewPosition="PA",
        )

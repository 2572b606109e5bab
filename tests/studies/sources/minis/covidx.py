"""COVIDx: no header, ids of several sources alike, spaces in a file's name, a patient in both."""

from collections.abc import Callable
from pathlib import Path

_TRAIN = (
    "8 SARS-10.1148rg.242035193-g04mr34g05x-Fig5-day9.jpeg pneumonia cohen",
    "8 COVID 19 (8).png COVID-19 sirm",
    "47c78742-4998-4878-aec4-37b11b1354ac 47c78742-4998-4878-aec4-37b11b1354ac.png normal rsna",
    "419639-003251 MIDRC-RICORD-1C-419639-003251-46647-1.png COVID-19 ricord",
    "9 nine-day1.png COVID-19 cohen",
    "9 nine-day2.png COVID-19 cohen",
    "9 nine-day3.png COVID-19 cohen",
    "COVID-00003b COVID-00003b.jpg COVID-19 fig1",
    "ANON24 ANON24.jpg COVID-19 actmed",
    "ANON24 ANON24.jpg COVID-19 actmed",
)
_TEST = (
    "419639-003251 MIDRC-RICORD-1C-419639-003251-46647-0.png COVID-19 ricord",
    "8989e25c-a698-48fc-b428-fff56931fc8f 8989e25c-a698-48fc-b428-fff56931fc8f.png normal rsna",
)


def build(root: Path, image: Callable[[str], None]) -> None:
    (root / "train_COVIDx9A.txt").write_text("\n".join(_TRAIN) + "\n", encoding="utf-8")
    (root / "test_COVIDx9A.txt").write_text("\r\n".join(_TEST) + "\r\n", encoding="utf-8")
    for part, lines in (("train", _TRAIN), ("test", _TEST)):
        for line in lines:
            image(f"{part}/{' '.join(line.split(' ')[1:-2])}")

"""RSNA: several rows a film, films that are one NIH patient's, a mapping to tell."""

import json
from collections.abc import Callable
from pathlib import Path

_LABELS = (
    "patientId,x,y,width,height,Target",
    "0004cfab-14fd-4e49-80ba-63a80b6bddd6,,,,,0",
    "00436515-870c-4b36-a041-de91049b9ab4,264.0,152.0,213.0,379.0,1",
    "00436515-870c-4b36-a041-de91049b9ab4,562.0,152.0,256.0,453.0,1",
    "00313ee0-9eaa-42f4-b0ab-c148ed3241cd,,,,,0",
    "00704310-78a8-4b38-8475-49f4573b2dbb,323.0,577.0,160.0,104.0,1",
    "00c0b293-48e7-4e16-ac76-9269ba535a62,,,,,0",
)
_CLASSES = (
    "patientId,class",
    "0004cfab-14fd-4e49-80ba-63a80b6bddd6,No Lung Opacity / Not Normal",
    "00436515-870c-4b36-a041-de91049b9ab4,Lung Opacity",
    "00436515-870c-4b36-a041-de91049b9ab4,Lung Opacity",
    "00313ee0-9eaa-42f4-b0ab-c148ed3241cd,Normal",
    "00704310-78a8-4b38-8475-49f4573b2dbb,Lung Opacity",
    "00c0b293-48e7-4e16-ac76-9269ba535a62,Normal",
)
_NIH = {
    "0004cfab-14fd-4e49-80ba-63a80b6bddd6": "00000013_004.png",
    "00436515-870c-4b36-a041-de91049b9ab4": "00000013_026.png",
    "00313ee0-9eaa-42f4-b0ab-c148ed3241cd": "00028730_001.png",
    "00704310-78a8-4b38-8475-49f4573b2dbb": "00028730_002.png",
    "00c0b293-48e7-4e16-ac76-9269ba535a62": "00000150_002.png",
}


def build(root: Path, image: Callable[..., None]) -> None:
    (root / "stage_2_train_labels.csv").write_text("\n".join(_LABELS) + "\n")
    (root / "stage_2_detailed_class_info.csv").write_text("\n".join(_CLASSES) + "\n")
    mapping = [
        {"subset_img_id": film, "img_id": name, "orig_labels": ["No Finding"], "subset_group": "x"}
        for film, name in _NIH.items()
    ]
    (root / "pneumonia-challenge-dataset-mappings_2018.json").write_text(json.dumps(mapping))
    for at, film in enumerate(_NIH):
        image(
            f"stage_2_train_images/{film}.dcm",
            PatientID=film,
            PatientAge=("61", "151", "94", "", "003")[at],
            PatientSex="FM"[at % 2],
            ViewPosition=("AP", "PA")[at % 2],
        )

"""PadChest: lists as text, labels with spaces before them, nan, two methods, a broken film."""

import csv
import gzip
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

_HEADER = (
    ",ImageID,ImageDir,StudyDate_DICOM,StudyID,PatientID,PatientBirth,PatientSex_DICOM,"
    "ViewPosition_DICOM,Projection,MethodProjection,Pediatric,Modality_DICOM,Manufacturer_DICOM,"
    "PhotometricInterpretation_DICOM,PixelRepresentation_DICOM,PixelAspectRatio_DICOM,"
    "SpatialResolution_DICOM,BitsStored_DICOM,WindowCenter_DICOM,WindowWidth_DICOM,Rows_DICOM,"
    "Columns_DICOM,XRayTubeCurrent_DICOM,Exposure_DICOM,ExposureInuAs_DICOM,ExposureTime,"
    "RelativeXRayExposure_DICOM,ReportID,Report,MethodLabel,Labels,Localizations,"
    "LabelsLocalizationsBySentence,labelCUIS,LocalizationsCUIS"
)
_BROKEN = "216840111366964012373310883942009152114636712_00-102-045.png"
_ROWS = (
    ("a1_k6ga29.png", "0", "20140915", "s1", "pat-one", "1930.0", "F", "PA", "Physician",
     "['normal']", " sin hallazg patolog edad pacient ."),
    ("a2_fzis7d.png", "0", "20150914", "s2", "pat-one", "1930.0", "F", "L", "Physician",
     "['pulmonary fibrosis', 'chronic changes', 'kyphosis']", " cambi pulmonar cronic sever ."),
    ("a3.png", "54", "20150915", "s3", "pat-two", "1955.0", "M", "AP_horizontal", "RNN_model",
     "['laminar atelectasis', ' pleural effusion', '']", " derram pleural ."),
    ("a4.png", "54", "20150916", "s4", "pat-three", "nan", "O", "COSTAL", "RNN_model",
     "['unchanged', 'suboptimal study']", "nan"),
    ("a5.png", "1", "20150917", "s5", "pat-four", "2020.0", "nan", "UNK", "RNN_model", "nan",
     " nan"),
    ("a6.png", "1", "20150918", "s6", "pat-five", "1970.0", "M", "AP", "Physician",
     "['exclude', 'pneumonia']", " i ."),
    ("a7.png", "1", "20150919", "s7", "pat-six", "1970.0", "M", "PA", "RNN_model",
     "['mass', 'tuberculosis sequelae', ' normal']", " masa ."),
    (_BROKEN, "1", "20090530", "s8", "pat-six", "1970.0", "M", "PA", "Physician", "['normal']",
     " normal ."),
    ("a9.png", "1", "20150920", "s9", "pat-seven", "1970.0", "M", "EXCLUDE", "RNN_model",
     "['normal']", " brazo ."),
    ("a10.png", "1", "20150920", "s10", "pat-eight", "1980.0", "F", "PA", "Physician",
     "['callus rib fracture', 'pneumonia', 'NSG tube']", " neumoni ."),
)  # fmt: skip


def build(root: Path, image: Callable[[str], None]) -> None:
    text = io.StringIO()
    write = csv.writer(text, lineterminator="\n")
    names = _HEADER.split(",")
    write.writerow(names)
    kept = (
        *("ImageID", "ImageDir", "StudyDate_DICOM", "StudyID", "PatientID", "PatientBirth"),
        *("PatientSex_DICOM", "Projection", "MethodLabel", "Labels", "Report"),
    )
    for number, row in enumerate(_ROWS):
        cells = dict.fromkeys(names, "None") | dict(zip(kept, row, strict=True))
        write.writerow([{**cells, "": number}[name] for name in names])
        path = root / row[1] / row[0]
        if row[0] != _BROKEN:
            path.parent.mkdir(exist_ok=True)
            pixels = np.arange(64, dtype=np.uint16).reshape(8, 8) * 60 + number
            Image.fromarray(pixels).save(path)
    name = "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv.gz"
    (root / name).write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))

"""Miniature copies of the published sets that whole ways are run on: many films, the published form.

Those of ``tests/studies/sources/minis`` have every quirk of a set and a handful of films; these have
enough films to learn 1 % of. `test_dry_runs` holds their tables to the others' headers.
"""

import gzip
import json
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

_FOURTEEN = (
    "Atelectasis,Cardiomegaly,Consolidation,Edema,Enlarged Cardiomediastinum,Fracture,Lung Lesion,"
    "Lung Opacity,No Finding,Pleural Effusion,Pleural Other,Pneumonia,Pneumothorax,Support Devices"
)
_COVIDX = ("normal", "pneumonia", "COVID-19")


def film(path: Path, number: int, size: int) -> None:
    """A film like no other, in the form its name ends with; a bright half where its number is odd."""
    pixels = np.random.default_rng(number).integers(0, 120, (size, size)).astype(np.uint8)
    pixels[: size // 2] += 60 * (number % 2)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix != ".dcm":
        Image.fromarray(pixels).save(path)
        return
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[str(number)])
    dataset.SOPClassUID = ComputedRadiographyImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID
    dataset.PatientID = f"P{number}"
    dataset.Rows = dataset.Columns = size
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.PixelRepresentation = 0
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.add_new("PixelData", "OB", pixels.tobytes())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dcmwrite(path, dataset, enforce_file_format=True)


def rsna(root: Path, *, films: int, size: int) -> None:
    """Every other film with a box; two films to each NIH patient."""
    boxes = [f"f{n},{n},20,300,400,1" if n % 2 else f"f{n},,,,,0" for n in range(films)]
    told = [f"f{n},{'Lung Opacity' if n % 2 else 'Normal'}" for n in range(films)]
    _table(root / "stage_2_train_labels.csv", "patientId,x,y,width,height,Target", boxes)
    _table(root / "stage_2_detailed_class_info.csv", "patientId,class", told)
    mapping = [
        {"subset_img_id": f"f{n}", "img_id": f"{n // 2 + 1:08d}_{n % 2:03d}.png"}
        for n in range(films)
    ]
    (root / "pneumonia-challenge-dataset-mappings_2018.json").write_text(json.dumps(mapping))
    for number in range(films):
        film(root / "stage_2_train_images" / f"f{number}.dcm", number, size)


def siim(root: Path, *, films: int, size: int) -> None:
    """Every other film with a mask."""
    rows = [f"f{n},{1025 * n} 9 1015 9" if n % 2 else f"f{n},-1" for n in range(films)]
    _table(root / "train-rle.csv", "ImageId, EncodedPixels", rows)
    for number in range(films):
        film(root / "dicom-images-train" / f"f{number}.dcm", number, size)


def covidx(root: Path, *, films: int, size: int) -> None:
    """Version 5's lists, which have three classes; two films a patient, a third of them for testing."""
    for part, numbers in (
        ("train", [n for n in range(films) if n % 6 > 1]),
        ("test", [n for n in range(films) if n % 6 < 2]),
    ):
        lines = [f"{n // 2} film-{n}.png {_COVIDX[(n // 2 + n // 6) % 3]} cohen" for n in numbers]
        root.mkdir(parents=True, exist_ok=True)
        (root / f"{part}_COVIDx5.txt").write_text("\n".join(lines) + "\n")
        for number in numbers:
            film(root / part / f"film-{number}.png", number, size)


def mimic(root: Path, *, patients: int, size: int) -> None:
    """A study a patient, with a frontal and a lateral film, a report and labels."""
    split = ("train", "train", "train", "train", "validate", "test")
    films, parts, labels = [], [], []
    for at in range(patients):
        who, study, below = f"1{at:07d}", f"5{at:07d}", f"p10/p1{at:07d}/s5{at:07d}"
        for number, view in ((2 * at, ("PA", "AP")[at % 2]), (2 * at + 1, "LATERAL")):
            name = f"{number:08x}-0"
            films.append(f"{name},{who},{study},CHEST,{view},3056,2544,21800506,213014.531,,,Erect")
            parts.append(f"{name},{study},{who},{split[at % 6]}")
            film(root / "files" / below / f"{name}.jpg", number, size)
        edema = at % 3 == 0
        labels.append(f"{who},{study},,,,{1.0 if edema else 0.0},,,,,,,,,,")
        report = root / "mimic-cxr-reports" / "files" / f"{below}.txt"
        report.parent.mkdir(parents=True)
        report.write_text(
            f" FINAL REPORT\n INDICATION: Fall {at} days ago.\n\n FINDINGS:\n The heart is number "
            f"{at} in size.\n\n IMPRESSION:\n {'Edema is seen' if edema else 'No edema'}.\n"
        )
    _packed(
        root / "mimic-cxr-2.0.0-metadata.csv.gz",
        "dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,Rows,Columns,"
        "StudyDate,StudyTime,ProcedureCodeSequence_CodeMeaning,ViewCodeSequence_CodeMeaning,"
        "PatientOrientationCodeSequence_CodeMeaning",
        films,
    )
    _packed(root / "mimic-cxr-2.0.0-split.csv.gz", "dicom_id,study_id,subject_id,split", parts)
    header = f"subject_id,study_id,{_FOURTEEN}"
    _packed(root / "mimic-cxr-2.0.0-chexpert.csv.gz", header, labels)


def _table(path: Path, header: str, rows: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *rows]) + "\n")


def _packed(path: Path, header: str, rows: Sequence[str]) -> None:
    path.write_bytes(gzip.compress("\n".join([header, *rows, ""]).encode()))

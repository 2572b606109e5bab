"""Whole files of every form carina reads, small, with a patient's name planted where one can be."""

import gzip
import importlib.util
import io
import sys
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import gdcm
import numpy as np
from PIL import Image
from pydicom.uid import JPEGLSLossless, RLELossless

SECRETS = ("Doe", "secret-77", "Jansen-4711")


@dataclass(frozen=True)
class Seed:
    """A sound file.

    Attributes:
        form: "dicom", "png", "jpeg", "csv", "xml" or "tar".
        label: Which of its kind.
        name: What it is called.
        data: Its bytes.
        beside: Files that lie beside it, by name.
        secrets: What must not be said of it.
    """

    form: str
    label: str
    name: str
    data: bytes
    beside: dict[str, bytes] = field(default_factory=dict)
    secrets: tuple[str, ...] = SECRETS


def seeds() -> tuple[Seed, ...]:
    """Every seed there is."""
    return (*_dicoms(), *_rasters(), *_tables(), *_reports())


def _film(kind: str = "u2") -> np.ndarray:
    ramp = np.add.outer(np.linspace(0, 0.6, 48), np.linspace(0, 0.4, 40))
    made: np.ndarray = np.rint(ramp * (4095 if kind == "u2" else 255)).astype(kind)
    return made


def _makers() -> ModuleType:
    """The makers of DICOM objects that the tests of studies use."""
    path = Path(__file__).parents[1] / "studies" / "conftest.py"
    spec = importlib.util.spec_from_file_location("dicom_makers", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["dicom_makers"] = module
    spec.loader.exec_module(module)
    return module


def _dicoms() -> list[Seed]:
    make = _makers()
    tags = {"BitsStored": 12, "WindowCenter": 900, "WindowWidth": 1500, "PatientAge": "061Y"}
    plain = make.dicom_dataset(_film(), PhotometricInterpretation="MONOCHROME1", **tags)
    found = {"plain": make.dicom_bytes(plain)}
    found["bytes"] = make.dicom_bytes(make.dicom_dataset(_film("u1"), PixelPaddingValue=0))
    with tempfile.TemporaryDirectory() as scratch:
        for label, syntax in (
            ("jpeg-2000", gdcm.TransferSyntax.JPEG2000Lossless),
            ("jpeg-lossless", gdcm.TransferSyntax.JPEGLosslessProcess14_1),
        ):
            found[label] = make.dicom_recompressed(plain, syntax, Path(scratch))
    for label, uid in (("jpeg-ls", JPEGLSLossless), ("rle", RLELossless)):
        dataset = make.dicom_dataset(_film(), **tags)
        dataset.compress(uid)
        found[label] = make.dicom_bytes(dataset)
    return [
        Seed(form="dicom", label=label, name="film.dcm", data=data) for label, data in found.items()
    ]


def _rasters() -> list[Seed]:
    found = []
    for mode in ("L", "P", "RGB", "RGBA", "1"):
        picture = Image.fromarray(_film("u1")).convert(mode)
        found.append(_saved(picture, "png", mode))
    found.append(_saved(Image.fromarray(_film("u2")), "png", "I;16"))
    jpegs = [Image.fromarray(_film("u1")).convert(mode) for mode in ("L", "RGB", "CMYK")]
    return found + [_saved(picture, "jpeg", picture.mode) for picture in jpegs]


def _saved(picture: Image.Image, form: str, label: str) -> Seed:
    file = io.BytesIO()
    picture.save(file, form)
    return Seed(form=form, label=label, name=f"film.{form}", data=file.getvalue())


_CHEXPERT = (
    "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Enlarged Cardiomediastinum,Cardiomegaly,"
    "Lung Opacity,Lung Lesion,Edema,Consolidation,Pneumonia,Atelectasis,Pneumothorax,"
    "Pleural Effusion,Pleural Other,Fracture,Support Devices"
)
_MAPPING = b"""images = "."
[columns]
image = "image"
patient = "patient"
age = "age"
view = "view"
split = "split"
[labels.columns]
"Edema" = "Edema"
"Mass" = "Mass"
"""


def _tables() -> list[Seed]:
    rows = [
        f"{n}.png,Jansen-4711-{n},{20 + n},PA,{('train', 'val', 'test')[n % 3]},{n % 2},{-(n % 2)}"
        for n in range(30)
    ]
    data = "\n".join(["image,patient,age,view,split,Edema,Mass", *rows]).encode()
    chexpert = "\n".join(
        [
            _CHEXPERT,
            *(
                f"CheXpert-v1.0-small/train/patient{n:05}/study1/view1_frontal.jpg,Female,{50 + n},"
                "Frontal,AP,1.0,,0.0,-1.0,,,,,,1.0,,,,"
                for n in range(20)
            ),
        ]
    ).encode()
    return [
        Seed("csv", "own table", "labels.csv", data, {"mapping.toml": _MAPPING}),
        Seed(
            "csv",
            "chexpert",
            "train.csv",
            chexpert,
            {
                "valid.csv": chexpert.replace(b"train", b"valid").replace(
                    b"patient000", b"patient645"
                )
            },
        ),
        Seed(
            "csv",
            "gzip",
            "labels.csv.gz",
            gzip.compress(data, mtime=0),
            {"mapping.toml": b'table = "labels.csv.gz"\n' + _MAPPING},
        ),
    ]


_REPORT = b"""<?xml version="1.0" encoding="utf-8"?>
<eCitation>
<meta type="rr"/>
<uId id="CXR7"/>
<MedlineCitation Owner="Indiana University" Status="supplied by publisher">
<Article PubModel="Electronic"><Abstract>
<AbstractText Label="COMPARISON">None.</AbstractText>
<AbstractText Label="INDICATION">Jansen-4711, positive TB test</AbstractText>
<AbstractText Label="FINDINGS">The heart is enlarged. No pneumothorax &lt;seen&gt;.</AbstractText>
<AbstractText Label="IMPRESSION">Mild cardiomegaly.</AbstractText>
</Abstract></Article></MedlineCitation>
<MeSH><major>Cardiomegaly/mild</major><automatic>effusion</automatic></MeSH>
<parentImage id="CXR7_IM-0001-4001"><figureId>F1</figureId></parentImage>
</eCitation>
"""


def _reports() -> list[Seed]:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for number in range(5):
            info = tarfile.TarInfo(f"ecgen-radiology/{number + 1}.xml")
            data = _REPORT.replace(b"CXR7", b"CXR%d" % (number + 1))
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    packed = file.getvalue()
    return [
        Seed("xml", "report", "ecgen-radiology/7.xml", _REPORT),
        Seed("tar", "archive", "NLMCXR_reports.tgz", packed),
    ]

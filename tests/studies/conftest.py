"""DICOM objects made to order, and small folders of studies."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gdcm
import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    ExplicitVRLittleEndian,
    generate_uid,
)


def dicom_dataset(stored: np.ndarray, **tags: Any) -> Dataset:
    """A CR object of stored values; tags replace or, where None, remove what it has."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["instance"])
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID
    dataset.PatientName = "Doe^Jane"
    dataset.PatientID = "secret-77"
    dataset.Rows, dataset.Columns = stored.shape[-2:]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelRepresentation = int(np.issubdtype(stored.dtype, np.signedinteger))
    dataset.BitsAllocated = dataset.BitsStored = 8 * stored.dtype.itemsize
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    if "HighBit" not in tags:
        dataset.HighBit = dataset.BitsStored - 1
    dataset.add_new("PixelData", "OW", stored.tobytes())
    for keyword in [keyword for keyword, value in tags.items() if value is None]:
        delattr(dataset, keyword)
    return dataset


def dicom_recompressed(dataset: Dataset, syntax: int, folder: Path) -> bytes:
    """The file of an object whose pixels gdcm has compressed."""
    plain, compressed = folder / "plain.dcm", folder / "compressed.dcm"
    plain.write_bytes(dicom_bytes(dataset))
    reader = gdcm.ImageReader()
    reader.SetFileName(str(plain))
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(compressed))
    assert reader.Read()
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    return compressed.read_bytes()


def dicom_bytes(dataset: Dataset) -> bytes:
    """What a file of the object holds."""
    file = io.BytesIO()
    dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


@pytest.fixture(scope="session")
def dataset() -> Callable[..., Dataset]:
    """A maker of DICOM objects: stored values, then tags."""
    return dicom_dataset


@pytest.fixture(scope="session")
def dicom() -> Callable[..., bytes]:
    """A maker of DICOM files: stored values, then tags; or a whole object."""

    def make(stored: np.ndarray | Dataset, **tags: Any) -> bytes:
        whole = stored if isinstance(stored, Dataset) else dicom_dataset(stored, **tags)
        return dicom_bytes(whole)

    return make


@pytest.fixture(scope="session")
def recompressed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Dataset, int], bytes]:
    """A maker of compressed DICOM files: an object, then a transfer syntax of gdcm."""
    folder = tmp_path_factory.mktemp("recompressed")
    return lambda dataset, syntax: dicom_recompressed(dataset, syntax, folder)


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """A maker of data folders: table, mapping, and images as arrays of bytes."""

    def make(
        table: str, mapping: str | None = None, images: dict[str, np.ndarray] | None = None
    ) -> Path:
        (tmp_path / "labels.csv").write_text(table, encoding="utf-8")
        if mapping is not None:
            (tmp_path / "mapping.toml").write_text(mapping, encoding="utf-8")
        for name, pixels in (images or {}).items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / name)
        return tmp_path

    return make

"""Miniature copies of the published data sets, one a file in ``minis/``.

``minis/<name>.py`` (hyphens as underscores) defines ``build(root, image)``: it writes the official
files with their exact headers and quirks into ``root``, and calls ``image("path/below.png")`` for
every film; one that ends with .dcm or .dicom is a DICOM object, with the tags given. ``test_every_source.py`` then reads it in every way its source offers.
"""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmwrite
from pydicom.config import disable_value_validation
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

_FOLDER = Path(__file__).parent / "minis"
_NAMES = sorted(path.stem.replace("_", "-") for path in _FOLDER.glob("*.py"))


def build_mini(name: str, root: Path) -> Path:
    """The miniature of a source, in a folder."""
    path = _FOLDER / f"{name.replace('-', '_')}.py"
    spec = importlib.util.spec_from_file_location(f"mini_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def image(below: str, **tags: str) -> None:
        file = root / below
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix in (".dcm", ".dicom"):
            _dicom(file, tags)
        else:
            Image.fromarray(np.full((8, 8), len(below), dtype=np.uint8)).save(file)

    module.build(root, image)
    return root


def _dicom(file: Path, tags: dict[str, str]) -> None:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[file.name])
    dataset.SOPClassUID = ComputedRadiographyImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID
    dataset.PhotometricInterpretation, dataset.SamplesPerPixel = "MONOCHROME2", 1
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.PixelRepresentation, dataset.Rows, dataset.Columns = 0, 8, 8
    with disable_value_validation():  # published headers break the standard: ages such as 61
        for keyword, value in tags.items():
            setattr(dataset, keyword, value)
    dataset.add_new("PixelData", "OW", (np.arange(64, dtype=np.uint8) + len(file.name)).tobytes())
    dcmwrite(file, dataset, enforce_file_format=True)


@pytest.fixture
def mini(tmp_path: Path) -> Callable[[str], Path]:
    """A maker of miniatures: the name of a source to the folder of its files."""
    return lambda name: build_mini(name, tmp_path)


@pytest.fixture(scope="session")
def minis(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every miniature, for reading only."""
    return {name: build_mini(name, tmp_path_factory.mktemp(name)) for name in _NAMES}


@pytest.fixture(params=_NAMES)
def source(request: pytest.FixtureRequest) -> str:
    """The name of each source that has a miniature."""
    return str(request.param)

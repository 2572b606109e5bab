"""Films in all forms, and bundles over the toy encoder."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

from carina.adaptors import (
    CrossModal,
    Linear,
    LinearReadout,
    PretrainedAdaptor,
    PromptReadout,
    Readout,
    Reads,
    Sides,
)
from carina.bundles import AnswerRule, Bundle
from carina.encoders import load_image_encoder, load_text_encoder

LABELS = ("Edema", "Mass", "Nodule")
STUDY = "1.2.826.0.1.77"


def head(dim: int = 32) -> LinearReadout:
    rng = torch.Generator().manual_seed(0)
    return LinearReadout(
        labels=LABELS,
        weight=torch.randn(3, dim, generator=rng, dtype=torch.float64),
        bias=torch.zeros(3, dtype=torch.float64),
        normalise=True,
    )


def prompted() -> PromptReadout:
    rng = torch.Generator().manual_seed(1)
    prompts = torch.randn(2, 3, 4, 32, generator=rng)
    return PromptReadout(
        labels=LABELS,
        positive=prompts[0],
        negative=prompts[1],
        adaptors=Sides(adaptor=Linear(out=8)).build(image_dim=32, text_dim=32, generator=rng),
    )


def bundled(readout: Readout) -> Bundle:
    return Bundle(
        readout=readout,
        rules=(
            AnswerRule(label="Edema", slope=2.5, intercept=-1.0, threshold=0.1, rule="best F1"),
            AnswerRule(label="Mass", slope=0.0, intercept=0.5, threshold=-0.2, rule="best F1"),
        ),
        encoders=(load_image_encoder("toy-image").card,),
        single_patients=False,
    )


def over_an_adaptor() -> Bundle:
    form = CrossModal(reads=Reads.VECTORS, width=32, heads=2, hidden=16)
    image, text = load_image_encoder("toy-image").card, load_text_encoder("toy-text").card
    rng = torch.Generator().manual_seed(2)
    made = PretrainedAdaptor(
        config=form,
        module=form.build(image_dim=image.dim, text_dim=text.dim, generator=rng),
        image_dim=image.dim,
        text_dim=text.dim,
        image_encoder=image.fingerprint,
        text_encoder=text.fingerprint,
        data="",
        pairs=0,
        patients=0,
    )
    return replace(bundled(prompted()), text_encoder=text, pretrained=made)


@pytest.fixture(
    params=[lambda: bundled(head()), lambda: bundled(prompted()), over_an_adaptor],
    ids=["head", "prompts", "adaptor"],
)
def bundle(request: pytest.FixtureRequest) -> Bundle:
    """One of each kind; Nodule is not calibrated."""
    made: Bundle = request.param()
    return made


@pytest.fixture
def adapted() -> Bundle:
    """Prompts over a pre-trained Adaptor as wide as the encoder."""
    return over_an_adaptor()


@pytest.fixture
def two_blocks() -> Bundle:
    """A head over two encoders side by side."""
    card = load_image_encoder("toy-image").card
    return replace(bundled(head()), readout=head(64), encoders=(card, replace(card, name="again")))


def draw(path: Path, seed: int) -> Path:
    pixels = np.random.default_rng(seed).integers(0, 256, (20, 24), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def draw_dicom(path: Path, seed: int, study: str) -> Path:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[str(seed)])
    dataset.SOPClassUID = ComputedRadiographyImageStorage
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID
    dataset.PatientName, dataset.PatientID = "Doe^Jane", "secret-77"
    dataset.StudyInstanceUID = study
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 20, 24, 1
    dataset.PhotometricInterpretation, dataset.PixelRepresentation = "MONOCHROME2", 0
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    stored = np.random.default_rng(seed).integers(0, 4096, (20, 24), dtype=np.uint16)
    dataset.add_new("PixelData", "OW", stored.tobytes())
    dcmwrite(path, dataset, enforce_file_format=True)
    return path


Film = Callable[..., Path]


@pytest.fixture
def film(tmp_path: Path) -> Film:
    """A maker of PNG films."""
    return lambda name, seed=0: draw(tmp_path / name, seed)


@pytest.fixture
def dicom_film(tmp_path: Path) -> Film:
    """A maker of DICOM films of a patient called Jane Doe."""
    return lambda name, seed=0, study=STUDY: draw_dicom(tmp_path / name, seed, study)

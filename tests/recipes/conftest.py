"""A small hospital: drawn squares as films, three findings, toy encoders, one store."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from carina.encoders import load_image_encoder
from carina.features import Store, encode
from carina.learning import Ridge
from carina.recipes import Continual, Prepared, prepare
from carina.studies import Manifest, read_folder

FINDINGS = ("Cardiomegaly", "Edema", "Pneumothorax")
MAPPING = """
table = "films.csv"
source = "squares"
[columns]
image = "file"
patient = "who"
split = "split"
report = "report"
[labels.columns]
Cardiomegaly = "c"
Edema = "e"
Pneumothorax = "p"
"""


def draw_hospital(folder: Path, patients: int = 80) -> Path:
    """Films whose quadrants are bright where a finding is present, and their table."""
    rng = np.random.default_rng(3)
    lines = ["file,who,split,report,c,e,p"]
    for patient in range(patients):
        split = ("train", "train", "train", "val", "test", "test", "pretrain")[patient % 7]
        for film in range(1 + patient % 2):
            present = rng.random(3) < 0.4
            pixels = rng.normal(90, 25, (32, 32))
            for at, here in enumerate(present):
                row, column = divmod(at, 2)
                pixels[row * 16 : row * 16 + 16, column * 16 : column * 16 + 16] += 50 * here
            name = f"film-{patient}-{film}.png"
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / name)
            said = [n if here else f"no {n}" for n, here in zip(FINDINGS, present, strict=True)]
            cells = ",".join(str(int(here)) for here in present)
            lines.append(f"{name},Plantagenet-{patient},{split},{'; '.join(said)},{cells}")
    (folder / "films.csv").write_text("\n".join(lines) + "\n")
    (folder / "mapping.toml").write_text(MAPPING)
    return folder


@pytest.fixture(scope="session")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder."""
    return draw_hospital(tmp_path_factory.mktemp("hospital"))


@pytest.fixture(scope="session")
def manifest(hospital: Path) -> Manifest:
    """Its manifest."""
    return read_folder(hospital)


@pytest.fixture(scope="session")
def store(manifest: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Its features."""
    store = Store(tmp_path_factory.mktemp("store") / "store")
    for _ in encode(manifest, load_image_encoder("toy-image"), store):
        pass
    return store


@pytest.fixture(scope="session")
def recipe() -> Continual:
    """One finding at a time by closed form, quickly."""
    return Continual(
        name="small",
        encoders=("toy-image",),
        text_encoder="toy-text",
        strategy=Ridge(),
        folds=2,
        draws=100,
    )


@pytest.fixture(scope="session")
def prepared(recipe: Continual, manifest: Manifest, store: Store) -> Prepared:
    """What the recipe reads."""
    return prepare(replace(recipe), manifest, store)

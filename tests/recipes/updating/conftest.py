"""A reader in service at a small hospital, and new data of several kinds."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from carina.bundles import begin_history, history_folder, write_bundle
from carina.encoders import ImageEncoder, load_image_encoder
from carina.features import Store, encode
from carina.learning import Ridge, StrategyConfig
from carina.recipes import (
    Align,
    Continual,
    Dossier,
    Finished,
    bundle_of,
    home_of,
    prepare,
    run,
    taught_in,
    update,
)
from carina.studies import Manifest, read_folder

FINDINGS = ("Cardiomegaly", "Edema", "Pneumothorax")
SHARE = 0.4

Draw = Callable[..., Manifest]
Teach = Callable[..., Path]


def draw(
    folder: Path,
    patients: range,
    *,
    findings: tuple[str, ...] = FINDINGS,
    split: str = "train",
    wrong: tuple[str, ...] = (),
    shown: tuple[str, ...] | None = None,
    seed: int = 0,
) -> Manifest:
    """Films whose quadrants are bright where a finding is present, one a patient, and their table.

    A patient's film is the same in every folder.

    Args:
        folder: Where to.
        patients: Numbers of the patients.
        findings: Columns of the table.
        split: Of every patient; "" leaves the column out; "mixed" gives one in five to the test.
        wrong: Findings whose labels are drawn at random.
        shown: Findings with labels; the cells of others are empty.
        seed: Of wrong labels.
    """
    folder.mkdir(parents=True)
    every = (*FINDINGS, "Nodule")
    lines = [",".join(["file", "who", "split", "sex", *findings])]
    lies = np.random.default_rng(seed)
    for patient in patients:
        rng = np.random.default_rng(1000 + patient)
        present = rng.random(4) < SHARE
        pixels = rng.normal(90, 25, (32, 32))
        for at, here in enumerate(present):
            row, column = divmod(at, 2)
            pixels[row * 16 : row * 16 + 16, column * 16 : column * 16 + 16] += 25 * here
        name = f"film-{patient}.png"
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / name)
        said = dict(zip(every, present.tolist(), strict=True))
        cells = []
        for finding in findings:
            there = bool(lies.random() < SHARE) if finding in wrong else said[finding]
            cells.append("" if shown is not None and finding not in shown else str(int(there)))
        part = (
            ("train", "val", "train", "train", "test")[patient % 5] if split == "mixed" else split
        )
        lines.append(",".join([name, f"Plantagenet-{patient}", part, "FM"[patient % 2], *cells]))
    (folder / "films.csv").write_text("\n".join(lines) + "\n")
    columns = {"image": "file", "patient": "who", "sex": "sex"} | (
        {"split": "split"} if split else {}
    )
    (folder / "mapping.toml").write_text(
        'table = "films.csv"\nsource = "squares"\n[columns]\n'
        + "".join(f'{name} = "{value}"\n' for name, value in columns.items())
        + "[labels.columns]\n"
        + "".join(f'"{name}" = "{name}"\n' for name in findings)
    )
    return read_folder(folder)


@pytest.fixture
def drawn(tmp_path: Path) -> Draw:
    """Draws data into a folder of a name; see `draw`."""

    def call(name: str, patients: range, **how: object) -> Manifest:
        return draw(tmp_path / name, patients, **how)  # type: ignore[arg-type]

    return call


@pytest.fixture(scope="session")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Teach:
    """The folder of a run of a strategy on the first 240 patients, one in five held back."""
    root = tmp_path_factory.mktemp("taught")
    manifest = draw(root / "hospital", range(240), split="mixed")
    kept = Store(root / "store")
    for _ in encode(manifest, load_image_encoder("toy-image"), kept):
        pass
    found: dict[str, Path] = {}

    def call(strategy: StrategyConfig, *, text: str = "", align: Align | None = None) -> Path:
        recipe = Continual(
            name="small",
            encoders=("toy-image",),
            text_encoder=text,
            align=align,
            prompts="retune-1",
            strategy=strategy,
            folds=2,
            draws=100,
        )
        if recipe.fingerprint not in found:
            *_, last = run(recipe, prepare(recipe, manifest, kept), root / "runs")
            assert isinstance(last, Finished)
            found[recipe.fingerprint] = last.folder
        return found[recipe.fingerprint]

    return call


@pytest.fixture(scope="session")
def hospital_data(taught: Teach) -> Manifest:
    """What the runs of `taught` learned from."""
    return read_folder(taught(Ridge()).parents[1] / "hospital")


def in_service(run_folder: Path, bundle: Path) -> Path:
    packed, state = bundle_of(run_folder, updatable=True)
    write_bundle(bundle, packed, state=state)
    begin_history(bundle, taught_in(run_folder), home=home_of(run_folder))
    return bundle


@pytest.fixture(scope="session")
def first_reader(taught: Teach, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ridge reader, to be copied."""
    return in_service(taught(Ridge()), tmp_path_factory.mktemp("first") / "reader")


@pytest.fixture
def reader(first_reader: Path, tmp_path: Path) -> Path:
    """A ridge reader in service, without a text, whose history knows what taught it."""
    shutil.copytree(first_reader, tmp_path / "reader")
    shutil.copytree(history_folder(first_reader), tmp_path / "reader.history")
    return tmp_path / "reader"


@pytest.fixture
def served(taught: Teach, tmp_path: Path) -> Callable[..., Path]:
    """A reader in service of a strategy; see `taught`."""

    def call(strategy: StrategyConfig, **how: Any) -> Path:
        return in_service(taught(strategy, **how), tmp_path / "reader")

    return call


@pytest.fixture
def learn(tmp_path: Path) -> Callable[..., Dossier]:
    """Updates a reader, to the dossier."""
    store = Store(tmp_path / "store")

    def call(bundle: Path, data: Manifest, *, kept: Store | None = store, **how: Any) -> Dossier:
        *_, last = update(bundle, data, kept, toys, check_input=False, **how)
        assert isinstance(last, Dossier)
        return last

    return call


def toys() -> tuple[ImageEncoder, ...]:
    return (load_image_encoder("toy-image"),)

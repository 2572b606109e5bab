"""Freeze the backbones from end to end on miniature copies: what waits, waits for data and weights.

Toy encoders stand in for DINOv2 and BioBERT. Schedules are the recipes' own but for counts of
epochs, steps and draws, which would take minutes.
"""

import gzip
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from carina.adaptors import CrossModal
from carina.learning import load_adaptor
from tests.recipes.miniatures import covidx, mimic, rsna, siim
from tests.studies.sources.conftest import build_mini

Carina = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the four sets in miniature."""
    folder = tmp_path_factory.mktemp("ward")
    mimic(folder / "mimic", patients=36, size=32)
    rsna(folder / "rsna", films=160, size=32)
    covidx(folder / "covidx", films=180, size=32)
    siim(folder / "siim", films=12, size=1024)
    return folder


def asked(carina: Carina, *words: object) -> str:
    """What a command says, which must go well."""
    status, out, err = carina(*words)
    assert status == 0, err
    return out


def changed(carina: Carina, name: str, file: Path, **other: Any) -> Path:
    """A named recipe as `carina recipes` prints it, with some of it changed, in a file."""
    recipe: dict[str, Any] = json.loads(asked(carina, "recipes", name))
    for key, value in other.items():
        inside = recipe.get(key)
        recipe[key] = inside | value if isinstance(value, Mapping) and inside else value
    file.write_text(json.dumps(recipe))
    return file


@pytest.fixture(scope="module")
def adaptor(carina: Carina, ward: Path) -> Path:
    """The Adaptor that adaptor-paper leaves over the toys on MIMIC-CXR, and its card."""
    data, store = ward / "mimic", ward / "store"
    recipe = changed(
        carina,
        "adaptor-paper",
        ward / "adaptor-paper.json",
        image_encoder="toy-image",
        text_encoder="toy-text",
        training={"epochs": 2},
    )
    asked(carina, "encode", data, "--encoder", "toy-image", "--store", store)
    asked(carina, "encode", data, "--encoder", "toy-text", "--store", store, "--reports", "caption")
    here = ("--store", store, "--out", ward / "pretrained")
    asked(carina, "pretrain", data, "--recipe", recipe, *here)
    (folder,) = (ward / "pretrained").iterdir()
    return folder / "adaptor"


def test_mimic_cxr_becomes_an_adaptor_with_a_card(ward: Path, adaptor: Path) -> None:
    card = (adaptor.parent / "card.md").read_text()
    left = load_adaptor(adaptor)

    assert (left.pairs, left.patients) == (24, 24)
    assert isinstance(left.config, CrossModal)
    assert (left.config.width, left.image_dim, left.text_dim) == (768, 32, 32)
    assert "24 pairs of 24 patients, and 6 pairs of others" in card
    assert "36 film(s) of another view" in card
    assert "report to film, at random" in card


@pytest.mark.parametrize(
    ("name", "says"),
    [("rsna", ("Lung Opacity", "AUROC")), ("covidx", ("Non-COVID-19 Pneumonia", "accuracy"))],
)
def test_a_set_is_probed_over_that_adaptor_and_has_a_card(
    name: str, says: tuple[str, str], carina: Carina, ward: Path, adaptor: Path
) -> None:
    data, store = ward / name, ward / "store"
    asked(carina, "encode", data, "--encoder", "toy-image", "--store", store)
    words = ("--encoder", "toy-image", "--adaptor", adaptor, "--draws", 2)
    here = ("--store", store, "--out", ward / f"{name}-probe")
    said = asked(carina, "probe", data, "--recipe", f"probe-{name}", *words, *here)
    (folder,) = (ward / f"{name}-probe").iterdir()
    card = (folder / "card.md").read_text()
    results = json.loads((folder / "probe.json").read_text())

    assert all(word in said and word in card for word in says)
    assert [share["share"] for share in results["shares"]] == [0.01, 0.1, 1.0]
    assert results["adaptor"] == load_adaptor(adaptor).fingerprint
    assert results["trainable"] == 768 * 512 + 2 * 512 + (512 + 1) * len(results["headline"])
    assert not results["leaks"]
    assert (results["shares"][2]["accuracy"] is None) == (name == "rsna")


@pytest.mark.parametrize("name", ["rsna", "siim"])
def test_a_set_is_segmented_over_that_adaptor_and_has_a_card(
    name: str, carina: Carina, ward: Path, adaptor: Path, tmp_path: Path
) -> None:
    data = ward / name
    if name == "rsna":  # boxes are of films of 1024 x 1024, of which few are enough here
        data = tmp_path / name
        rsna(data, films=16, size=1024)
    recipe = changed(
        carina,
        f"segment-{name}",
        tmp_path / "recipe.json",
        encoder="toy-image",
        adaptor=str(adaptor),
        teaching={"steps": 1},
        repeats=1,
    )
    here = ("--store", tmp_path / "store", "--out", tmp_path / "out")
    asked(carina, "segment", data, "--recipe", recipe, *here)
    (folder,) = (tmp_path / "out").iterdir()
    card = (folder / "card.md").read_text()

    assert "all-empty" in card
    assert "mean-mask" in card
    assert load_adaptor(adaptor).fingerprint in card


@pytest.mark.parametrize(
    ("source", "name"),
    [("rsna-pneumonia", "rsna"), ("siim-acr", "siim"), ("mimic-cxr-jpg", "mimic")],
)
def test_tables_begin_as_those_that_are_read_as_published(
    source: str, name: str, ward: Path, tmp_path: Path
) -> None:
    def headers(folder: Path) -> dict[str, bytes]:
        found = {path: path.read_bytes() for path in folder.glob("*.csv*")}
        return {
            path.name: (gzip.decompress(text) if path.suffix == ".gz" else text).split(b"\n")[0]
            for path, text in found.items()
        }

    wanted, made = headers(build_mini(source, tmp_path)), headers(ward / name)

    assert made
    assert made.items() <= wanted.items()

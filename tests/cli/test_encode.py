"""``carina encode``: what is kept, in which type, on which device."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from carina.core import Mismatch
from carina.features import Store

Carina = Callable[..., tuple[int, str, str]]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Four films and their table."""
    folder = tmp_path / "data"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(4):
        path = folder / f"film-{number}.png"
        Image.fromarray(rng.integers(0, 255, (40, 30), dtype=np.uint8)).save(path)
        os.utime(path, (1_600_000_000, 1_600_000_000))
    lines = [f"film-{number}.png,P{number},train,0" for number in range(4)]
    (folder / "films.csv").write_text("\n".join(["file,who,split,e", *lines]) + "\n")
    (folder / "mapping.toml").write_text(
        'table = "films.csv"\n[columns]\nimage = "file"\npatient = "who"\nsplit = "split"\n'
        '[labels.columns]\nEdema = "e"\n'
    )
    return folder


def test_outputs_are_named_with_commas(data: Path, carina: Carina, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    words = ("encode", data, "--encoder", "toy-image", "--store", store.root)
    status, _, said = carina(*words, "--outputs", "pooled, crops")
    assert status == 0, said

    (segment,) = store.segments(store.card("toy-image"))
    assert segment.array_names == ("crops", "pooled")
    assert segment.array("crops").shape == (4, 5, 32)

    status, _, said = carina(*words, "--outputs", "pooled,mask")
    assert status == 2
    assert "pooled, tokens, stages, crops" in said


def test_another_type_is_another_encoder(data: Path, carina: Carina, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    words = ("encode", data, "--encoder", "toy-image", "--store", store.root)
    for dtype in ("float32", "bfloat16"):
        status, _, said = carina(*words, "--dtype", dtype, "--device", "auto")
        assert status == 0, said

    assert sorted(card.dtype for card in store.encoders()) == ["bfloat16", "float32"]
    _, told, _ = carina("store", store.root)
    assert "bfloat16 by torch" in told
    assert "float32 by torch" in told
    full, rounded = (
        torch.tensor(store.segments(card)[0].array("pooled"))
        for card in sorted(store.encoders(), key=lambda card: card.dtype, reverse=True)
    )
    assert not torch.equal(full, rounded)
    assert torch.cosine_similarity(full, rounded).min() > 0.999

    with pytest.raises(Mismatch, match=r"computes in bfloat16.* computes in float32"):
        store.card("toy-image")

    status, _, said = carina(*words, "--dtype", "int8")
    assert status == 2
    assert "int8" in said


def test_a_device_this_machine_has_not_got_is_told(
    data: Path, carina: Carina, tmp_path: Path
) -> None:
    words = ("encode", data, "--encoder", "toy-image", "--store", tmp_path / "store")
    status, _, said = carina(*words, "--device", "cuda:99")

    assert status == 2
    assert "No device" in said
    assert "cpu" in said

"""The page of what lies on disk lists just the files that are there, in the forms they have."""

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from carina.adaptors import ValueOnly
from carina.bundles import begin_history, history_folder, write_bundle
from carina.cards import write_pretraining_card, write_probe_card, write_run_card
from carina.encoders import load_image_encoder, load_text_encoder
from carina.features import Store, encode, encode_reports, forget
from carina.learning import Pretraining, Ridge, save_adaptor
from carina.recipes import (
    Align,
    Continual,
    Finished,
    Pretrain,
    PretrainingDone,
    Probe,
    Probed,
    bundle_of,
    home_of,
    prepare,
    prepare_pairs,
    prepare_probe,
    probe,
    run,
    run_pretraining,
    taught_in,
    update,
)
from carina.studies import Split, read_folder
from tests.recipes.over_an_adaptor import adaptor

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "files.md"
MAPPING = """
table = "films.csv"
source = "squares"
[columns]
image = "file"
patient = "who"
split = "split"
[labels.columns]
Edema = "edema"
Mass = "mass"
"""
FORMS = ("layout", "format", "schema_version")
KINDS = ("store", "run", "pre-training", "probe", "bundle", "history")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A store, a run over an Adaptor and an updatable bundle, of films one of which cannot be read."""
    root = tmp_path_factory.mktemp("made")
    films = root / "films"
    films.mkdir()
    rng = np.random.default_rng(0)
    lines = ["file,who,split,edema,mass"]
    for patient in range(60):
        name, edema, mass = f"{patient}.png", patient % 2, patient // 2 % 2
        pixels = rng.integers(0, 90, (16, 16)) + np.array([[edema], [mass]]).repeat(8, 0) * 60
        Image.fromarray(pixels.astype(np.uint8)).save(films / name)
        lines.append(f"{name},P{patient},{'train' if patient % 3 else 'test'},{edema},{mass}")
    (films / "0.png").write_bytes(b"no picture")
    for path in films.glob("*.png"):
        os.utime(path, (0, 0))  # files just written are not remembered by their time
    (films / "films.csv").write_text("\n".join(lines) + "\n")
    (films / "mapping.toml").write_text(MAPPING)
    manifest, store = read_folder(films), Store(root / "store")
    kept = ("pooled", "tokens", "crops")
    for _ in encode(manifest, load_image_encoder("toy-image"), store, outputs=kept):
        pass
    save_adaptor(root / "over", adaptor())
    recipe = Continual(
        name="small",
        encoders=("toy-image",),
        text_encoder="minilm-l6",
        align=Align(adaptor=str(root / "over")),
        strategy=Ridge(),
        folds=2,
        draws=100,
    )
    *_, last = run(recipe, prepare(recipe, manifest, store), root / "runs")
    assert isinstance(last, Finished)
    write_run_card(last.folder)
    bundle, state = bundle_of(last.folder, updatable=True)
    write_bundle(root / "bundle", bundle, state=state)
    begin_history(root / "bundle", taught_in(last.folder), home=home_of(last.folder))
    held = replace(manifest.take(np.array([3, 6])), split=("train", "train"))
    for _ in update(root / "bundle", held, store, tuple, check_input=False):
        pass
    texts = load_text_encoder("toy-text")
    told = replace(manifest, report=tuple(f"Film {row}." for row in range(len(manifest))))
    for _ in encode_reports(told, texts, store):
        pass
    aligned = Pretrain(
        name="small",
        image_encoder="toy-image",
        text_encoder="toy-text",
        training=Pretraining(adaptor=ValueOnly(width=8, hidden=8), epochs=1),
        learn=(Split.TRAIN,),
        stop=Split.VAL,
    )
    halved = replace(
        told, split=tuple("val" if s == "train" and r % 2 else s for r, s in enumerate(told.split))
    )
    with prepare_pairs(aligned, halved, store) as pairs:
        *_, done = run_pretraining(aligned, pairs, root / "pretrained")
    assert isinstance(done, PretrainingDone)
    write_pretraining_card(done.folder)
    asked = Probe(name="small", encoders=("toy-image",), by=Ridge(betas=(0.0,)), shares=(1.0,))
    *_, probed = probe(asked, prepare_probe(asked, halved, store), root / "probes")
    assert isinstance(probed, Probed)
    write_probe_card(probed.folder)
    forget(store, "P1")
    one, lite = manifest.take(np.array([2])), load_image_encoder("efficientnet-lite0")
    for _ in encode(one, lite, store, outputs=("stages",)):
        pass
    return {
        "store": store.root,
        "run": last.folder,
        "pre-training": done.folder,
        "probe": probed.folder,
        "bundle": root / "bundle",
        "history": history_folder(root / "bundle"),
    }


def listed(kind: str) -> dict[str, str]:
    """File to form, as the page has them."""
    (section,) = re.findall(
        rf"^## A {kind}\n(.*?)(?=^## )", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    rows = re.findall(r"^\| `([^`]+)` \|.*\| (.*?) ?\|$", section, re.MULTILINE)
    return dict(rows)


def generic(path: Path) -> str:
    """A path with fingerprints and numbers of steps as the page writes them."""
    places = iter(("<encoder>", "<segment>"))
    parts = [
        next(places) if re.fullmatch("[0-9a-f]{20}", part) else re.sub(r"^\d{3}$", "NNN", part)
        for part in path.parts
    ]
    return re.sub(r"stage-\d+", "stage-N", "/".join(parts))


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_lists_just_the_files_that_are_there(kind: str, made: dict[str, Path]) -> None:
    root = made[kind]
    there = {generic(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}

    assert set(listed(kind)) == there


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_tells_the_form_of_every_file_that_has_one(
    kind: str, made: dict[str, Path]
) -> None:
    for path in made[kind].rglob("*.json"):
        plain = json.loads(path.read_text())
        form = [f"`{name}` {plain[name]}" for name in FORMS if name in plain]

        assert listed(kind)[generic(path.relative_to(made[kind]))] == "".join(form)


@pytest.mark.parametrize("kind", KINDS)
def test_only_kinds_of_file_that_cannot_run_are_there(kind: str, made: dict[str, Path]) -> None:
    endings = {path.suffix for path in made[kind].rglob("*") if path.is_file()}

    assert endings <= {
        *(".json", ".jsonl", ".parquet", ".npy", ".safetensors", ".tsv", ".html", ".md")
    }
    for path in made[kind].rglob("*.npy"):
        np.load(path, allow_pickle=False)

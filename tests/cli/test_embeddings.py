"""From a file of features to a bundle, with no model and no images."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from carina.adaptors import answer_in_blocks, bank_names, load_bank
from carina.bundles import read_bundle

Carina = Callable[..., tuple[int, str, str]]
RECIPE = """
name = "own-features"
encoders = ["embeddings:mine"]
text_encoder = ""
folds = 2
draws = 100
[strategy]
kind = "Ridge"
"""
MAPPING = """
table = "films.csv"
[columns]
image = "file"
patient = "who"
split = "split"
[labels.columns]
Edema = "e"
Mass = "m"
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A table, and features that tell its findings."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "data"
    folder.mkdir()
    present = rng.random((80, 2)) < 0.5
    lines = [
        f"film-{row}.dcm,Plantagenet-{row},{('train', 'train', 'test')[row % 3]},{int(e)},{int(m)}"
        for row, (e, m) in enumerate(present)
    ]
    (folder / "films.csv").write_text("\n".join(["file,who,split,e,m", *lines]) + "\n")
    (folder / "mapping.toml").write_text(MAPPING)
    values = rng.normal(size=(80, 8))
    values[:, :2] += 3 * present
    columns = [pl.Series(f"f{index}", values[:, index]) for index in range(8)]
    names = pl.Series("image", [f"film-{row}.dcm" for row in range(80)])
    pl.DataFrame([names, *columns]).write_parquet(tmp_path / "features.parquet")
    (tmp_path / "recipe.toml").write_text(RECIPE)
    return folder


def test_recipes_and_bundles_stand_on_them_and_predict_says_why_not(
    data: Path, carina: Carina
) -> None:
    work = data.parent
    encoder = ("--encoder", "embeddings:mine", "--weights", work / "features.parquet")
    status, _, said = carina("encode", data, *encoder, "--store", work / "store")
    assert (status, "80 of 80 images" in said) == (0, True), said

    status, _, said = carina(
        *("run", work / "recipe.toml", "--data", data, "--store", work / "store"),
        *("--out", work / "runs", "--json"),
    )
    assert status == 0, said
    (run,) = (path for path in (work / "runs").iterdir() if path.is_dir())
    status, _, said = carina("bundle", run, "--out", work / "bundle")
    assert status == 0, said

    bundle = read_bundle(work / "bundle")
    features = torch.eye(8)[:2] * 10
    scores = answer_in_blocks(bundle.readout, features).difference
    assert scores[0, 0] > scores[1, 0]
    assert scores[1, 1] > scores[0, 1]
    everything = b"".join(path.read_bytes() for path in (work / "bundle").iterdir())
    assert str(work).encode() not in everything

    (work / "film.png").write_bytes(b"")
    status, _, said = carina("predict", work / "bundle", work / "film.png")
    assert status == 2
    assert "answers features only" in said


def test_texts_of_ones_own_give_zero_shot_scores(
    data: Path, carina: Carina, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, bank = data.parent, load_bank(bank_names()[0])
    texts: list[str] = []
    for finding in ("Edema", "Mass"):
        wording = bank.texts(finding)
        texts += [*wording.positive, *wording.negative]
    texts = sorted(set(texts))
    values = np.random.default_rng(1).normal(size=(len(texts), 8)).tolist()
    pl.DataFrame([pl.Series("text", texts), pl.Series("features", values)]).write_parquet(
        work / "texts.parquet"
    )
    settings = work / "encoders.toml"
    settings.write_text('[encoders."embeddings-text:mine"]\nweights = "texts.parquet"\n')
    monkeypatch.setenv("CARINA_CONFIG", str(settings))
    recipe = RECIPE.replace('text_encoder = ""', 'text_encoder = "embeddings-text:mine"')
    recipe = recipe.replace("[strategy]", f'prompts = "{bank_names()[0]}"\n[strategy]')
    (work / "recipe.toml").write_text(recipe.replace('"Ridge"', '"ZeroShot"'))
    encoder = ("--encoder", "embeddings:mine", "--weights", work / "features.parquet")
    carina("encode", data, *encoder, "--store", work / "store")

    status, out, said = carina(
        *("run", work / "recipe.toml", "--data", data, "--store", work / "store"),
        *("--out", work / "runs", "--json"),
    )

    assert status == 0, said
    assert '"zero_shot": true' in out

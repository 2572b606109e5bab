"""The main job on some real films, with the encoder that has seen some of them."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from carina.core import digest_image
from carina.evaluation import read_results, read_scores
from carina.studies import LabelSpace

RECIPE = """name = "some-films"
encoders = ["mobilenet-cxr14"]
text_encoder = ""
findings = ["Pleural Effusion", "Cardiomegaly", "No Finding"]
folds = 2
draws = 100
[strategy]
kind = "Ridge"
"""
FILMS = {"train": 40, "val": 8, "test": 24}


@pytest.fixture(scope="module")
def films(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a few rows of the table and a way to the images."""
    whole = shared / "data" / "cxr" / "nih"
    folder = tmp_path_factory.mktemp("films")
    with (whole / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    some = [
        row
        for split, count in FILMS.items()
        for row in [row for row in rows if row["split"] == split][:count]
    ]
    with (folder / "labels.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, some[0])
        writer.writeheader()
        writer.writerows(some)
    (folder / "images").symlink_to(whole / "images")
    return folder


def test_real_films_go_the_whole_way_and_exposure_is_told(
    films: Path, shared: Path, carina: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE)
    weights = ("--weights", shared / "data" / "cxr" / "weights" / "mbv3_cxr14.safetensors")
    store, runs, bundle = tmp_path / "store", tmp_path / "runs", tmp_path / "bundle"
    encoder = ("--encoder", "mobilenet-cxr14", *weights)

    assert carina("encode", films, *encoder, "--store", store)[0] == 0
    status, _, err = carina("run", recipe, "--data", films, "--store", store, "--out", runs)
    assert status == 0
    assert "no zero-shot" in err.casefold() or "no text encoder" in err
    assert "Exposed: mobilenet-cxr14" in err
    (run,) = runs.iterdir()
    assert "154 of the 230" in (run / "card.html").read_text()
    assert carina("bundle", run, "--out", bundle)[0] == 0

    results = read_results(run / "results.json")
    names = tuple(step.name for step in results.experiences)
    test = read_scores(run / "scores.parquet", names, LabelSpace(names=results.labels))["test"]
    assert results.unseen is not None
    assert 0 < results.unseen.images < results.test_images == FILMS["test"]
    asked = {digest_image(path.read_bytes()): path for path in _named(films)}
    image = asked[test.part.images[0]]
    status, out, _ = carina("predict", bundle, image, "--json", *weights)
    (answer,) = json.loads(out)["images"]
    assert status == 0
    said = [answer["findings"][name] for name in results.labels]
    assert [one["score"] for one in said] == [
        pytest.approx(value, abs=1e-4) for value in test.difference[-1, 0].tolist()
    ]
    for one, value in zip(said, test.probability[-1, 0].tolist(), strict=True):
        assert one["probability"] is None or one["probability"] == pytest.approx(value, abs=1e-4)


def _named(films: Path) -> list[Path]:
    with (films / "labels.csv").open(newline="") as file:
        return [films / "images" / row["image"] for row in csv.DictReader(file)]

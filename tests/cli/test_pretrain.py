"""From a folder of films and reports to an Adaptor, by commands alone."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from carina.learning import load_adaptor
from carina.phantoms import write_phantoms

Carina = Callable[..., tuple[int, str, str]]

RECIPE = """
name = "small"
image_encoder = "toy-image"
text_encoder = "toy-text"
learn = ["pretrain", "train"]
draws = 100
[training]
kind = "Pretraining"
rate = 0.01
batch = 6
piece = 2
epochs = 3
[training.adaptor]
kind = "CrossModal"
width = 16
heads = 2
hidden = 16
layers = 1
"""


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantoms")
    for _ in write_phantoms(folder, patients=24, seed=0, size=64):
        pass
    (folder / "recipe.toml").write_text(RECIPE)
    return folder


@pytest.fixture(scope="module")
def store(carina: Carina, phantoms: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Patches of the films and words of the reports."""
    store = tmp_path_factory.mktemp("encoded") / "store"
    for encoder, what in (("toy-image", "images"), ("toy-text", "reports")):
        status, _, err = carina(
            "encode", phantoms, "--encoder", encoder, "--store", store, "--outputs", "pooled,tokens"
        )
        assert status == 0, err
        assert f"{what} encoded" in err
    return store


def test_films_and_reports_become_an_adaptor(
    carina: Carina, phantoms: Path, store: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    here = ("--store", store, "--out", out, "--recipe", phantoms / "recipe.toml")
    status, shown, err = carina("pretrain", phantoms, *here)
    assert status == 0, err
    (folder,) = out.iterdir()

    assert "numbers learned from" in err
    for row in ("report to film", "film to report", "at random", "by the labels", "R@10"):
        assert row in shown
    assert shown.index("R@5") < shown.index("R@10")
    assert load_adaptor(folder / "adaptor").pairs > 0

    status, told, _ = carina("pretrain", phantoms, *here, "--json")
    results = json.loads(told)
    assert status == 0
    assert results["run"] == folder.name
    assert results["oracle"]["text_to_image"]["recall"]["10"]["value"] > 0
    assert "PHX" not in told


def together(*words: object) -> subprocess.CompletedProcess[str]:
    """Two processes of a module, as torchrun starts them."""
    root = Path(__file__).resolve().parents[2]
    started = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    return subprocess.run(
        [*started, "-m", *(str(word) for word in words)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{root / 'src'}"},
        cwd=root,
        check=False,
        capture_output=True,
        text=True,
    )


def test_two_processes_killed_and_started_again_leave_the_folder_of_one(
    carina: Carina, phantoms: Path, store: Path, tmp_path: Path
) -> None:
    pytest.importorskip("lightning_fabric", reason="the package of carina[distributed] is not here")
    words = ["pretrain", phantoms, "--store", store, "--recipe", phantoms / "recipe.toml", "--json"]
    out = tmp_path / "two"
    killed = together("tests.cli.cut_off", *words, "--out", out)
    assert "-9" in killed.stderr
    (unfinished,) = out.iterdir()
    stood = json.loads((unfinished / "standing" / "standing.json").read_text())
    again = together("carina", *words, "--out", out)
    assert again.returncode == 0, again.stderr
    _, alone, _ = carina(*words, "--out", tmp_path / "one")
    two, one = json.loads(again.stdout), json.loads(alone)  # one process speaks

    assert [path.name for path in out.iterdir()] == [two["run"]] == [one["run"]]
    assert two["epochs"][:1] == stood["epochs"]
    for ours, theirs in zip(two["epochs"], one["epochs"], strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)


def test_the_authors_setting_can_be_printed_and_given_back(carina: Carina, tmp_path: Path) -> None:
    status, shown, _ = carina("recipes", "adaptor-paper")
    (tmp_path / "mine.json").write_text(shown)
    words = ("--store", tmp_path / "store", "--out", tmp_path / "out")
    _, _, err = carina("pretrain", tmp_path, "--recipe", tmp_path / "mine.json", *words)

    assert status == 0
    assert json.loads(shown)["training"]["adaptor"]["kind"] == "CrossModal"
    assert "data folder" in err  # the recipe was read, the data are not there

"""The whole way once, from the command line: everything it leaves, and every word it says."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from carina.phantoms import write_phantoms

PATIENTS, SEED = 24, 2
RECIPE = """name = "small"
encoders = ["toy-image"]
text_encoder = "toy-text"
folds = 2
draws = 100
[strategy]
kind = "Ridge"
[plan]
kind = "ByClass"
"""
ALIGNED = RECIPE.replace("toy-text", "minilm-l6").replace("ByClass", "AllAtOnce") + "[align]\n"
PRETRAINING = """name = "small"
image_encoder = "toy-image"
text_encoder = "minilm-l6"
draws = 100
[training]
kind = "Pretraining"
epochs = 1
[training.adaptor]
kind = "CrossModal"
reads = "vectors"
width = 24
heads = 2
hidden = 16
"""


@dataclass(frozen=True)
class Way:
    """What was made, and what was said on the way.

    Attributes:
        root: Folder of everything.
        said: Verb to exit status, stdout and stderr.
    """

    root: Path
    said: dict[str, tuple[int, str, str]]

    def __getitem__(self, name: str) -> Path:
        return self.root / name

    @property
    def made(self) -> tuple[Path, ...]:
        """Every file that was made of the data."""
        return tuple(
            path
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and self["data"] not in path.parents
        )


@pytest.fixture(scope="session")
def way(
    tmp_path_factory: pytest.TempPathFactory, carina: Callable[..., tuple[int, str, str]]
) -> Way:
    """The verbs one after the other, on drawn films, with toy encoders.

    Once with reports read to align encoders, and once over an Adaptor that was pre-trained on them.
    """
    way = Way(root=tmp_path_factory.mktemp("way"), said={})
    for _ in write_phantoms(way["data"], patients=PATIENTS, seed=SEED, size=64):
        pass
    way["by-class.toml"].write_text(RECIPE)
    way["joint.toml"].write_text(ALIGNED)
    way["pretraining.toml"].write_text(PRETRAINING)
    data = ("--data", way["data"], "--store", way["store"])
    lines: dict[str, tuple[object, ...]] = {
        "check": ("check", way["data"]),
        "encode": ("encode", way["data"], "--encoder", "toy-image", "--store", way["store"]),
        "run": ("run", way["by-class.toml"], *data, "--out", way["run"]),
        "run joint": ("run", way["joint.toml"], *data, "--out", way["joint"]),
        "card": ("card", way["run"]),
        "overview": ("card", way["run"], way["joint"], "--out", way["overview"]),
        "results": ("results", way["run"], "--json"),
        "compare": ("compare", way["run"], way["joint"], "--json"),
        "bundle": ("bundle", way["run"], "--out", way["bundle"]),
        "bundle joint": ("bundle", way["joint"], "--out", way["bundle-joint"], "--updatable"),
        "predict": ("predict", way["bundle"], way["data/images"], "--json"),
        "encode reports": ("encode", way["data"], "--encoder", "minilm-l6", *data[2:]),
        "pretrain": (
            *("pretrain", way["data"], "--recipe", way["pretraining.toml"]),
            *("--store", way["store"], "--out", way["pretrained"]),
        ),
    }
    for verb, line in lines.items():
        way.said[verb] = carina(*line)
    (pretrained,) = way["pretrained"].iterdir()
    way["over.toml"].write_text(f'{ALIGNED}adaptor = "{pretrained}/adaptor"\n')
    over: dict[str, tuple[object, ...]] = {
        "run over": ("run", way["over.toml"], *data, "--out", way["over"]),
        "bundle over": ("bundle", way["over"], "--out", way["bundle-over"], "--updatable"),
        "predict over": ("predict", way["bundle-over"], way["data/images"], "--json"),
    }
    for verb, line in over.items():
        way.said[verb] = carina(*line)
    return way

"""Miniature copies of the published data sets, one a file in ``minis/``.

``minis/<name>.py`` (hyphens as underscores) defines ``build(root, image)``: it writes the official
files with their exact headers and quirks into ``root``, and calls ``image("path/below.png")`` for
every film. ``test_every_source.py`` then reads it in every way its source offers.
"""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

_FOLDER = Path(__file__).parent / "minis"
_NAMES = sorted(path.stem.replace("_", "-") for path in _FOLDER.glob("*.py"))


def build_mini(name: str, root: Path) -> Path:
    """The miniature of a source, in a folder."""
    path = _FOLDER / f"{name.replace('-', '_')}.py"
    spec = importlib.util.spec_from_file_location(f"mini_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def image(below: str) -> None:
        file = root / below
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8), len(below), dtype=np.uint8)).save(file)

    module.build(root, image)
    return root


@pytest.fixture
def mini(tmp_path: Path) -> Callable[[str], Path]:
    """A maker of miniatures: the name of a source to the folder of its files."""
    return lambda name: build_mini(name, tmp_path)


@pytest.fixture(scope="session")
def minis(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every miniature, for reading only."""
    return {name: build_mini(name, tmp_path_factory.mktemp(name)) for name in _NAMES}


@pytest.fixture(params=_NAMES)
def source(request: pytest.FixtureRequest) -> str:
    """The name of each source that has a miniature."""
    return str(request.param)

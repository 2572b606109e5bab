"""Fixtures every room may use."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the repository, or where CARINA_SHARED says it lies."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("CARINA_SHARED", beside))
    if not (folder / "data").is_dir():
        pytest.skip("the shared data are not here; set CARINA_SHARED to their folder")
    return folder

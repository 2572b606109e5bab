"""Fixtures every room may use."""

import os
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from carina.cli import main


@pytest.fixture(scope="session", autouse=True)
def _nobodys_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test sees the settings of whoever runs it, nor do the processes it starts."""
    empty = tmp_path_factory.mktemp("settings") / "encoders.toml"
    empty.touch()
    before = os.environ.get("CARINA_CONFIG")
    os.environ["CARINA_CONFIG"] = str(empty)
    yield
    if before is None:
        del os.environ["CARINA_CONFIG"]
    else:
        os.environ["CARINA_CONFIG"] = before


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the repository, or where CARINA_SHARED says it lies."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("CARINA_SHARED", beside))
    if not (folder / "data").is_dir():
        pytest.skip("the shared data are not here; set CARINA_SHARED to their folder")
    return folder


@pytest.fixture(scope="session")
def carina() -> Callable[..., tuple[int, str, str]]:
    """Runs a command line in this process: exit status, stdout, stderr."""

    def call(*words: object) -> tuple[int, str, str]:
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as stopped:
            main([str(word) for word in words])
        return int(stopped.value.code or 0), out.getvalue(), err.getvalue()

    return call

"""A batch in pieces, or in processes, has the loss and the gradient of the batch at once."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from carina.adaptors import CrossModalConfig
from carina.core import InvalidValue, MissingFile
from carina.learning import Alone, pretrain, started_processes
from tests.learning.contrasted import CROSS, SMALL, TOKENS, config, pairs
from tests.learning.shared_batch import gradients, outcome


@pytest.mark.parametrize(("adaptor", "tokens"), [(SMALL, 0), (TOKENS, 3), (CROSS, 3)], ids=str)
@pytest.mark.parametrize("piece", [1, 5])
def test_pieces_of_any_size_have_the_gradient_of_the_whole(
    adaptor: CrossModalConfig, tokens: int, piece: int
) -> None:
    whole_loss, whole = gradients(adaptor, tokens, piece=12, processes=Alone())
    loss, found = gradients(adaptor, tokens, piece=piece, processes=Alone())

    assert loss == pytest.approx(whole_loss, abs=1e-6)
    for ours, theirs in zip(found, whole, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-4)


def test_pieces_are_not_batches_of_their_own() -> None:
    """Without the negatives of the other pieces the loss would be that of choosing among five."""
    assert gradients(SMALL, 0, piece=5, processes=Alone())[0] > np.log(5)


def test_two_processes_have_the_losses_and_gradients_of_one(tmp_path: Path) -> None:
    pytest.importorskip("lightning_fabric", reason="the package of carina[distributed] is not here")
    root = Path(__file__).resolve().parents[2]
    words = ["--standalone", "--nproc-per-node=2", "-m", "tests.learning.shared_batch"]
    together = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", *words, tmp_path / "outcome.npz"],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{root / 'src'}"},
        cwd=root,
        check=False,
        capture_output=True,
    )
    assert together.returncode == 0, together.stderr.decode()
    alone, shared = outcome(Alone()), np.load(tmp_path / "outcome.npz")

    assert len(alone["losses"]) == 6
    assert alone.keys() == set(shared.files)
    for name, value in alone.items():
        np.testing.assert_allclose(shared[name], value, atol=1e-5, err_msg=name)


class Many:
    """More processes than there is work for."""

    number, count = 0, 5
    gathered, add_up, agree = Alone().gathered, Alone().add_up, Alone().agree


def test_processes_with_nothing_to_do_are_told_how_to_get_some() -> None:
    with pytest.raises(InvalidValue, match=r"30 pairs in pieces of 8 .* 5 .* `piece` to 6 or less"):
        next(
            pretrain(config(piece=8), pairs(61, seed=1), pairs(9, seed=2), seed=1, processes=Many())
        )


def test_without_the_extra_several_processes_are_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("WORLD_SIZE", "2")
    wanted = pytest.raises(MissingFile, match=r"pip install 'carina\[distributed\]'")
    with wanted, started_processes():
        pass
    monkeypatch.setenv("WORLD_SIZE", "1")
    with started_processes() as processes:
        assert isinstance(processes, Alone)

"""A batch in pieces, or in processes, has the loss and the gradient of the batch at once."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from carina.adaptors import CrossModalConfig
from carina.learning import Alone
from carina.learning.gradient_caching import backward_in_pieces
from carina.objectives import info_nce
from tests.learning.contrasted import CROSS, SMALL, TOKENS, pairs
from tests.learning.shared_batch import losses


def gradients(adaptor: CrossModalConfig, piece: int, tokens: int) -> tuple[float, list[Tensor]]:
    learn = pairs(12, seed=1, tokens=tokens)
    module = adaptor.build(image_dim=6, text_dim=8, generator=torch.Generator().manual_seed(0))
    loss = backward_in_pieces(
        module,
        lambda places: learn.read(places.numpy()),
        lambda similar: info_nce(module.logit_scale.exp() * similar, torch.eye(12)),
        pairs=12,
        piece=piece,
        seed="0",
        beside=(),
        processes=Alone(),
    )
    return loss, [torch.zeros(0) if w.grad is None else w.grad for w in module.parameters()]


@pytest.mark.parametrize(("adaptor", "tokens"), [(SMALL, 0), (TOKENS, 3), (CROSS, 3)], ids=str)
@pytest.mark.parametrize("piece", [1, 5])
def test_pieces_of_any_size_have_the_gradient_of_the_whole(
    adaptor: CrossModalConfig, tokens: int, piece: int
) -> None:
    whole_loss, whole = gradients(adaptor, 12, tokens)
    loss, found = gradients(adaptor, piece, tokens)

    assert loss == pytest.approx(whole_loss, abs=1e-6)
    for ours, theirs in zip(found, whole, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-4)


def test_pieces_are_not_batches_of_their_own() -> None:
    """Without the negatives of the other pieces the loss would be that of choosing among five."""
    assert gradients(SMALL, 5, 0)[0] > np.log(5)


def test_two_processes_have_the_losses_of_one(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    words = ["--standalone", "--nproc-per-node=2", "-m", "tests.learning.shared_batch"]
    together = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", *words, tmp_path / "losses.txt"],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{root / 'src'}"},
        cwd=root,
        check=False,
        capture_output=True,
    )
    assert together.returncode == 0, together.stderr.decode()
    alone = losses(Alone())

    assert len(alone) == 6
    np.testing.assert_allclose(np.loadtxt(tmp_path / "losses.txt"), alone, atol=1e-5)

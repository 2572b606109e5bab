"""Masked cross-entropy: the mean over what is known, and nothing from what is not."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss
from torch import Tensor

from carina.objectives import masked_bce


def cells(seed: int, images: int, labels: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(images, labels, generator=generator, dtype=torch.float64)
    target = torch.rand(images, labels, generator=generator) < 0.4
    known = torch.rand(images, labels, generator=generator) < 0.7
    known[0, 0] = True
    return logits, target & known, known


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 99), images=st.integers(1, 12), labels=st.integers(1, 5))
def test_it_is_scikit_learns_log_loss_over_known_cells(seed: int, images: int, labels: int) -> None:
    logits, target, known = cells(seed, images, labels)
    chance = torch.sigmoid(logits[known]).numpy()
    expected = log_loss(target[known].numpy(), chance, labels=[False, True])

    assert masked_bce(logits, target, known).item() == pytest.approx(expected, abs=1e-9)


def test_with_all_known_it_is_the_mean_of_the_findings_losses() -> None:
    logits, target, _ = cells(0, 9, 4)
    every = torch.ones_like(target)
    one_by_one = [
        masked_bce(logits[:, [c]], target[:, [c]], every[:, [c]]).item() for c in range(4)
    ]

    assert masked_bce(logits, target, every).item() == pytest.approx(np.mean(one_by_one))


def test_unknown_cells_change_neither_loss_nor_gradient() -> None:
    logits, target, known = cells(0, 9, 4)
    logits[~known] = torch.inf
    logits.requires_grad_()
    loss = masked_bce(logits, target, known)
    (gradient,) = torch.autograd.grad(loss, logits)

    assert loss.isfinite()
    assert not gradient[~known].any()
    assert gradient[known].all()


def test_nothing_known_is_no_loss_and_no_gradient() -> None:
    logits = torch.ones(3, 2, requires_grad=True)
    nothing = torch.zeros(3, 2, dtype=torch.bool)
    loss = masked_bce(logits, nothing, nothing)
    (gradient,) = torch.autograd.grad(loss, logits)

    assert loss.item() == 0
    assert torch.equal(gradient, torch.zeros(3, 2))

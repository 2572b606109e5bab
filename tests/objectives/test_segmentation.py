"""Losses of masks: by hand, and as MONAI has them."""

import math
from importlib import import_module

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from carina.objectives import dice_loss, focal_dice, focal_loss


def drawn(seed: int, *shape: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(*shape, generator=generator, dtype=torch.float64)
    return logits, torch.rand(*shape, generator=generator) < 0.3


def test_focal_loss_of_two_pixels_by_hand() -> None:
    logits = torch.tensor([[[0.0, math.log(3)]]], dtype=torch.float64)
    target = torch.tensor([[[True, False]]])
    # p = 1/2 where it is, 3/4 where it is not: (1/2)^2 log 2 and (3/4)^2 log 4
    by_hand = (math.log(2) / 4 + 9 / 16 * math.log(4)) / 2

    assert focal_loss(logits, target).item() == pytest.approx(by_hand, abs=1e-12)


def test_dice_loss_of_two_pixels_by_hand() -> None:
    logits = torch.tensor([[[0.0, math.log(3)]]], dtype=torch.float64)
    target = torch.tensor([[[True, False]]])
    # sum p t = 1/2; sum p^2 = 1/4 + 9/16; sum t^2 = 1; one more above and below
    by_hand = 1 - (2 * 0.5 + 1) / (0.25 + 0.5625 + 1 + 1)

    assert dice_loss(logits, target).item() == pytest.approx(by_hand, abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 99))
def test_without_focus_it_is_cross_entropy(seed: int) -> None:
    logits, target = drawn(seed, 2, 5, 4)
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(logits, target.double())

    assert focal_loss(logits, target, gamma=0.0).item() == pytest.approx(entropy.item(), abs=1e-12)


def test_an_empty_mask_costs_nothing_where_nothing_is_drawn() -> None:
    nothing = torch.zeros(1, 6, 6, dtype=torch.bool)

    assert dice_loss(torch.full((1, 6, 6), -40.0), nothing).item() == pytest.approx(0, abs=1e-6)
    assert dice_loss(torch.zeros(1, 6, 6), nothing).item() > 0.8  # raw logits of 0 would be free


def test_it_is_taken_of_probabilities_so_that_surer_is_better() -> None:
    target = torch.zeros(1, 4, 4, dtype=torch.bool)
    target[0, :2] = True
    sure, surer = (scale * (2.0 * target - 1) for scale in (2.0, 20.0))

    assert dice_loss(surer, target) < dice_loss(sure, target)
    assert focal_dice(surer, target) < focal_dice(sure, target)


def test_the_mix_is_ten_times_the_focal_loss_and_the_overlap() -> None:
    logits, target = drawn(3, 2, 6, 5)
    apart = 10 * focal_loss(logits, target) + dice_loss(logits, target)

    assert focal_dice(logits, target).item() == pytest.approx(apart.item())


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 99))
def test_both_are_monais(seed: int) -> None:
    losses = import_module("monai.losses")  # seconds: only where it is asked for
    logits, target = drawn(seed, 3, 7, 5)
    one_channel, wanted = logits[:, None], target[:, None].double()
    overlap = losses.DiceLoss(sigmoid=True, squared_pred=True, smooth_nr=1.0, smooth_dr=1.0)

    assert dice_loss(logits, target).item() == pytest.approx(
        overlap(one_channel, wanted).item(), abs=1e-9
    )
    assert focal_loss(logits, target).item() == pytest.approx(
        losses.FocalLoss(gamma=2.0)(one_channel, wanted).item(), abs=1e-6
    )


@pytest.mark.parametrize("extreme", [-200.0, 200.0])
def test_gradients_stay_finite_where_the_decoder_is_sure(extreme: float) -> None:
    logits = torch.full((1, 4, 4), extreme, requires_grad=True)
    target = torch.zeros(1, 4, 4, dtype=torch.bool)
    target[0, 0] = True
    torch.autograd.backward(focal_dice(logits, target))

    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()

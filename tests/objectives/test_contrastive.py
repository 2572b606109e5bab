"""Losses of pairs, against cross-entropy as torch has it, and against sums written out by hand."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from carina.core import InvalidValue
from carina.objectives import belonging, info_nce, sigmoid_loss, softened


def drawn(seed: int, pairs: int = 5) -> Tensor:
    return 3 * torch.randn(pairs, pairs, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 99), pairs=st.integers(2, 9), weight=st.floats(0, 1))
def test_with_one_to_one_pairs_it_is_cross_entropy_both_ways(
    seed: int, pairs: int, weight: float
) -> None:
    logits, own = drawn(seed, pairs), torch.arange(pairs)
    expected = weight * F.cross_entropy(logits, own) + (1 - weight) * F.cross_entropy(logits.T, own)

    found = info_nce(logits, torch.eye(pairs), image_weight=weight)
    assert found.item() == pytest.approx(expected.item(), abs=1e-5)


def test_several_of_its_own_are_wanted_alike() -> None:
    logits = drawn(0, 4)
    target = torch.eye(4)
    target[0, 1] = target[1, 0] = 1  # two films of one study
    rows = F.log_softmax(logits, dim=1)
    first = -(rows[0, 0] + rows[0, 1]) / 2 - (rows[1, 0] + rows[1, 1]) / 2
    by_hand = (first - rows[2, 2] - rows[3, 3]) / 4

    assert info_nce(logits, target, image_weight=1.0).item() == pytest.approx(by_hand.item())


def test_pairs_that_share_an_image_or_a_text_belong_together_crosswise() -> None:
    text, image = torch.tensor([0, 1, 2, 2]), torch.tensor([7, 7, 8, 9])

    assert belonging(text, image).tolist() == [
        [1, 1, 0, 0],
        [1, 1, 0, 0],
        [0, 0, 1, 1],
        [0, 0, 1, 1],
    ]


def test_the_same_report_twice_is_not_its_own_negative() -> None:
    """Two pairs with one report: a perfect model has no loss left but for the tie it is told of."""
    text, image = torch.tensor([0, 0, 1]), torch.tensor([0, 1, 2])
    target = belonging(text, image)
    perfect = 1000 * target

    assert info_nce(perfect, target).item() == pytest.approx((2 / 3) * torch.log(torch.tensor(2.0)))
    assert info_nce(perfect, torch.eye(3)).item() >= info_nce(perfect, target).item()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 99), share=st.floats(0, 1))
def test_softening_moves_just_its_share_to_reports_alike(seed: int, share: float) -> None:
    likeness = torch.tanh(drawn(seed))
    soft = softened(torch.eye(5), likeness, share=share, temperature=0.1)
    given_away = torch.softmax(likeness / 0.1, dim=1)

    torch.testing.assert_close(soft.sum(dim=1), torch.ones(5))
    torch.testing.assert_close(soft, (1 - share) * torch.eye(5) + share * given_away)


def test_soft_targets_forgive_a_report_that_says_the_same() -> None:
    likeness = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    swapped = 20 * torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    soft = softened(torch.eye(3), likeness, share=0.5, temperature=0.05)

    assert info_nce(swapped, soft) < info_nce(swapped, torch.eye(3)) / 1.2


def test_the_sigmoid_loss_is_a_sum_over_all_pairs_by_texts() -> None:
    logits, target = drawn(1, 3) - 2, torch.eye(3)
    signs = 2 * target - 1
    by_hand = sum(
        torch.log(1 + torch.exp(-sign * logit))
        for sign, logit in zip(signs.flatten(), logits.flatten(), strict=True)
    )

    assert sigmoid_loss(logits, target).item() == pytest.approx(float(by_hand) / 3, rel=1e-5)


def test_what_nothing_belongs_to_is_refused() -> None:
    with pytest.raises(InvalidValue, match="something that belongs"):
        info_nce(drawn(0, 2), torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
    with pytest.raises(InvalidValue, match="share lies from 0 to 1"):
        softened(torch.eye(2), torch.eye(2), share=2.0, temperature=0.1)

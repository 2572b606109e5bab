import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from carina.objectives import distilled_bce

EVERY = torch.ones(6, 3, dtype=torch.bool)


def drawn(seed: int) -> torch.Tensor:
    return torch.randn(6, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_saying_the_same_costs_least_and_its_gradient_is_nothing(seed: int) -> None:
    teacher = drawn(seed)
    same = teacher.clone().requires_grad_()
    cost = distilled_bce(same, teacher, EVERY)
    torch.autograd.backward(cost)
    assert same.grad is not None

    assert same.grad.abs().max() < 1e-12
    assert cost <= distilled_bce(teacher + drawn(seed + 1), teacher, EVERY)


def test_it_is_the_mean_over_wanted_cells_alone() -> None:
    logits, teacher = drawn(0), drawn(1)
    wanted = drawn(2) > 0
    by_hand = [
        -(p * F.logsigmoid(x) + (1 - p) * F.logsigmoid(-x))
        for x, p in zip(logits[wanted], torch.sigmoid(teacher[wanted]), strict=True)
    ]
    torch.testing.assert_close(distilled_bce(logits, teacher, wanted), torch.stack(by_hand).mean())


def test_without_a_wanted_cell_there_is_nothing_to_pay() -> None:
    assert distilled_bce(drawn(0), drawn(1), ~EVERY) == 0

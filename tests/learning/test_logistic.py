import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from carina.learning.strategies.logistic import fit_logistic, log_loss

quick = settings(deadline=None, max_examples=15)


def problem(seed: int, rows: int = 60, dim: int = 8, problems: int = 3) -> tuple[torch.Tensor, ...]:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(rows, dim)) * rng.uniform(0.1, 3, size=dim)
    odds = features @ rng.normal(size=(dim, problems)) - 1
    target = rng.random((rows, problems)) < 1 / (1 + np.exp(-odds))
    target[0], target[1] = True, False
    weight = (rng.random((rows, problems)) < 0.8) * rng.uniform(0.5, 2, size=(rows, problems))
    weight[:2] = 1
    return torch.from_numpy(features), torch.from_numpy(target), torch.from_numpy(weight)


@quick
@given(seed=st.integers(0, 9999), penalty=st.sampled_from([0.01, 1.0, 30.0]))
def test_every_problem_comes_out_as_scikit_learn_has_it(seed: int, penalty: float) -> None:
    rows, target, weigh = problem(seed)
    weight, bias = fit_logistic(rows, target, weigh, torch.full((3,), penalty).double())
    for column in range(3):
        reference = LogisticRegression(C=1 / penalty, solver="newton-cholesky", tol=1e-10)
        reference.fit(rows, target[:, column], sample_weight=weigh[:, column])

        np.testing.assert_allclose(weight[column].numpy(), reference.coef_[0], rtol=0, atol=1e-5)
        assert float(bias[column]) == pytest.approx(reference.intercept_[0], abs=1e-5)


@quick
@given(seed=st.integers(0, 9999))
def test_nothing_is_left_to_descend(seed: int) -> None:
    rows, target, weigh = problem(seed)
    penalty = torch.tensor([0.01, 0.1, 10.0]).double()
    weight, bias = fit_logistic(rows, target, weigh, penalty)
    weight.requires_grad_()
    bias.requires_grad_()
    cost = (log_loss(rows @ weight.T + bias, target) * weigh).sum()
    cost = cost + (penalty[:, None] * weight.square()).sum() / 2
    torch.autograd.backward(cost)

    assert weight.grad is not None
    assert bias.grad is not None
    assert max(weight.grad.abs().max(), bias.grad.abs().max()) < 1e-4


def test_separable_classes_still_have_an_answer() -> None:
    rows = torch.tensor([[-2.0], [-1.0], [1.0], [2.0]]).double()
    target = torch.tensor([[False], [False], [True], [True]])
    weight, bias = fit_logistic(
        rows, target, torch.ones_like(target).double(), torch.tensor([1e-4]).double()
    )

    assert torch.isfinite(weight).all()
    assert weight[0, 0] > 1
    assert float(bias[0]) == pytest.approx(0, abs=1e-6)


def test_more_columns_than_rows_are_no_trouble() -> None:
    rows, target, weigh = problem(0, rows=20, dim=50)
    weight, _ = fit_logistic(rows, target, weigh, torch.full((3,), 0.1).double())
    reference = LogisticRegression(C=10, solver="newton-cholesky", tol=1e-10)
    reference.fit(rows, target[:, 0], sample_weight=weigh[:, 0])

    np.testing.assert_allclose(weight[0].numpy(), reference.coef_[0], rtol=0, atol=1e-5)

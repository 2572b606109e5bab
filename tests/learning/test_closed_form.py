from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge as Reference
from sklearn.model_selection import LeaveOneOut
from torch import Tensor

from carina.adaptors import RandomFourier
from carina.learning.strategies.closed_form import Solution, solve
from carina.learning.strategies.held_out import together
from carina.learning.strategies.summing import folds_of, sums_of, unit
from carina.measures import shrunken_sigmoid_from_moments
from carina.streams import View
from carina.testing import drawn_view, part_of

LABEL = ("effusion",)


def solution(view: View, lambdas: tuple[float, ...], betas: tuple[float, ...] = (0.0,)) -> Solution:
    sums = sums_of(view, folds=5, salt="test")
    return solve(sums, LABEL, text(), lambdas=lambdas, betas=betas)["effusion"]


def text() -> Tensor:
    rng = np.random.default_rng(5)
    return torch.nn.functional.normalize(torch.from_numpy(rng.normal(size=(1, 12))), dim=1)


def plain(view: View) -> tuple[Tensor, Tensor, Tensor]:
    """Normalised rows where the finding is known, its target, their folds."""
    known = view.known[:, 0]
    rows = unit(view.features.double())[known]
    folds = torch.from_numpy(folds_of(view.patients, folds=5, salt="test"))
    return rows, view.target[known, 0], folds[known]


def coded(target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Target of a positive, of a negative, and the weight of a row."""
    positives, rows = target.sum().double(), float(len(target))
    negatives = rows - positives
    return rows / positives, -rows / negatives, positives * negatives / rows**2


def explicit(rows: Tensor, target: Tensor, penalty: float, prior: float) -> tuple[Tensor, Tensor]:
    """The head by least squares over the very rows, a row of penalty for each weight."""
    upper, lower, weight = coded(target)
    wanted = torch.where(target, upper, lower)
    centre = rows.mean(dim=0)
    design = torch.cat([weight**0.5 * (rows - centre), penalty**0.5 * torch.eye(12).double()])
    right = torch.cat([weight**0.5 * wanted, penalty**0.5 * prior * text()[0]])
    head = torch.linalg.lstsq(design, right[:, None], driver="gelsd").solution[:, 0]
    return head, -head @ centre


def held_out(view: View, penalty: float, prior: float) -> tuple[Tensor, float]:
    """Scores of every row from the fit on other folds, and their mean cost."""
    rows, target, fold = plain(view)
    scores, cost = torch.zeros(len(rows)).double(), 0.0
    for part in range(5):
        held = fold == part
        head, bias = explicit(rows[~held], target[~held], penalty, prior)
        scores[held] = rows[held] @ head + bias
        upper, lower, weight = coded(target[~held])
        wanted = torch.where(target[held], upper, lower)
        cost += float(weight * (scores[held] - wanted).square().sum())
    return scores, cost / len(rows)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 999), penalty=st.sampled_from([0.01, 0.3, 10.0]))
def test_the_head_is_weighted_ridge_regression_on_the_rows(seed: int, penalty: float) -> None:
    view = drawn_view(LABEL, seed=seed, known=0.8)
    rows, target, _ = plain(view)
    upper, lower, weight = coded(target)
    reference = Reference(alpha=penalty, solver="svd", tol=1e-12)
    wanted = torch.where(target, upper, lower).numpy()
    reference.fit(rows.numpy(), wanted, sample_weight=np.full(len(rows), float(weight)))
    ours = solution(view, (penalty,))

    np.testing.assert_allclose(ours.weight.numpy(), reference.coef_, rtol=0, atol=1e-8)
    assert ours.bias == pytest.approx(reference.intercept_, abs=1e-8)


@settings(deadline=None, max_examples=15)
@given(
    seed=st.integers(0, 999),
    rows=st.sampled_from([10, 60]),  # fewer and more than they are wide
    penalty=st.sampled_from([0.01, 0.3, 10.0]),
    prior=st.sampled_from([0.0, 3.0]),
)
def test_head_held_out_error_and_calibration_are_those_of_the_very_rows(
    seed: int, rows: int, penalty: float, prior: float
) -> None:
    view = drawn_view(LABEL, seed=seed, rows=rows, known=0.9)
    every, target, fold = plain(view)
    for part in range(5):
        learned = target[fold != part]
        assume(bool(learned.any()) and not bool(learned.all()))
    scores, cost = held_out(view, penalty, prior)
    within = torch.cat([scores[side] - scores[side].mean() for side in (target, ~target)])
    wanted = shrunken_sigmoid_from_moments(
        positives=int(target.sum()),
        negatives=int((~target).sum()),
        mean_positive=float(scores[target].mean()),
        mean_negative=float(scores[~target].mean()),
        variance=float(within.square().sum()) / (len(scores) - 2),
    )
    ours = solution(view, (penalty,), (prior,))
    head, bias = explicit(every, target, penalty, prior)

    torch.testing.assert_close(ours.weight, head, rtol=0, atol=1e-8)
    assert ours.bias == pytest.approx(float(bias), abs=1e-8)
    assert ours.error == pytest.approx(cost, abs=1e-8)
    assert ours.calibration is not None
    assert ours.calibration.slope == pytest.approx(wanted.slope, abs=1e-7)
    assert ours.calibration.intercept == pytest.approx(wanted.intercept, abs=1e-7)


def test_lambda_and_beta_are_those_of_least_held_out_error() -> None:
    lambdas, betas = (0.01, 0.1, 1.0, 10.0), (0.0, 1.0, 4.0)
    for seed in range(5):
        view = drawn_view(LABEL, seed=seed)
        costs = {at: held_out(view, *at)[1] for at in product(lambdas, betas)}
        ours = solution(view, lambdas, betas)

        assert (ours.penalty, ours.prior) == min(costs, key=lambda at: costs[at])


def test_ties_go_to_the_larger_lambda_and_then_to_the_larger_beta() -> None:
    view = drawn_view(LABEL)
    view.features.fill_(1.0)  # rows that tell nothing: every head without text scores the same
    ours = solution(view, (0.1, 10.0, 1.0), (0.0,))

    assert ours.penalty == 10.0

    one_class = part_of(view, rows=view.target[:, 0])
    assert solution(one_class, (0.1, 10.0), (0.0, 3.0, 1.0)).prior == 3.0


def test_an_endless_penalty_leaves_the_text_alone() -> None:
    ours = solution(drawn_view(LABEL), (1e12,), (2.0,))

    torch.testing.assert_close(ours.weight, 2 * text()[0], rtol=0, atol=1e-8)


@pytest.mark.parametrize("present", [True, False])
def test_with_one_class_the_text_is_the_head_and_nothing_is_calibrated(present: bool) -> None:
    view = drawn_view(LABEL)
    ours = solution(part_of(view, rows=view.target[:, 0] == present), (0.1,), (2.0,))

    assert torch.equal(ours.weight, 2 * text()[0])
    assert ours.error is None
    assert ours.calibration is None


def test_with_all_positives_in_one_fold_the_folds_that_have_some_still_choose() -> None:
    view = drawn_view(LABEL, rows=40)
    alone = view.patients == view.patients[0]
    view.target[:, 0] = alone
    ours = solution(view, (0.1, 1.0))

    assert ours.error is not None
    assert torch.isfinite(ours.weight).all()
    assert ours.calibration is None  # no positive was scored by a head that had seen one


def test_findings_known_on_the_same_rows_are_solved_together() -> None:
    view = drawn_view()
    view.known[0, 1] = False
    sums = sums_of(view, folds=5, salt="test")

    assert together(sums, view.labels) == [("effusion", "nodule"), ("edema",)]


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 999))
def test_a_finding_is_solved_the_same_alone_and_among_others(seed: int) -> None:
    view = drawn_view(seed=seed)
    sums = sums_of(view, folds=5, salt="test")
    nothing = torch.zeros(3, 12).double()
    every = solve(sums, view.labels, nothing, lambdas=(0.1, 1.0), betas=(0.0,))
    alone = solve(sums, LABEL, nothing[:1], lambdas=(0.1, 1.0), betas=(0.0,))

    torch.testing.assert_close(
        every["effusion"].weight, alone["effusion"].weight, rtol=0, atol=1e-10
    )
    assert every["effusion"].penalty == alone["effusion"].penalty


def test_a_head_over_lifted_rows_is_kernel_ridge_regression_in_the_lifts_kernel() -> None:
    """The dual of the same problem; centring stands for the intercept (Saunders et al., ICML 1998)."""
    view, lift = drawn_view(LABEL, rows=60, known=0.8), RandomFourier(width=90).build(12)
    rows, target, _ = plain(view)
    upper, lower, weight = coded(target)
    lifted = lift(rows) - lift(rows).mean(dim=0)
    reference = KernelRidge(alpha=0.3 / float(weight), kernel="linear")
    reference.fit(lifted.numpy(), torch.where(target, upper, lower).numpy())
    sums = sums_of(view, folds=5, salt="test", lift=lift)
    blank = torch.zeros(1, 90).double()
    ours = solve(sums, LABEL, blank, lambdas=(0.3,), betas=(0.0,))["effusion"]
    scores = lift(rows) @ ours.weight + ours.bias

    np.testing.assert_allclose(scores.numpy(), reference.predict(lifted.numpy()), atol=1e-8)


def test_with_a_fold_for_each_film_the_penalty_is_that_of_least_leave_one_out_error() -> None:
    """So many folds that no two patients share one, each patient with one film."""
    view = drawn_view(LABEL, rows=40)
    view = replace(view, patients=view.images)
    rows, target, _ = plain(view)
    lambdas = (0.01, 0.1, 1.0, 10.0)
    cost = dict.fromkeys(lambdas, 0.0)
    for penalty, (seen, held) in product(lambdas, LeaveOneOut().split(rows)):
        upper, lower, weight = (float(number) for number in coded(target[seen]))
        wanted = np.where(target.numpy(), upper, lower)
        fit = Reference(alpha=penalty, solver="cholesky")
        fit.fit(rows[seen].numpy(), wanted[seen], sample_weight=np.full(len(seen), weight))
        miss = fit.predict(rows[held].numpy()) - wanted[held]
        cost[penalty] += weight * float(miss[0] ** 2) / len(rows)
    sums = sums_of(view, folds=2000, salt="test")
    blank = torch.zeros(1, 12).double()
    ours = solve(sums, LABEL, blank, lambdas=lambdas, betas=(0.0,))["effusion"]

    assert len(set(folds_of(view.patients, folds=2000, salt="test"))) == len(rows)
    assert ours.penalty == min(cost, key=lambda penalty: cost[penalty])
    assert ours.error == pytest.approx(min(cost.values()), rel=1e-8)

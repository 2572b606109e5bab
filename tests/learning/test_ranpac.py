"""RanPAC: one-hot ridge regression on random features, lambda by held-out squared error."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge as Reference

from carina.adaptors import RandomReLU
from carina.core import ConfigError
from carina.learning import RanPAC
from carina.learning.strategies.summing import folds_of, unit
from carina.testing import drawn_view
from tests.learning.in_any_order import head, taught

LIFT = RandomReLU(width=30, seed=2)


def fitted(rows: np.ndarray, target: np.ndarray, penalty: float) -> np.ndarray:
    reference = Reference(alpha=penalty, fit_intercept=False, solver="cholesky")
    weight: np.ndarray = reference.fit(rows, target.astype(float)).coef_
    return weight


@pytest.mark.parametrize("penalty", [1e-3, 0.5, 1e3])
def test_heads_are_scikit_learns_ridge_on_ones_and_zeros_where_known(penalty: float) -> None:
    view = drawn_view(rows=80, known=0.8)
    learner = taught(RanPAC(penalties=(penalty,), lift=LIFT), view)
    for column in range(3):
        known = view.known[:, column]
        rows = LIFT.build(12)(unit(view.features[known].double())).numpy()
        target = view.target[known, column].numpy()

        np.testing.assert_allclose(
            head(learner).weight[column].numpy(), fitted(rows, target, penalty), atol=1e-8
        )
    assert torch.equal(head(learner).bias, torch.full((3,), -0.5, dtype=torch.float64))


def test_without_a_lift_the_rows_themselves_are_regressed_on() -> None:
    view = drawn_view(("effusion",), rows=80)
    learner = taught(RanPAC(penalties=(0.5,), lift=None), view)
    rows = unit(view.features.double()).numpy()

    np.testing.assert_allclose(
        head(learner).weight[0].numpy(), fitted(rows, view.target[:, 0].numpy(), 0.5), atol=1e-9
    )


def test_lambda_is_that_of_least_squared_error_on_patients_held_out() -> None:
    view = drawn_view(("effusion",), rows=120, known=0.9)
    penalties = (1e-3, 0.1, 1.0, 10.0, 1e3)
    learner = taught(RanPAC(penalties=penalties, lift=LIFT), view)
    known = view.known[:, 0]
    rows = LIFT.build(12)(unit(view.features[known].double())).numpy()
    target = view.target[known, 0].numpy()
    fold = folds_of(view.patients[known], folds=5, salt="ranpac")
    errors = {}
    for penalty in penalties:
        said = np.zeros(len(rows))
        for part in range(5):
            weight = fitted(rows[fold != part], target[fold != part], penalty)
            said[fold == part] = rows[fold == part] @ weight
        errors[penalty] = np.mean((said - target) ** 2)
    best = min(errors, key=lambda penalty: errors[penalty])

    assert learner.notes["penalty"] == {"effusion": best}
    assert learner.notes["held_out_error"] == {"effusion": pytest.approx(errors[best])}


def test_ties_go_to_the_larger_penalty() -> None:
    view = drawn_view(("effusion",))
    view.features.fill_(0.0)

    assert taught(RanPAC(penalties=(0.1, 10.0, 1.0), lift=LIFT), view).notes["penalty"] == {
        "effusion": 10.0
    }


@pytest.mark.parametrize("given", [{"penalties": ()}, {"penalties": (0.0,)}, {"folds": 1}])
def test_settings_without_sense_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="each above 0"):
        RanPAC(**given)  # type: ignore[arg-type]

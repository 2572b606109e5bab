"""SLDA and KLDA: the discriminant of two classes with one covariance, from sums alone."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from carina.adaptors import RandomFourier
from carina.core import ConfigError
from carina.learning import KLDA, SLDA, Ridge
from carina.learning.strategies.summing import unit
from carina.testing import drawn_view
from tests.learning.in_any_order import head, taught

LIFT = RandomFourier(width=30, bandwidth=1.5, seed=2)
SLDA_LIKE = [0.001, 0.1, 0.7]


def moments(rows: np.ndarray, present: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean with it, mean without, and the covariance about these."""
    there, absent = rows[present].mean(axis=0), rows[~present].mean(axis=0)
    left = rows - np.where(present[:, None], there, absent)
    return there, absent, left.T @ left / len(rows)


@pytest.mark.parametrize("shrinkage", SLDA_LIKE)
def test_slda_scores_are_log_odds_of_two_normal_classes_of_one_shrunk_covariance(
    shrinkage: float,
) -> None:
    view = drawn_view(rows=80, known=0.8)
    learner = taught(SLDA(shrinkage=shrinkage), view)
    for column in range(3):
        known = view.known[:, column]
        rows = unit(view.features[known].double()).numpy()
        there, absent, covariance = moments(rows, view.target[known, column].numpy())
        shrunk = (1 - shrinkage) * covariance + shrinkage * np.eye(12)
        odds = multivariate_normal.logpdf(rows, there, shrunk)
        odds -= multivariate_normal.logpdf(rows, absent, shrunk)

        np.testing.assert_allclose(
            head(learner)(view.features[known]).difference[:, column].numpy(), odds, atol=1e-8
        )


def test_without_shrinkage_it_is_scikit_learns_discriminant() -> None:
    view = drawn_view(("effusion",), rows=80)
    rows, target = unit(view.features.double()).numpy(), view.target[:, 0].numpy()
    reference = LinearDiscriminantAnalysis(solver="lsqr").fit(rows, target)
    prior = np.log(target.sum() / (~target).sum())

    np.testing.assert_allclose(
        head(taught(SLDA(shrinkage=1e-12), view))(view.features).difference[:, 0].numpy(),
        reference.decision_function(rows) - prior,
        atol=1e-7,
    )


@pytest.mark.parametrize("shrinkage", SLDA_LIKE)
def test_slda_ranks_as_the_masked_ridge_head_of_the_penalty_it_stands_for(shrinkage: float) -> None:
    view = drawn_view(("effusion",), rows=80)
    positives = int(view.target.sum())
    mass = positives * (80 - positives) / 80
    ridge = Ridge(lambdas=(mass * shrinkage / (1 - shrinkage),), betas=(0.0,))
    ours, theirs = (head(taught(one, view)).weight[0] for one in (SLDA(shrinkage=shrinkage), ridge))

    torch.testing.assert_close(ours / ours.norm(), theirs / theirs.norm(), rtol=0, atol=1e-9)


def test_klda_scores_are_half_the_difference_of_the_papers_distances_times_the_rows() -> None:
    view = drawn_view(rows=80, known=0.8)
    learner = taught(KLDA(penalty=0.3, lift=LIFT), view)
    for column in range(3):
        known = view.known[:, column]
        rows = LIFT.build(12)(unit(view.features[known].double())).numpy()
        there, absent, covariance = moments(rows, view.target[known, column].numpy())
        inverse = np.linalg.inv(len(rows) * covariance + 0.3 * np.eye(30))
        far = [np.einsum("nd,de,ne->n", rows - m, inverse, rows - m) for m in (absent, there)]

        np.testing.assert_allclose(
            head(learner)(view.features[known]).difference[:, column].numpy(),
            len(rows) * (far[0] - far[1]) / 2,
            atol=1e-7,
        )


def test_probabilities_come_from_folds_the_discriminant_was_not_fitted_to() -> None:
    """On labels that say nothing the fitted scores look good and the calibration knows better."""
    view = drawn_view(("effusion",), rows=60)
    rng = torch.Generator().manual_seed(0)
    view.target[:, 0] = torch.rand(60, generator=rng) < 0.5
    learner = taught(SLDA(shrinkage=0.01), view)
    scores = head(learner)(view.features).difference[:, 0]
    apart = scores[view.target[:, 0]].mean() - scores[~view.target[:, 0]].mean()

    assert apart > 1
    assert learner.calibration["effusion"].slope < 0.3


@pytest.mark.parametrize("given", [{"shrinkage": 0.0}, {"shrinkage": 1.0}, {"folds": 1}])
def test_slda_without_sense_is_refused(given: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=r"in \(0, 1\)"):
        SLDA(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [{"penalty": 0.0}, {"folds": 1}])
def test_klda_without_sense_is_refused(given: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="penalty above 0"):
        KLDA(**given)  # type: ignore[arg-type]

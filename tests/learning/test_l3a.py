"""One weighted ridge regression of all findings, blanks of old ones filled by what was learned."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge as Reference

from carina.adaptors import LinearReadout, RandomReLU
from carina.core import ConfigError, Mismatch
from carina.learning import L3A, Learned, Learner, Setting, begin, follow
from carina.learning.strategies.summing import unit
from carina.streams import View
from carina.testing import drawn_view, part_of

SETTING = Setting(image_dim=12)
LIFT = RandomReLU(width=40, seed=3)
PLAIN = L3A(lift=LIFT, penalty=0.5)


def taught(strategy: L3A, *views: View) -> Learner:
    learner = begin(strategy, SETTING, seed=0)
    for _, event in follow(strategy, SETTING, views, seed=0):
        if isinstance(event, Learned):
            learner = event.learner
    return learner


def head(learner: Learner) -> LinearReadout:
    assert isinstance(learner.readout, LinearReadout)
    return learner.readout


def lifted(view: View) -> torch.Tensor:
    return LIFT.build(12)(unit(view.features.double()))


def of(rows: torch.Tensor, target: np.ndarray, weights: np.ndarray) -> np.ndarray:
    reference = Reference(alpha=0.5, fit_intercept=False, solver="cholesky")
    weight: np.ndarray = reference.fit(rows.numpy(), target, sample_weight=weights).coef_
    return weight


def weights(present: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Of films, as the paper has them, written out film by film."""
    rare = np.array([count**-0.5 if count else 0.0 for count in counts])
    rare = len(rare) * rare / rare.sum()
    return np.array([rare[film].mean() if film.any() else 1.0 for film in present])


def test_at_once_it_is_scikit_learns_ridge_with_the_papers_weights() -> None:
    view = drawn_view(rows=50)
    target = view.target.numpy()

    np.testing.assert_allclose(
        head(taught(PLAIN, view)).weight.numpy(),
        of(lifted(view), target, weights(target, target.sum(axis=0))),
        atol=1e-9,
    )
    np.testing.assert_allclose(
        head(taught(replace(PLAIN, weighted=False), view)).weight.numpy(),
        of(lifted(view), target, np.ones(50)),
        atol=1e-9,
    )


def test_rare_findings_weigh_more_as_worked_out_by_hand() -> None:
    """Four films with one finding, one with the other: 1/2 and 1, so 2/3 and 4/3."""
    present = torch.tensor([[1, 0], [1, 1], [0, 0], [0, 1]], dtype=torch.bool)

    torch.testing.assert_close(
        PLAIN._weights(present, torch.tensor([4, 1])),
        torch.tensor([2 / 3, 1.0, 1.0, 4 / 3], dtype=torch.float64),
    )


def test_blanks_of_an_old_finding_are_present_where_its_score_says_so() -> None:
    first = part_of(drawn_view(seed=1, rows=50), labels=("effusion",))
    second = part_of(drawn_view(seed=2, rows=50), labels=("edema",))
    strategy = replace(PLAIN, threshold=0.6)
    before = taught(strategy, first)
    score = head(before)(second.features).difference[:, 0].numpy()
    guessed = 1 / (1 + np.exp(-score)) > 0.6
    one = np.stack([first.target[:, 0].numpy(), np.zeros(50, dtype=bool)], axis=1)
    two = np.stack([guessed, second.target[:, 0].numpy()], axis=1)
    counts = np.array([one[:, 0].sum(), two[:, 1].sum()])
    learner = taught(strategy, first, second)

    assert 0 < guessed.sum() < 50
    assert learner.notes["pseudo_positives"] == guessed.sum()
    np.testing.assert_allclose(
        head(learner).weight.numpy(),
        of(
            torch.cat([lifted(first), lifted(second)]),
            np.concatenate([one, two]),
            np.concatenate([weights(one[:, :1], counts[:1]), weights(two, counts)]),
        ),
        atol=1e-9,
    )


def test_what_is_known_is_never_guessed_and_a_threshold_of_one_guesses_nothing() -> None:
    first, second = drawn_view(seed=1), drawn_view(seed=2)

    assert taught(replace(PLAIN, threshold=0.01), first, second).notes["pseudo_positives"] == 0
    blank = part_of(second, labels=("edema",))
    assert taught(replace(PLAIN, threshold=1.0), first, blank).notes["pseudo_positives"] == 0
    # A threshold that nothing misses takes every blank of the two others for present.
    assert taught(replace(PLAIN, threshold=1e-9), first, blank).notes["pseudo_positives"] == 120


def test_films_of_which_nothing_is_known_add_nothing() -> None:
    view = drawn_view(rows=40)
    half = torch.arange(40) < 20
    some = part_of(view, cells=half[:, None].expand(-1, 3))

    torch.testing.assert_close(
        head(taught(PLAIN, some)).weight, head(taught(PLAIN, part_of(view, rows=half))).weight
    )


def test_patients_with_a_finding_are_counted_and_one_alone_is_told() -> None:
    view = drawn_view(("effusion",), rows=400)
    target = torch.zeros_like(view.target)
    target[:2] = True
    many, one = taught(PLAIN, view), taught(PLAIN, replace(view, target=target))
    patients = len(set(view.patients[view.target[:, 0]].tolist()))

    assert (many.fewest_patients, many.single_patients) == (patients, False)
    assert (one.fewest_patients, one.single_patients) == (1, True)


def test_features_of_another_encoder_are_refused() -> None:
    with pytest.raises(Mismatch, match="12 wide, this learner was begun for 7"):
        *_, _ = PLAIN.learn(
            begin(PLAIN, Setting(image_dim=7), seed=0), drawn_view(), rng=np.random.default_rng(0)
        )


@pytest.mark.parametrize("given", [{"penalty": 0.0}, {"threshold": 0.0}, {"threshold": 1.5}])
def test_settings_without_sense_are_refused(given: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="penalty above 0"):
        L3A(**given)  # type: ignore[arg-type]

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from carina.adaptors import LinearReadout
from carina.core import ConfigError, Mismatch
from carina.learning import Heads, Learned, Learner, Setting, begin, learn_one
from carina.learning.strategies.summing import folds_of
from carina.measures import fit_sigmoid
from carina.streams import View
from carina.testing import drawn_view, part_of

SETTING = Setting(image_dim=12)


def taught(strategy: Heads, *views: View) -> Learner:
    learner = begin(strategy, SETTING, seed=0)
    for index, view in enumerate(views):
        *_, last = learn_one(strategy, learner, view, seed=0, index=index)
        assert isinstance(last, Learned)
        learner = last.learner
    return learner


def head(learner: Learner) -> LinearReadout:
    assert isinstance(learner.readout, LinearReadout)
    return learner.readout


def scaled(rows: np.ndarray) -> np.ndarray:
    ones: np.ndarray = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return ones


@pytest.mark.parametrize("balanced", [False, True])
def test_scores_are_those_of_scikit_learn_on_the_same_scaled_rows(balanced: bool) -> None:
    view = drawn_view(known=0.8)
    learner = taught(Heads(penalties=(0.3,), balanced=balanced), view)
    scores = head(learner)(view.features).difference
    for column in range(3):
        known = view.known[:, column].numpy()
        rows = scaled(view.features.double().numpy()[known])
        reference = LogisticRegression(
            C=1 / 0.3,
            solver="newton-cholesky",
            tol=1e-10,
            class_weight="balanced" if balanced else None,
        )
        reference.fit(rows, view.target[:, column].numpy()[known])

        np.testing.assert_allclose(
            scores[known, column].numpy(), reference.decision_function(rows), rtol=0, atol=1e-5
        )


def test_the_penalty_is_that_of_least_held_out_loss_and_the_calibration_is_out_of_fold() -> None:
    view, penalties = drawn_view(("effusion",), rows=80, known=0.9), (0.01, 0.3, 10.0)
    learner = taught(Heads(penalties=penalties), view)
    known = view.known[:, 0].numpy()
    rows = scaled(view.features.double().numpy()[known])
    target = view.target[:, 0].numpy()[known]
    fold = folds_of(view.patients, folds=5, salt="heads")[known]
    losses, held = {}, {}
    for penalty in penalties:
        scores = np.zeros(len(rows))
        for part in range(5):
            reference = LogisticRegression(C=1 / penalty, solver="newton-cholesky", tol=1e-10)
            reference.fit(rows[fold != part], target[fold != part])
            scores[fold == part] = reference.decision_function(rows[fold == part])
        held[penalty] = scores
        losses[penalty] = float(np.mean(np.logaddexp(0, scores) - target * scores))
    best = min(losses, key=lambda penalty: losses[penalty])
    wanted = fit_sigmoid(held[best], target)

    assert learner.notes["penalty"] == {"effusion": best}
    assert learner.notes["held_out_loss"] == {"effusion": pytest.approx(losses[best], abs=1e-6)}
    assert learner.calibration["effusion"].slope == pytest.approx(wanted.slope, abs=1e-4)


def test_ties_go_to_the_larger_penalty() -> None:
    view = drawn_view(("effusion",))
    view.features.fill_(1.0)

    assert taught(Heads(penalties=(0.1, 10.0, 1.0)), view).notes["penalty"] == {"effusion": 10.0}


def test_a_finding_is_learned_from_its_latest_experience_alone() -> None:
    first, second = drawn_view(("effusion",), seed=1), drawn_view(("effusion",), seed=2)
    after = taught(Heads(penalties=(0.3,)), first, second)

    torch.testing.assert_close(
        head(after).weight, head(taught(Heads(penalties=(0.3,)), second)).weight
    )


def test_with_one_class_only_a_met_finding_keeps_its_head_and_a_new_one_says_its_share() -> None:
    view = drawn_view(seed=1)
    positives = part_of(drawn_view(("effusion", "mass"), seed=2), rows=torch.arange(8))
    positives = replace(positives, target=torch.ones_like(positives.target))
    strategy = Heads(penalties=(0.3,))
    before, after = taught(strategy, view), taught(strategy, view, positives)
    odds = head(after)(view.features).difference[:, 3]

    assert torch.equal(head(before).weight, head(after).weight[:3])
    assert torch.equal(odds, torch.full_like(odds, float(np.log(9))))
    assert "mass" not in after.calibration


def test_features_of_another_encoder_are_refused() -> None:
    strategy = Heads()
    with pytest.raises(Mismatch, match="12 wide, this learner was begun for 5"):
        list(
            learn_one(
                strategy,
                begin(strategy, Setting(image_dim=5), seed=0),
                drawn_view(),
                seed=0,
                index=0,
            )
        )


@pytest.mark.parametrize(("penalties", "folds"), [((), 5), ((0.0,), 5), ((1.0,), 1)])
def test_settings_without_sense_are_refused(penalties: tuple[float, ...], folds: int) -> None:
    with pytest.raises(ConfigError, match=r"above 0|2 folds"):
        Heads(penalties=penalties, folds=folds)

"""Scores as if a patient had been left out: equal to learning without them, one by one."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge as Reference

from carina.learning import Learned, Learner, LeavesOut, Ridge, Setting, begin, follow, learn_one
from carina.streams import View
from carina.testing import drawn_view, part_of

SETTING = Setting(image_dim=12)
ONE = Ridge(lambdas=(0.5,), betas=(0.0,))


def taught(*views: View, strategy: Ridge = ONE, setting: Setting = SETTING) -> Learner:
    *_, (_, last) = follow(strategy, setting, views, seed=0)
    assert isinstance(last, Learned)
    return last.learner


def reference(old: View, new: View, label: str, patient: int) -> np.ndarray:
    """Scores of a patient's rows by weighted ridge regression of all rows but theirs."""
    column = old.labels.index(label)
    known = torch.cat([old.known[:, column], new.known[:, column]]).numpy()
    rows = torch.nn.functional.normalize(
        torch.cat([old.features, new.features]).double(), dim=1
    ).numpy()[known]
    target = torch.cat([old.target[:, column], new.target[:, column]]).numpy()[known]
    fresh = np.r_[np.zeros(len(old.known), dtype=bool), np.ones(len(new.known), dtype=bool)]
    patients = torch.cat([old.patients, new.patients]).numpy()[known]
    positives, n = target.sum(), len(target)
    coded = np.where(target, n / positives, -n / (n - positives))
    weight = np.full(n, positives * (n - positives) / n**2)
    mine = fresh[known] & (patients == patient)
    fitted = Reference(alpha=0.5, solver="svd").fit(
        rows[~mine], coded[~mine], sample_weight=weight[~mine]
    )
    scores: np.ndarray = fitted.predict(rows[mine])
    return scores


@pytest.mark.parametrize("rows", [7, 60])  # fewer rows than they are wide, and more
def test_they_are_those_of_ridge_regression_without_the_patient(rows: int) -> None:
    old, new = drawn_view(seed=1, rows=rows, known=0.8), drawn_view(seed=2, rows=30, known=0.8)
    learner = taught(old, new)
    scores = ONE.left_out(learner, new).numpy()

    for column, label in enumerate(new.labels):
        known = new.known[:, column].numpy()
        for patient in set(new.patients[known].tolist()):
            mine = known & (new.patients.numpy() == patient)
            wanted = reference(old, new, label, patient)

            assert scores[mine, column] == pytest.approx(wanted, abs=1e-7)


def test_a_patient_whose_earlier_films_taught_before_keeps_those() -> None:
    old, new = drawn_view(seed=1), drawn_view(seed=2, rows=30)
    before = old.patients.clone()
    before[0] = new.patients[0]
    old = View(**{name: getattr(old, name) for name in View.__slots__} | {"patients": before})
    scores = ONE.left_out(taught(old, new), new).numpy()
    mine = (new.patients == new.patients[0]).numpy()

    wanted = reference(old, new, "edema", int(new.patients[0]))
    assert scores[mine, 1] == pytest.approx(wanted, abs=1e-7)


def test_learning_anew_without_the_patient_says_nearly_the_same() -> None:
    old, new = drawn_view(seed=1, rows=400), drawn_view(seed=2, rows=40)
    learner = taught(old, new)
    scores = ONE.left_out(learner, new)
    for patient in new.patients[::8]:
        rest = part_of(new, rows=new.patients != patient)
        mine = new.patients == patient
        readout = taught(old, rest).readout
        assert readout is not None
        with torch.inference_mode():
            anew = readout(new.features[mine]).difference

        assert torch.allclose(scores[mine], anew, atol=0.05)
        assert (scores[mine] - anew).abs().max() < (scores.std() / 20)


def test_cells_that_taught_nothing_get_the_score_of_the_head() -> None:
    view = drawn_view(known=0.5)
    learner = taught(view)
    assert learner.readout is not None
    scores = ONE.left_out(learner, view)
    with torch.inference_mode():
        plain = learner.readout(view.features).difference

    assert torch.allclose(scores[~view.known], plain[~view.known], atol=1e-12)
    assert not torch.isclose(scores[view.known], plain[view.known], atol=1e-6).any()


def test_with_a_text_the_prior_stays_where_it_is() -> None:
    strategy = Ridge(lambdas=(0.5,), betas=(3.0,))
    setting = Setting(image_dim=12, text_dim=12, shared_space=True)
    old, new = drawn_view(seed=1, rows=400), drawn_view(seed=2, rows=20)
    learner = taught(old, new, strategy=strategy, setting=setting)
    mine = new.patients == new.patients[0]
    rest = part_of(new, rows=~mine)
    readout = taught(old, rest, strategy=strategy, setting=setting).readout
    assert readout is not None
    with torch.inference_mode():
        anew = readout(new.features[mine]).difference

    assert torch.allclose(strategy.left_out(learner, new)[mine], anew, atol=0.05)


def test_a_class_that_is_missing_leaves_the_head_as_it_is() -> None:
    view = drawn_view()
    bare = View(
        **{name: getattr(view, name) for name in View.__slots__}
        | {"target": torch.zeros_like(view.target)}
    )
    blank = begin(ONE, SETTING, seed=0)
    *_, last = learn_one(ONE, blank, bare, seed=0, index=0)
    assert isinstance(last, Learned)

    assert torch.equal(ONE.left_out(last.learner, bare), torch.zeros(60, 3, dtype=torch.float64))


def test_ridge_says_that_it_can() -> None:
    assert isinstance(ONE, LeavesOut)

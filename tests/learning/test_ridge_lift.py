"""The ridge head over lifted rows: the same sums of other features."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from carina.adaptors import (
    Beside,
    Landmarks,
    LiftConfig,
    LinearReadout,
    RandomFourier,
    RandomReLU,
)
from carina.core import ConfigError, Mismatch
from carina.features import FeatureRows
from carina.learning import (
    Learned,
    Learner,
    Ridge,
    Setting,
    add,
    begin,
    kept,
    learn_one,
    load_learner,
    save_learner,
    subtract,
    sums_for,
    sums_in,
    sums_of,
)
from carina.learning.strategies.ridge import text_directions
from carina.streams import View
from carina.testing import drawn_view, part_of

SHARED = Setting(image_dim=12, text_dim=12, shared_space=True)
LIFTS: list[LiftConfig] = [
    RandomReLU(width=30),
    RandomFourier(width=30, bandwidth=0.7),
    Landmarks(width=8),
    Beside(lift=RandomReLU(width=30)),
]
each = pytest.mark.parametrize("lift", LIFTS, ids=lambda lift: type(lift).__name__)


def taught(views: list[View], lift: LiftConfig | None, **others: Any) -> Learner:
    strategy = Ridge(lift=lift, **others)
    learner = begin(strategy, SHARED, seed=0)
    for index, view in enumerate(views):
        *_, last = learn_one(strategy, learner, view, seed=0, index=index)
        assert isinstance(last, Learned)
        learner = last.learner
    return learner


def head(learner: Learner) -> LinearReadout:
    assert isinstance(learner.readout, LinearReadout)
    return learner.readout


def assert_same_heads(one: Learner, other: Learner) -> None:
    order = [other.labels.index(label) for label in one.labels.names]
    torch.testing.assert_close(head(one).weight, head(other).weight[order], rtol=0, atol=1e-8)
    torch.testing.assert_close(head(one).bias, head(other).bias[order], rtol=0, atol=1e-8)
    assert one.notes["penalty"] == other.notes["penalty"]


@each
def test_the_head_is_that_of_the_lifted_rows_themselves(lift: LiftConfig) -> None:
    view, built = drawn_view(), lift.build(12)
    lifted = built(F.normalize(view.features.double(), dim=1))
    sums = sums_of(view, folds=5, salt="test", lift=built)
    positive = sums.findings["edema"].positive_sum.sum(dim=0)

    torch.testing.assert_close(positive, lifted[view.target[:, 1]].sum(dim=0))
    readout = head(taught([view], lift))
    torch.testing.assert_close(
        readout(view.features).difference, lifted @ readout.weight.T + readout.bias
    )


@each
def test_in_steps_is_at_once_two_sites_are_one_and_a_patient_taken_out_was_never_there(
    lift: LiftConfig,
) -> None:
    view = drawn_view(known=0.8)
    joint = taught([view], lift)
    by_class = [part_of(view, labels=(label,)) for label in reversed(view.labels)]
    here, there = (
        taught([part_of(view, rows=torch.arange(60)[half])], lift)
        for half in (slice(30), slice(30, 60))
    )
    *_, merged = Ridge(lift=lift).settled(here, add(sums_in(here), sums_in(there)), view.prompts)
    leaving = view.patients == view.patients[0]
    left = subtract(sums_in(joint), sums_for(joint, part_of(view, rows=leaving)))
    *_, rest = Ridge(lift=lift).settled(joint, left, view.prompts)
    assert isinstance(merged, Learned)
    assert isinstance(rest, Learned)

    assert_same_heads(taught(by_class, lift), joint)
    assert_same_heads(merged.learner, joint)
    assert_same_heads(rest.learner, taught([part_of(view, rows=~leaving)], lift))


@each
def test_a_learner_over_a_lift_comes_back_from_disk_without_the_lifts_numbers(
    lift: LiftConfig, tmp_path: Any
) -> None:
    learner = taught([drawn_view()], lift)
    save_learner(tmp_path / "learner", learner)
    back = load_learner(tmp_path / "learner", setting=SHARED)
    films = drawn_view(seed=3).features

    assert torch.equal(head(back)(films).difference, head(learner)(films).difference)
    assert kept(back).bytes == kept(learner).bytes
    assert kept(back).bytes["head"] == 3 * (head(back).weight.shape[1] + 1) * 8


def test_beside_a_lift_the_text_still_draws_the_head() -> None:
    view = drawn_view()
    positives = part_of(view, rows=view.target[:, 0], labels=("effusion",))
    weight = head(taught([positives], LIFTS[-1])).weight[0]

    torch.testing.assert_close(
        weight[:12], 30 * text_directions(SHARED, positives.prompts, ("effusion",))[0]
    )
    assert not weight[12:].any()


@pytest.mark.parametrize("lift", LIFTS[:3], ids=lambda lift: type(lift).__name__)
def test_under_another_lift_there_is_no_text_to_be_drawn_to_or_to_keep(lift: LiftConfig) -> None:
    learner = taught([part_of(drawn_view(), rows=torch.arange(8))], lift)
    priors, penalties = learner.notes["prior"], learner.notes["penalty"]
    assert isinstance(priors, dict)
    assert isinstance(penalties, dict)

    assert set(priors.values()) == {0.0}
    assert None not in penalties.values()


def test_sums_over_different_lifts_do_not_belong_together() -> None:
    one, other = (taught([drawn_view()], RandomReLU(width=9, seed=seed)) for seed in (1, 2))
    with pytest.raises(Mismatch, match="different lifts"):
        add(sums_in(one), sums_in(other))
    with pytest.raises(Mismatch, match=r"9 in 5 folds .* width 12"):
        add(sums_in(one), sums_of(drawn_view(), folds=5, salt="ridge"))
    with pytest.raises(Mismatch, match="lift takes 12"):
        sums_for(one, replace(drawn_view(), rows=FeatureRows(pool=torch.ones(60, 7))))


@pytest.mark.parametrize(
    "other",
    [
        Ridge(folds=4),
        Ridge(salt="other"),
        Ridge(budget=None),
        Ridge(lift=RandomReLU(width=9)),
    ],
)
def test_a_ridge_of_other_sums_than_the_one_that_began_is_refused(other: Ridge) -> None:
    learner = taught([drawn_view()], None)
    with pytest.raises(Mismatch, match=r"folds=5, salt='ridge'.*go on with a Ridge of the same"):
        list(other.learn(learner, drawn_view(seed=1), rng=np.random.default_rng(0)))


def test_a_lift_too_wide_for_the_budget_is_refused() -> None:
    with pytest.raises(ConfigError, match="features 9,000 wide"):
        begin(Ridge(lift=RandomReLU(width=9_000)), SHARED, seed=0)

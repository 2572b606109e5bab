"""What a soft label is worth to each strategy: so much of a positive, and the rest of a negative."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from carina.adaptors import LinearReadout
from carina.features import FeatureRows
from carina.learning import (
    Heads,
    Learned,
    Learner,
    RETune,
    Ridge,
    Setting,
    Step,
    Strategy,
    ZeroShot,
    add,
    begin,
    learn_one,
    subtract,
    sums_of,
)
from carina.learning.keeping import of_few_patients
from carina.learning.strategies.carrying import from_tensors, to_tensors
from carina.streams import View
from carina.testing import drawn_view, part_of

SHARED = Setting(image_dim=12, text_dim=12, shared_space=True)
APART = Setting(image_dim=12)


def softened(view: View, share: float, rows: slice = slice(0, 20)) -> View:
    """The view with some rows' labels made soft."""
    known, soft = view.known.clone(), torch.full(view.known.shape, torch.nan)
    known[rows], soft[rows] = False, share
    return replace(view, known=known, target=view.target & known, soft=soft)


def twice(view: View, *, soft_as: bool | None) -> View:
    """Every row two times over; soft ones once as a positive and once as a negative, or left soft."""
    both = [part_of(view, rows=torch.arange(len(view.known))) for _ in range(2)]
    if soft_as is not None:
        soft = view.learnable & ~view.known
        for place, said in enumerate((True, False)):
            both[place] = replace(
                both[place],
                target=view.target.where(~soft, torch.tensor(said)),
                known=view.learnable,
                soft=None,
            )
    shares = [one.soft for one in both if one.soft is not None]
    return replace(
        view,
        rows=FeatureRows(pool=torch.cat([one.features for one in both])),
        target=torch.cat([one.target for one in both]),
        known=torch.cat([one.known for one in both]),
        patients=torch.cat([one.patients for one in both]),
        images=torch.arange(2 * len(view.images)),  # no film is there two times
        soft=torch.cat(shares) if shares else None,
    )


def taught(strategy: Strategy, view: View, setting: Setting = APART) -> Learner:
    *_, last = learn_one(strategy, begin(strategy, setting, seed=3), view, seed=3, index=0)
    assert isinstance(last, Learned)
    return last.learner


def head(learner: Learner) -> LinearReadout:
    assert isinstance(learner.readout, LinearReadout)
    return learner.readout


STRATEGIES = [
    pytest.param(Ridge(), APART, id="ridge"),
    pytest.param(Heads(penalties=(0.3,), balanced=True), APART, id="balanced heads"),
    pytest.param(Heads(penalties=(0.3,)), APART, id="heads"),
]


@pytest.mark.parametrize(("strategy", "setting"), STRATEGIES)
def test_half_a_positive_is_a_positive_and_a_negative_of_half_the_rows(
    strategy: Strategy, setting: Setting
) -> None:
    view = softened(drawn_view(known=0.8), 0.5)
    left = head(taught(strategy, twice(view, soft_as=None), setting))
    right = head(taught(strategy, twice(view, soft_as=True), setting))

    torch.testing.assert_close(left.weight, right.weight, rtol=0, atol=1e-6)
    torch.testing.assert_close(left.bias, right.bias, rtol=0, atol=1e-6)


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize(("strategy", "setting"), STRATEGIES)
def test_nearly_present_is_nearly_present_and_nearly_absent_absent(
    strategy: Strategy, setting: Setting, said: bool
) -> None:
    view = drawn_view()
    hard = replace(view, target=view.target.clone())
    hard.target[:20] = said
    near = head(taught(strategy, softened(view, 1 - 1e-7 if said else 1e-7), setting))
    plain = head(taught(strategy, hard, setting))

    torch.testing.assert_close(near.weight, plain.weight, rtol=0, atol=1e-4)


@pytest.mark.parametrize("share", [0.2, 0.7])
def test_a_head_on_soft_labels_is_scikit_learns_on_weighted_rows(share: float) -> None:
    view = softened(drawn_view(("effusion",)), share)
    rows = view.features.double().numpy()
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    reference = LogisticRegression(C=1 / 0.3, solver="newton-cholesky", tol=1e-10)
    reference.fit(
        np.concatenate([rows[20:], rows[:20], rows[:20]]),
        np.concatenate([view.target[20:, 0].numpy(), [True] * 20, [False] * 20]),
        sample_weight=np.concatenate([np.ones(40), np.full(20, share), np.full(20, 1 - share)]),
    )
    scores = head(taught(Heads(penalties=(0.3,)), view))(view.features).difference[:, 0]

    np.testing.assert_allclose(scores.numpy(), reference.decision_function(rows), rtol=0, atol=1e-5)


def test_retune_pays_for_a_soft_label_what_both_classes_would_cost_by_their_share() -> None:
    strategy = RETune(steps=3, epochs=None, batch=200)
    view = drawn_view(rows=40)
    present, absent = (
        replace(view, target=torch.full_like(view.target, said)) for said in (True, False)
    )
    soft = replace(
        view,
        known=torch.zeros_like(view.known),
        target=torch.zeros_like(view.target),
        soft=torch.full(view.known.shape, 0.25),
    )
    first = [
        next(iter(learn_one(strategy, begin(strategy, SHARED, seed=3), one, seed=3, index=0)))
        for one in (present, absent, soft)
    ]
    losses = [event.loss or 0.0 for event in first if isinstance(event, Step)]

    assert losses[2] == pytest.approx(0.25 * losses[0] + 0.75 * losses[1], rel=1e-5)


@pytest.mark.parametrize(
    "strategy",
    [Ridge(), Heads(), RETune(steps=3, epochs=None), ZeroShot()],
    ids=lambda s: type(s).__name__,
)
def test_scores_are_numbers_where_nobody_is_sure_of_anything(strategy: Strategy) -> None:
    view = softened(drawn_view(rows=20), 0.7)
    learner = taught(strategy, view, SHARED)

    assert learner.readout is not None
    with torch.inference_mode():
        assert torch.isfinite(learner.readout(view.features).difference).all()
    assert not learner.calibration


def test_heads_are_calibrated_on_labels_somebody_is_sure_of() -> None:
    strategy = Heads(penalties=(0.3,))
    view = softened(drawn_view(rows=80), 0.7)
    blank = part_of(view, rows=torch.arange(20, 80))
    fits = [taught(strategy, one).calibration for one in (replace(blank, soft=None), view)]

    assert set(fits[1]) == set(view.labels)
    assert fits[0] != fits[1]  # soft rows move the fit that scores are held out from
    assert not taught(Ridge(), view).calibration


def test_sums_with_soft_rows_add_subtract_and_go_through_tensors() -> None:
    views = [softened(drawn_view(seed=seed), 0.3) for seed in (0, 1)]
    one, other = (sums_of(view, folds=3, salt="test") for view in views)
    both = add(one, other)
    back = subtract(both, other)
    plain, tensors = to_tensors(both)
    again = from_tensors(plain, tensors)
    for label, sums in one.findings.items():
        found, whole = back.findings[label], both.findings[label]

        assert found.key == sums.key
        assert whole.rows == 120
        torch.testing.assert_close(found.masses, sums.masses)
        torch.testing.assert_close(found.positive_sum, sums.positive_sum, rtol=0, atol=1e-8)
        torch.testing.assert_close(again.findings[label].masses, whole.masses, rtol=0, atol=0)
        torch.testing.assert_close(
            whole.masses[0].sum() + whole.masses[1].sum(), torch.tensor(120.0).double()
        )


def test_taking_all_soft_rows_away_leaves_no_trace_of_them() -> None:
    view = softened(drawn_view(), 0.3)
    soft, sure = part_of(view, rows=torch.arange(20)), part_of(view, rows=torch.arange(20, 60))
    sums = [sums_of(one, folds=3, salt="test") for one in (sure, soft)]
    left = subtract(add(*sums), sums[1])

    assert all(own.soft is None for own in left.findings.values())
    assert not any(name.startswith("soft/") for name in to_tensors(left)[1])


def test_a_class_of_soft_rows_of_few_patients_is_of_few_patients() -> None:
    view = drawn_view()

    assert not of_few_patients(view)
    assert of_few_patients(softened(view, 0.4, slice(0, 2)))
    assert of_few_patients(softened(view, 0.4, slice(0, 8)))
    assert not of_few_patients(softened(view, 0.4, slice(0, 10)))

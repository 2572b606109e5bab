from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from carina.adaptors import LinearReadout, PromptReadout, fit_alignment
from carina.core import ConfigError, Mismatch
from carina.learning import (
    Heads,
    Learned,
    Learner,
    Retracts,
    RETune,
    Ridge,
    Setting,
    Step,
    Strategy,
    ZeroShot,
    add,
    begin,
    follow,
    reads_prompts,
    subtract,
    sums_of,
)
from carina.learning.strategies.ridge import sums_in, text_directions
from carina.streams import View
from carina.testing import drawn_view, part_of

SHARED = Setting(image_dim=12, text_dim=12, shared_space=True)
APART = Setting(image_dim=12)


def taught(views: list[View], setting: Setting = SHARED, strategy: Ridge | None = None) -> Learner:
    strategy = strategy or Ridge()
    learner = begin(strategy, setting, seed=0)
    for _, event in follow(strategy, setting, views, seed=0):
        if isinstance(event, Learned):
            learner = event.learner
    return learner


def head(learner: Learner) -> LinearReadout:
    assert isinstance(learner.readout, LinearReadout)
    return learner.readout


def assert_same_heads(one: Learner, other: Learner) -> None:
    """Weights, intercepts, choices and calibrations to 1e-8, whatever the order of findings."""
    assert set(one.labels.names) == set(other.labels.names)
    order = [other.labels.index(label) for label in one.labels.names]
    torch.testing.assert_close(head(one).weight, head(other).weight[order], rtol=0, atol=1e-8)
    torch.testing.assert_close(head(one).bias, head(other).bias[order], rtol=0, atol=1e-8)
    assert one.notes["penalty"] == other.notes["penalty"]
    assert one.notes["prior"] == pytest.approx(other.notes["prior"], rel=1e-6)
    for label, sigmoid in one.calibration.items():
        assert sigmoid.slope == pytest.approx(other.calibration[label].slope, abs=1e-6)
    assert set(sums_in(one).moments) == set(sums_in(other).moments)


def parts(view: View, how: str, seed: int) -> list[View]:
    """A view cut into experiences, in a random order."""
    rng = np.random.default_rng(seed)
    rows = torch.from_numpy(rng.integers(3, size=len(view.features)))
    match how:
        case "by class":
            cut = [part_of(view, labels=(label,)) for label in view.labels]
        case "by data":
            cut = [part_of(view, rows=rows == part) for part in range(3)]
        case "by label":
            cut = [
                part_of(view, rows=rows == part, labels=view.labels[: part + 1])
                for part in range(3)
            ]
        case _:
            cells = torch.from_numpy(rng.integers(4, size=tuple(view.known.shape)))
            cut = [part_of(view, cells=cells == part) for part in range(4)]
    return [cut[place] for place in rng.permutation(len(cut))]


@settings(deadline=None, max_examples=24)
@given(
    seed=st.integers(0, 999),
    how=st.sampled_from(["by class", "by data", "by label", "random cells"]),
    zero_shot=st.booleans(),
    rows=st.sampled_from([10, 60]),  # fewer and more than they are wide
)
def test_learned_in_any_order_the_heads_are_those_of_the_shown_cells_at_once(
    seed: int, how: str, zero_shot: bool, rows: int
) -> None:
    view = drawn_view(seed=seed, rows=rows, known=0.8)
    experiences = parts(view, how, seed)
    shown = torch.zeros_like(view.known)
    for one in experiences:
        places = torch.isin(view.images, one.images).nonzero()[:, 0]
        for column, label in enumerate(one.labels):
            shown[places, view.labels.index(label)] |= one.known[:, column]
    setting = SHARED if zero_shot else APART
    joint = taught([part_of(view, cells=shown)], setting)

    assert_same_heads(taught(experiences, setting), joint)


def test_two_sites_sums_give_the_heads_of_the_pooled_films() -> None:
    view = drawn_view()
    here, there = part_of(view, rows=torch.arange(30)), part_of(view, rows=torch.arange(30, 60))
    home = taught([here])
    sums = add(sums_in(home), sums_in(taught([there])))
    *_, last = Ridge().settled(home, sums, view.prompts)
    assert isinstance(last, Learned)

    assert_same_heads(last.learner, taught([view]))


def test_a_patient_taken_away_was_never_there() -> None:
    view = drawn_view()
    leaving = view.patients == view.patients[10]
    gone = sums_of(part_of(view, rows=leaving), folds=5, salt="ridge")
    learner = taught([view])
    *_, last = Ridge().settled(learner, subtract(sums_in(learner), gone), view.prompts)
    assert isinstance(last, Learned)

    assert_same_heads(last.learner, taught([part_of(view, rows=~leaving)]))


def test_findings_an_experience_does_not_touch_keep_sums_weights_and_scores_to_the_bit() -> None:
    first = taught([part_of(drawn_view(seed=1), labels=("effusion", "edema"))])
    later = drawn_view(("edema", "nodule", "effusion"), seed=2)
    later.known[:, 2] = False  # shown, but nothing of it is known
    *_, last = Ridge().learn(first, later, rng=np.random.default_rng(0))
    assert isinstance(last, Learned)
    second = last.learner
    films = drawn_view(seed=3).features

    assert second.labels.names == ("effusion", "edema", "nodule")
    assert torch.equal(head(first).weight[0], head(second).weight[0])
    assert torch.equal(head(first).bias[0], head(second).bias[0])
    assert not torch.equal(head(first).weight[1], head(second).weight[1])
    before, after = head(first)(films).difference, head(second)(films).difference
    assert before[:, 0].numpy().tobytes() == after[:, 0].numpy().tobytes()
    assert first.calibration["effusion"] is second.calibration["effusion"]
    key = sums_in(first).findings["effusion"].key
    for name in ("counts/effusion", "positive/effusion", "negative/effusion", f"moment/{key}"):
        assert torch.equal(first.carried[f"sums/{name}"], second.carried[f"sums/{name}"])


def test_findings_are_met_in_the_order_of_the_view_however_they_are_solved() -> None:
    view = drawn_view()
    view.known[0, 1] = False  # effusion and nodule are solved together, edema alone

    assert taught([view]).labels.names == ("effusion", "edema", "nodule")


def test_only_touched_findings_are_solved() -> None:
    strategy = Ridge()
    learner = taught([drawn_view(seed=1)])
    events = list(
        strategy.learn(
            learner,
            part_of(drawn_view(seed=2), labels=("edema",)),
            rng=np.random.default_rng(0),
        )
    )

    assert [event.of for event in events if isinstance(event, Step)] == [1]


def test_before_any_negative_a_finding_is_ranked_as_zero_shot_does() -> None:
    view = drawn_view(seed=4)
    positives = part_of(view, rows=view.target[:, 0], labels=("effusion",))
    learner = taught([positives])
    zero = ZeroShot()
    *_, last = zero.learn(begin(zero, SHARED, seed=0), positives, rng=np.random.default_rng(0))
    assert isinstance(last, Learned)
    assert isinstance(last.learner.readout, PromptReadout)
    ours = head(learner)(view.features).difference[:, 0]
    theirs = last.learner.readout(view.features).difference[:, 0]

    torch.testing.assert_close(
        (ours - ours.mean()) / ours.std(),
        ((theirs - theirs.mean()) / theirs.std()).double(),
        rtol=0,
        atol=1e-5,
    )
    assert learner.calibration == {}


def test_an_endless_penalty_ranks_as_zero_shot_does() -> None:
    view = drawn_view(seed=4)
    learner = taught([view], strategy=Ridge(lambdas=(1e12,), betas=(5.0,), guard=False))

    torch.testing.assert_close(
        head(learner).weight,
        5 * text_directions(SHARED, view.prompts, view.labels),
        rtol=0,
        atol=1e-8,
    )


def test_through_an_alignment_the_text_is_pulled_back_among_the_images() -> None:
    view = drawn_view()
    rng = torch.Generator().manual_seed(0)
    alignment = fit_alignment(
        view.features,
        view.features @ torch.randn(12, 7, generator=rng),
        patients=view.patients,
        image_encoder="drawn",
        text_encoder="drawn",
    )
    prompts = view.prompts
    assert prompts is not None
    positive, negative = torch.randn(2, 3, 2, 7, generator=rng)
    view = replace(view, prompts=replace(prompts, positive=positive, negative=negative))
    setting = Setting(image_dim=12, text_dim=7, alignment=alignment)
    mean = [torch.nn.functional.normalize(side.mean(1), dim=1) for side in (positive, negative)]
    wanted = (mean[0] - mean[1]).double() @ alignment.weight.double()

    torch.testing.assert_close(
        text_directions(setting, view.prompts, view.labels),
        wanted / wanted.norm(dim=1, keepdim=True),
        rtol=0,
        atol=1e-6,
    )
    assert torch.isfinite(head(taught([view], setting)).weight).all()


def test_without_zero_shot_no_text_enters() -> None:
    view = drawn_view()
    with_text, without = taught([view], APART), taught([replace(view, prompts=None)], APART)

    assert torch.equal(head(with_text).weight, head(without).weight)
    assert set(dict(with_text.notes)["prior"].values()) == {0.0}  # type: ignore[attr-defined]


def test_a_shared_space_without_prompts_is_refused() -> None:
    with pytest.raises(Mismatch, match="no prompts"):
        taught([replace(drawn_view(), prompts=None)])


def test_features_of_another_encoder_are_refused() -> None:
    with pytest.raises(Mismatch, match="width 9 in 5 folds"):
        taught([drawn_view()], Setting(image_dim=9))


def test_the_fewest_patients_in_a_sum_are_told() -> None:
    many, few = taught([drawn_view(rows=400)]), taught([drawn_view(rows=12)])

    assert many.fewest_patients is not None
    assert many.fewest_patients > 1
    assert not many.single_patients
    assert few.fewest_patients == 1
    assert few.single_patients


@pytest.mark.parametrize(
    ("lambdas", "betas", "folds", "said"),
    [
        ((), (0.0,), 5, "Lambdas"),
        ((0.0,), (0.0,), 5, "Lambdas"),
        ((1.0,), (-1.0,), 5, "Betas"),
        ((1.0,), (0.0,), 1, "2 folds"),
    ],
)
def test_settings_without_sense_are_refused(
    lambdas: tuple[float, ...], betas: tuple[float, ...], folds: int, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        Ridge(lambdas=lambdas, betas=betas, folds=folds)


def test_sums_are_looked_for_where_ridge_left_them() -> None:
    with pytest.raises(Mismatch, match="not taught by Ridge"):
        sums_in(begin(ZeroShot(), SHARED, seed=0))


def retracted(learner: Learner, view: View) -> Learner:
    *_, last = Ridge().retract(learner, view, rng=np.random.default_rng(0))
    assert isinstance(last, Learned)
    return last.learner


@settings(deadline=None, max_examples=12)
@given(seed=st.integers(0, 2**16), setting=st.sampled_from([SHARED, APART]))
def test_what_is_taken_back_was_never_learned(seed: int, setting: Setting) -> None:
    view = drawn_view(seed=seed, rows=80, known=0.8)
    leaving = view.patients % 3 == 0
    whole = taught([view], setting)

    assert_same_heads(
        retracted(whole, part_of(view, rows=leaving)),
        taught([part_of(view, rows=~leaving)], setting),
    )


def test_taking_back_leaves_the_old_learner_and_other_findings_to_the_bit() -> None:
    view = drawn_view(rows=80)
    before = taught([view])
    weight = head(before).weight.clone()
    after = retracted(before, part_of(view, labels=("edema",), rows=view.patients % 4 == 0))

    assert torch.equal(head(before).weight, weight)
    assert torch.equal(head(after).weight[[0, 2]], weight[[0, 2]])
    assert not torch.equal(head(after).weight[1], weight[1])


def test_more_rows_than_were_learned_are_refused() -> None:
    view = drawn_view(rows=20)
    with pytest.raises(Mismatch, match="more rows than were added"):
        retracted(taught([view]), drawn_view(seed=1, rows=80))


def test_zero_shot_takes_back_by_doing_nothing() -> None:
    view = drawn_view(rows=20)
    strategy = ZeroShot()
    learner = begin(strategy, SHARED, seed=0)
    *_, last = strategy.retract(learner, view, rng=np.random.default_rng(0))

    assert isinstance(last, Learned)
    assert last.learner is learner


def test_who_takes_back_and_who_reads_texts() -> None:
    readers: tuple[Strategy, ...] = (Ridge(), RETune(), ZeroShot())
    assert all(reads_prompts(one, begin(one, SHARED, seed=0)) for one in readers)
    for blind, setting in ((Ridge(), APART), (Ridge(betas=(0.0,)), SHARED), (Heads(), SHARED)):
        assert not reads_prompts(blind, begin(blind, setting, seed=0))
    assert not isinstance(Heads(), Retracts)
    assert isinstance(Ridge(), Retracts)
    assert isinstance(ZeroShot(), Retracts)
    assert not isinstance(RETune(), Retracts)

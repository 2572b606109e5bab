"""What sums and heads give away of a patient, and what carina lets leave."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import fsolve
from torch import Tensor

from carina.adaptors import LinearReadout
from carina.core import Mismatch
from carina.learning import (
    Heads,
    Learned,
    Learner,
    Ridge,
    Setting,
    Strategy,
    add,
    begin,
    learn_one,
    leaving,
    released,
    subtract,
    sums_in,
    sums_of,
)
from carina.learning.strategies.carrying import from_tensors, to_tensors
from carina.learning.strategies.parts import joined
from carina.learning.strategies.summing import unit
from carina.learning.strategies.sums import SHARED, Sums, fewest_patients
from carina.learning.strategies.triangles import unpacked
from carina.streams import View
from carina.testing import drawn_view, part_of

APART = Setting(image_dim=12)
PLAIN = Ridge(lambdas=(0.5,), betas=(0.0,))


def taken(view: View) -> Sums:
    return sums_of(view, folds=5, salt="test")


def lesson(learner: Learner | None, view: View, strategy: Strategy = PLAIN) -> Learner:
    now = begin(strategy, APART, seed=0) if learner is None else learner
    *_, last = learn_one(strategy, now, view, seed=0, index=0)
    assert isinstance(last, Learned)
    return last.learner


def head(learner: Learner, label: str) -> tuple[Tensor, float]:
    assert isinstance(learner.readout, LinearReadout)
    at = learner.readout.labels.index(label)
    return learner.readout.weight[at], float(learner.readout.bias[at])


def one_film(seed: int = 77, *, present: bool = True) -> View:
    """One film of one new patient, with all findings or none."""
    view = part_of(drawn_view(seed=seed, rows=2), rows=torch.tensor([0]))
    return replace(view, target=torch.full_like(view.target, present))


def with_positives(view: View, label: str, patients: int) -> View:
    """The view with that finding in the first patients only, two films each."""
    target = view.target.clone()
    target[:, view.labels.index(label)] = torch.arange(len(target)) < 2 * patients
    return replace(view, target=target)


def near(one: Tensor, other: Tensor) -> float:
    return float(torch.nn.functional.cosine_similarity(one, other, dim=0))


def test_the_difference_of_two_learners_sums_is_the_new_patients_features() -> None:
    first = lesson(None, drawn_view(rows=200))
    second = lesson(first, one_film())
    before, after = sums_in(first).findings["edema"], sums_in(second).findings["edema"]
    told = (after.positive_sum - before.positive_sum).sum(dim=0)

    torch.testing.assert_close(told, unit(one_film().features.double())[0], rtol=0, atol=1e-12)


def test_two_learners_heads_beside_known_sums_nearly_are_the_new_patients_features() -> None:
    """Of ``((m / n) S + lambda I) w = m d`` only the new film is not known; it is solved for."""
    first = lesson(None, drawn_view(rows=200))
    weight, _ = head(lesson(first, one_film()), "edema")
    sums = sums_in(first)
    own = sums.findings["edema"]
    full = unpacked(sums.moments[own.key].half, 13).sum(dim=0)
    positives, negatives = float(own.positives.sum()) + 1, float(own.negatives.sum())
    rows = positives + negatives
    both = positives * negatives / rows
    moment, total = full[:12, :12], full[:12, 12]

    def unexplained(film: np.ndarray) -> np.ndarray:
        guess = torch.from_numpy(film)
        everyone = total + guess
        scatter = moment + torch.outer(guess, guess) - torch.outer(everyone, everyone) / rows
        difference = (own.positive_sum.sum(dim=0) + guess) / positives
        difference = difference - own.negative_sum.sum(dim=0) / negatives
        left = both / rows * scatter @ weight + 0.5 * weight - both * difference
        return left.numpy()

    film = torch.from_numpy(fsolve(unexplained, np.zeros(12)))
    assert near(film, unit(one_film().features.double())[0]) > 0.999


@pytest.mark.parametrize("present", [True, False])
def test_what_leaves_of_two_such_learners_is_the_same(present: bool) -> None:
    first = lesson(None, drawn_view(rows=400))
    out = leaving(first)
    second = lesson(out.home, one_film(present=present))
    again = leaving(second, before=out.learner)

    assert set(again.unchanged) == {"effusion", "edema", "nodule"}
    assert "came since" in again.unchanged["edema"]
    assert again.learner.carried.keys() == out.learner.carried.keys()
    for name, tensor in out.learner.carried.items():
        assert torch.equal(tensor, again.learner.carried[name])
    for label in out.learner.labels.names:
        assert torch.equal(head(out.learner, label)[0], head(again.learner, label)[0])
        assert head(out.learner, label)[1] == head(again.learner, label)[1]
    assert again.learner.calibration == out.learner.calibration
    assert again.learner.notes == out.learner.notes


def test_once_enough_patients_came_a_finding_follows_and_the_change_is_over_all_of_them() -> None:
    out = leaving(lesson(None, drawn_view(rows=400)))
    second = lesson(lesson(out.home, one_film()), drawn_view(seed=5, rows=80))
    again = leaving(second, before=out.learner)
    before, after = (sums_in(one).findings["edema"] for one in (out.learner, again.learner))
    parts = min(before.parts, after.parts)
    change = joined(after.positives, parts) - joined(before.positives, parts)
    moved = joined(after.positive_sum, parts) - joined(before.positive_sum, parts)

    assert not again.unchanged
    assert int(change[change > 0].min()) >= 10
    assert all(
        near(row, unit(one_film().features.double())[0]) < 0.95 for row in moved if row.any()
    )
    assert (fewest_patients(sums_in(again.learner)) or 0) >= 10


@pytest.mark.parametrize(("patients", "parts"), [(9, 0), (10, 1), (200, 5)])
def test_folds_are_joined_until_each_part_covers_ten_patients_or_the_finding_is_withheld(
    patients: int, parts: int
) -> None:
    view = with_positives(drawn_view(rows=1000), "edema", patients)
    out = released(taken(view))

    assert out.withheld == (
        {} if parts else {"edema": "fewer than 10 patients with it can be told"}
    )
    if parts:
        own = out.sums.findings["edema"]
        filled = own.positives > 0
        assert own.parts == parts
        assert int(own.positive_patients[filled].min()) >= 10
        assert int(own.negative_patients[filled].min()) >= 10
        whole = taken(view).findings["edema"]
        torch.testing.assert_close(own.positive_sum.sum(0), whole.positive_sum.sum(0))
    assert "effusion" in out.sums.findings


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 99), rows=st.integers(1, 100), known=st.sampled_from([0.6, 1.0]))
def test_no_sum_that_leaves_covers_fewer_than_ten_patients_of_a_class(
    seed: int, rows: int, known: float
) -> None:
    sums = taken(drawn_view(seed=seed, rows=2 * rows, known=known))
    out = released(sums)
    fewest = fewest_patients(out.sums)

    assert fewest is None or fewest >= 10
    assert set(out.sums.findings) | set(out.withheld) == set(sums.findings)
    assert set(out.sums.moments) == {own.key for own in out.sums.findings.values()}


def test_second_moments_are_joined_like_the_finding_they_leave_for() -> None:
    view = with_positives(drawn_view(("edema",), rows=1000), "edema", 12)
    out = released(taken(view))
    (moment,) = out.sums.moments.values()

    assert moment.parts == 1
    assert not moment.half[1:].any()


def test_learning_on_from_what_left_is_learning_on_in_the_joined_parts() -> None:
    first, later = drawn_view(rows=120), drawn_view(seed=5, rows=300)
    out = released(taken(first))
    on, whole = add(out.sums, taken(later)), add(taken(first), taken(later))
    for label, own in on.findings.items():
        wanted = whole.findings[label].in_parts(own.parts)

        assert own.parts == out.sums.findings[label].parts < 5
        torch.testing.assert_close(own.positive_sum, wanted.positive_sum)
        assert torch.equal(own.negatives, wanted.negatives)
    home = lesson(None, first)
    left = replace(leaving(home).learner)
    both = lesson(left, later), lesson(home, later)
    for label in left.labels.names:  # one penalty, so the heads are those of all films
        torch.testing.assert_close(head(both[0], label)[0], head(both[1], label)[0])


def test_a_patient_who_goes_does_not_show_either() -> None:
    view = drawn_view(rows=400)
    out = released(taken(view))
    gone = taken(part_of(view, rows=view.patients == view.patients[0]))
    again = released(subtract(out.home, gone), before=out.sums)

    assert set(again.unchanged) == set(view.labels)
    more = released(
        add(subtract(out.home, gone), taken(drawn_view(seed=5, rows=100))), before=out.sums
    )
    assert not more.unchanged


def test_whoever_left_and_came_back_does_not_count_as_having_come() -> None:
    view = drawn_view(("edema",), rows=400)
    out = released(taken(view))
    some = taken(part_of(view, rows=torch.arange(60)))
    back = add(subtract(out.home, some), some)
    fresh = released(back, before=out.sums)

    assert fresh.sums.findings["edema"] is out.sums.findings["edema"]
    nearly = add(subtract(out.home, some), taken(part_of(view, rows=torch.arange(58))))
    assert set(released(nearly, before=out.sums).unchanged) == {"edema"}


def test_of_those_who_came_only_who_stayed_count() -> None:
    out = released(taken(drawn_view(("edema",), rows=400)))
    some = drawn_view(("edema",), seed=5, rows=200)
    came = add(out.home, taken(some))
    stayed = subtract(came, taken(part_of(some, rows=torch.arange(190))))

    assert not released(came, before=out.sums).unchanged
    assert set(released(stayed, before=out.sums).unchanged) == {"edema"}


def test_sums_that_do_not_know_what_was_released_are_held_back() -> None:
    view = drawn_view(rows=400)
    out = released(taken(view))
    stranger = released(add(taken(view), taken(drawn_view(seed=5, rows=200))), before=out.sums)

    assert set(stranger.unchanged.values()) == {"how many patients came since cannot be told"}
    with pytest.raises(Mismatch, match="'mass' was released before"):
        released(taken(view), before=released(taken(drawn_view(("mass",), rows=400))).sums)
    with pytest.raises(Mismatch, match="made otherwise"):
        released(sums_of(view, folds=5, salt="other"), before=out.sums)


def test_of_two_findings_known_on_nearly_the_same_films_one_is_withheld() -> None:
    """The difference of their sums would be the film they differ by."""
    view = drawn_view(("edema", "nodule"), rows=400)
    cells = torch.ones_like(view.known)
    cells[0, 1] = False
    sums = taken(part_of(view, cells=cells))
    told = sum(
        sign * (sums.findings[label].positive_sum + sums.findings[label].negative_sum).sum(dim=0)
        for sign, label in ((1, "edema"), (-1, "nodule"))
    )

    torch.testing.assert_close(told, unit(view.features.double())[0], rtol=0, atol=1e-12)
    assert released(sums).withheld == {"nodule": "it is known on nearly the same films as edema"}
    cells[: len(cells) // 2, 1] = False
    assert not released(taken(part_of(view, cells=cells))).withheld


def test_a_new_finding_does_not_show_who_came_to_an_old_one() -> None:
    view = drawn_view(("edema",), rows=400)
    out = released(taken(view))
    film = one_film()
    later = add(out.home, taken(part_of(film, labels=("edema",))))
    every = drawn_view(rows=400)
    later = add(later, taken(part_of(every, labels=("nodule",))))
    later = add(later, taken(part_of(film, labels=("nodule",))))
    again = released(later, before=out.sums)

    assert set(again.unchanged) == {"edema"}
    assert again.withheld == {"nodule": "it is known on nearly the same films as edema"}


def test_a_moment_that_all_findings_share_moves_only_with_one_that_enough_came_to() -> None:
    own, moment = (2 * 12 + 10) * 5 * 8, 13 * 14 // 2 * 5 * 8
    view = drawn_view(rows=1000, known=0.7)
    home = sums_of(view, folds=5, salt="test", budget=3 * own + moment)
    out = released(home)
    same = released(add(out.home, taken(one_film())), before=out.sums)
    more = released(add(out.home, taken(drawn_view(("edema",), seed=5, rows=200))), before=out.sums)

    assert set(out.sums.moments) == {SHARED}
    assert torch.equal(same.sums.moments[SHARED].half, out.sums.moments[SHARED].half)
    assert not torch.equal(more.sums.moments[SHARED].half, out.sums.moments[SHARED].half)
    assert "edema" not in more.unchanged


def test_what_a_shared_moment_holds_of_a_withheld_finding_is_not_told_apart_again() -> None:
    view = drawn_view(rows=1000)
    cells = torch.ones_like(view.known)
    cells[10:, 2] = False
    home = replace(
        taken(part_of(view, cells=cells)), budget=3 * (2 * 12 + 10) * 5 * 8 + 13 * 14 // 2 * 5 * 8
    )
    home = add(home, taken(part_of(view, rows=torch.arange(0))))
    out = released(home)
    later = add(out.sums, taken(part_of(drawn_view(seed=5), labels=view.labels[:2])))

    assert set(out.withheld) == {"nodule"}
    assert len(later.keys) == 1
    assert set(later.moments) == {SHARED}


def test_a_shared_moment_leaves_in_no_more_parts_than_its_findings() -> None:
    view = with_positives(drawn_view(("edema", "nodule"), rows=1000, known=0.7), "edema", 30)
    view = with_positives(view, "nodule", 40)
    view = replace(view, target=view.target & view.known)
    out = released(sums_of(view, folds=5, salt="test", budget=2 * 1360 + 3640))
    parts = max(own.parts for own in out.sums.findings.values())
    moment = out.sums.moments[SHARED]

    assert moment.parts == parts < 5
    assert int((moment.half[:, -1] > 0).sum()) == parts


def test_a_head_stays_behind_with_its_sums_unless_it_is_the_texts() -> None:
    view = with_positives(drawn_view(rows=400), "edema", 1)
    shared = Setting(image_dim=12, text_dim=12, shared_space=True)
    outs = []
    for setting, strategy in ((APART, PLAIN), (shared, Ridge())):
        *_, last = learn_one(strategy, begin(strategy, setting, seed=0), view, seed=0, index=0)
        assert isinstance(last, Learned)
        outs.append(leaving(last.learner))

    assert all(set(out.withheld) == {"edema"} for out in outs)
    assert outs[0].learner.labels.names == ("effusion", "nodule")
    assert outs[1].learner.labels.names == ("effusion", "edema", "nodule")
    for out in outs:
        assert out.learner.readout is not None
        assert out.learner.readout.labels == out.learner.labels.names
        assert "edema" not in sums_in(out.learner).findings
        assert not out.learner.single_patients
        assert out.home.labels.names == view.labels


def test_a_learner_without_sums_leaves_as_it_is() -> None:
    learner = lesson(None, drawn_view(), Heads())

    assert leaving(learner).learner is learner


def test_what_is_known_of_a_release_comes_back_from_tensors() -> None:
    home = add(released(taken(drawn_view(rows=400))).home, taken(one_film()))
    back = from_tensors(*to_tensors(home))
    since = back.findings["edema"].since

    assert since is not None
    assert since.came.sum(dim=1).tolist() == [1, 0]
    assert since.left.sum() == 0

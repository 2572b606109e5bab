"""The gate: what passes, what fails, what nobody can tell, and on which films."""

from dataclasses import replace

import numpy as np
import pytest
from jaxtyping import Float

from carina.core import Estimate, generator
from carina.recipes import ALL, Ground, Outcome, UpdateProtocol
from carina.recipes.updating.gate import Gate, Measure, Trial, gate

PROTOCOL = UpdateProtocol()
STATED = Estimate(value=0.86, low=0.8, high=0.9, n=500, positives=100, patients=500)


def trial(
    *,
    films: int = 400,
    worse: float = 0.0,
    ground: Ground = Ground.LOCKED,
    lies: float = 0.0,
    labels: tuple[str, ...] = ("Edema",),
    new_only: bool = False,
    seed: int = 0,
) -> Trial:
    """Two readers whose scores agree but for a little; the new one is blurred where it is worse.

    Args:
        films: One a patient, three in ten positive.
        worse: Standard deviation of what blurs the new reader.
        ground: Of the trial.
        lies: Share of labels drawn at random.
        labels: Findings, all alike.
        new_only: Whether the old reader has no scores.
        seed: Of everything.
    """
    rng = generator(seed, "trial")
    shape = (films, len(labels))
    truth = rng.random(shape) < 0.3
    old = rng.normal(size=shape) + 1.5 * truth
    new = old + rng.normal(size=shape) * (worse + 0.05)
    target = np.where(rng.random(shape) < lies, rng.random(shape) < 0.3, truth)
    nothing = np.full(shape, np.nan)
    return Trial(
        ground=ground,
        labels=labels,
        patients=np.arange(films),
        target=target,
        known=np.ones(shape, dtype=bool),
        old=nothing if new_only else old,
        new=new,
        final=new,
        old_yes=nothing if new_only else (old > 0.75).astype(np.float64),
        new_yes=(new > 0.75).astype(np.float64),
        groups={"sex": tuple("FM"[row % 2] for row in range(films))},
    )


def judged(
    *trials: Trial,
    stated: Estimate | None = None,
    known: bool = True,
    protocol: UpdateProtocol = PROTOCOL,
) -> Gate:
    return gate(
        ("Edema",),
        unchanged=frozenset(),
        known_before=("Edema",) if known else (),
        stated={} if stated is None else {"Edema": stated},
        trials=trials,
        protocol=protocol,
    )


def ranking(found: Gate, group: str = ALL) -> Outcome:
    (check,) = (c for c in found.checks if c.group == group and c.measure is Measure.RANKING)
    return check.outcome


def test_a_reader_that_ranks_as_before_passes_on_all_films_and_in_groups() -> None:
    found = judged(trial())

    assert found.outcome is Outcome.PASSED
    assert [(c.group, c.measure) for c in found.checks] == [
        (group, measure) for group in (ALL, "sex F", "sex M") for measure in Measure
    ]
    assert all(check.ground is Ground.LOCKED for check in found.checks)


def test_a_reader_that_is_worse_fails() -> None:
    found = judged(trial(worse=3.0))

    assert found.outcome is ranking(found) is Outcome.FAILED
    (check,) = (c for c in found.checks if c.must_pass)
    assert check.difference is not None
    assert check.difference.value is not None
    assert check.difference.value < -PROTOCOL.margin


def test_with_few_films_nobody_can_tell_and_it_is_said_how_many_more_would() -> None:
    found = judged(trial(films=60, worse=0.6, seed=3))
    (check,) = (c for c in found.checks if c.must_pass)

    assert found.outcome is check.outcome is Outcome.UNDECIDED
    assert check.further_positives is not None
    assert check.further_positives > 0


@pytest.mark.parametrize(("films", "outcome"), [(400, Outcome.PASSED), (100, Outcome.UNDECIDED)])
def test_readers_without_a_slip_pass_where_patients_enough_show_none(
    films: int, outcome: Outcome
) -> None:
    some = trial(films=films)
    old = some.target + np.linspace(0, 0.5, films)[:, None]
    new = some.target + np.linspace(0.5, 0, films)[:, None]
    found = judged(replace(some, old=old, new=new))
    (check,) = (c for c in found.checks if c.must_pass)
    positives = int(some.target.sum())

    assert check.outcome is outcome
    assert check.lower == pytest.approx(0.05 ** (1 / positives) - 1)
    if outcome is Outcome.UNDECIDED:
        assert check.further_positives == 99 - positives  # 0.97 ^ 99 < 0.05 < 0.97 ^ 98


def test_a_larger_margin_lets_pass_what_a_smaller_does_not() -> None:
    some = trial(worse=0.6)
    strict, lax = (judged(some, protocol=UpdateProtocol(margin=m)) for m in (0.01, 0.2))

    assert ranking(strict) is not Outcome.PASSED
    assert ranking(lax) is Outcome.PASSED


def test_what_did_not_change_by_a_bit_needs_no_film() -> None:
    found = gate(
        ("Edema",),
        unchanged=frozenset({"Edema"}),
        known_before=("Edema",),
        stated={},
        trials=(),
        protocol=PROTOCOL,
    )

    assert found.outcome is Outcome.PASSED
    assert [check.ground for check in found.checks] == [Ground.BYTES]


def test_what_changed_without_a_film_nobody_can_tell() -> None:
    found = judged(trial(labels=("Mass",)))

    assert found.outcome is Outcome.UNDECIDED
    assert [check.ground for check in found.checks] == [Ground.NONE]


@pytest.mark.parametrize(("films", "ground"), [(400, Ground.LOCKED), (20, Ground.NEW)])
def test_the_locked_set_goes_first_where_it_has_patients_enough(films: int, ground: Ground) -> None:
    found = judged(trial(films=films), trial(ground=Ground.NEW, seed=1))

    assert {check.ground for check in found.checks} == {ground}


def test_too_few_patients_everywhere_says_how_many_are_missing() -> None:
    found = judged(trial(films=20))
    (check,) = found.checks

    assert found.outcome is Outcome.UNDECIDED
    assert "a check takes 10 of either" in check.why
    assert check.further_positives == 10 - int(trial(films=20).target.sum())


def test_harm_to_one_group_stops_a_reader_that_is_well_on_the_whole() -> None:
    good, bad = trial(films=2000), trial(films=2000, worse=2.0)
    few = np.arange(2000) % 12 == 0
    mixed = replace(
        good,
        new=np.where(few[:, None], bad.new, good.new),
        groups={"site": tuple("small" if one else "large" for one in few)},
    )
    found = judged(mixed)

    assert ranking(found) is Outcome.PASSED
    assert ranking(found, "site small") is Outcome.FAILED
    assert found.outcome is Outcome.FAILED


def test_groups_too_small_are_named_and_not_checked() -> None:
    some = replace(trial(), groups={"age": ("0-17",) * 10 + ("",) * 390})
    found = judged(some)

    assert [(one.group, one.positives + one.negatives) for one in found.untested] == [
        ("age 0-17", 10)
    ]
    assert {check.group for check in found.checks} == {ALL}


def test_answers_that_are_worth_less_stop_a_reader_that_ranks_as_before() -> None:
    good = trial()
    found = judged(replace(good, new_yes=np.ones_like(good.new_yes)))

    assert ranking(found) is Outcome.PASSED
    assert found.outcome is Outcome.FAILED


def test_a_finding_without_answers_is_checked_by_its_ranking_alone() -> None:
    good = trial()
    found = judged(replace(good, old_yes=np.full_like(good.old_yes, np.nan)))

    assert {check.measure for check in found.checks} == {Measure.RANKING}


def test_wrong_labels_on_new_films_alone_fail_though_both_readers_are_as_bad() -> None:
    noise = trial(ground=Ground.NEW, lies=1.0)

    assert judged(noise, stated=STATED).outcome is Outcome.FAILED
    assert ranking(judged(trial(ground=Ground.NEW), stated=STATED)) is Outcome.PASSED


def test_wrong_labels_do_not_pass_where_no_card_states_a_number() -> None:
    undefined = Estimate.undefined("no positive")
    noise = trial(ground=Ground.NEW, lies=1.0, films=4000)

    assert judged(noise).outcome is Outcome.UNDECIDED
    assert judged(noise, stated=undefined).outcome is Outcome.UNDECIDED
    assert judged(trial(ground=Ground.NEW)).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("lies", "sign", "outcome"),
    [(0.0, 1, Outcome.PASSED), (1.0, 1, Outcome.UNDECIDED), (0.0, -1, Outcome.FAILED)],
)
def test_a_new_finding_must_rank_better_than_chance(
    lies: float, sign: int, outcome: Outcome
) -> None:
    some = trial(new_only=True, lies=lies, seed=5)
    found = judged(replace(some, new=sign * some.new), known=False)

    assert found.outcome is outcome
    assert all(check.old is None for check in found.checks)


def test_cells_that_are_not_known_do_not_count() -> None:
    some = trial(films=800)
    first = np.arange(800) < 400
    ruined = replace(some, new=np.where(first[:, None], some.new, -some.new))

    assert judged(ruined).outcome is Outcome.FAILED
    assert judged(ruined.among(first)) == judged(some.among(first))
    assert judged(ruined.among(first)).outcome is Outcome.PASSED


def test_the_chance_to_pass_at_the_margin_is_five_in_a_hundred() -> None:
    """A reader worse by just the margin passes about as often as the level says."""
    passed, runs, films = 0, 60, 300
    truth = np.arange(films) < 100
    for seed in range(runs):
        rng = generator(seed, "at the margin")
        gap: Float[np.ndarray, " films"] = rng.normal(size=films)
        old, new = gap + 1.0 * truth, rng.normal(size=films) + 0.83 * truth  # AUROC 0.760, 0.721
        some = trial(films=films)
        at_margin = replace(
            some, target=truth[:, None], old=old[:, None], new=new[:, None], groups={}
        )
        passed += (
            ranking(judged(at_margin, protocol=UpdateProtocol(margin=0.039))) is Outcome.PASSED
        )

    assert passed <= 9  # 5 % of 60 is 3; more than 9 has a chance of one in a thousand

"""Non-inferiority passes, fails or cannot tell, and says how many positives would tell."""

from math import ceil

import numpy as np
import pytest

from carina.core import InvalidValue, generator
from carina.measures import (
    NonInferiority,
    PatientResamples,
    auroc,
    bootstrap_test,
    delong_test,
    noninferiority,
    noninferiority_by_delong,
    resample_patients,
)

Read = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def readers(seed: int, images: int, noise: float) -> Read:
    """A reader, the same with noise added, targets, and patients of one to several images."""
    rng = generator(seed, "noninferiority")
    target = rng.random(images) < 0.2
    old = target + rng.normal(size=images)
    return old + noise * rng.normal(size=images), old, target, rng.integers(images, size=images)


def both(read: Read, margin: float) -> tuple[NonInferiority, NonInferiority]:
    """By patient bootstrap and by DeLong."""
    new, old, target, patients = read
    resamples = resample_patients(patients, draws=600, rng=generator(1))
    one, other, there = (each[:, None] for each in (new, old, target))
    return (
        noninferiority(one, other, there, resamples, margin=margin),
        noninferiority_by_delong(new, old, target, patients, margin=margin),
    )


def test_a_reader_nearly_the_same_passes() -> None:
    for test in both(readers(1, 2000, 0.1), margin=0.02):
        assert test.verdict == "passed"
        assert test.lower is not None
        assert test.lower >= -0.02
        assert test.further_positives is None
        assert str(test).startswith("passed: [")


def test_a_reader_much_worse_fails() -> None:
    for test in both(readers(2, 2000, 3.0), margin=0.02):
        assert test.verdict == "failed"
        assert test.upper is not None
        assert test.upper < -0.02
        assert test.further_positives is None


def test_few_positives_cannot_tell_and_say_how_many_would() -> None:
    read = readers(3, 120, 0.4)
    for test in both(read, margin=0.02):
        assert test.verdict == "cannot tell"
        assert test.further_positives is not None
        assert str(test).endswith(f" {test.further_positives} more positives")
    drawn, normal = both(read, margin=0.02)
    assert drawn.further_positives == pytest.approx(normal.further_positives, rel=0.25)
    wide, _ = both(read, margin=0.2)
    assert wide.verdict == "passed"


def test_bounds_are_one_sided_and_the_count_is_its_formula() -> None:
    new, old, target, patients = readers(4, 150, 0.5)
    resamples = resample_patients(patients, draws=400, rng=generator(1))

    drawn, normal = both((new, old, target, patients), margin=0.03)

    gap = delong_test(new, old, target, patients).difference
    assert normal.difference == gap
    assert gap.value is not None
    assert gap.low is not None
    error = (gap.value - gap.low) / 1.959963984540054
    assert normal.lower == pytest.approx(gap.value - 1.6448536 * error)
    assert normal.upper == pytest.approx(gap.value + 1.6448536 * error)
    positives = int(target.sum())
    wanted = ceil(positives * ((1.6448536 + 0.8416212) * error / 0.03) ** 2)
    assert normal.further_positives == wanted - positives
    one, other, there = (each[:, None] for each in (new, old, target))
    two_sided = bootstrap_test("auroc", one, other, there, resamples).difference
    assert drawn.lower is not None
    assert two_sided.low is not None
    assert drawn.lower > two_sided.low


def test_the_bounds_by_bootstrap_are_the_5th_and_95th_percentile_of_the_draws() -> None:
    new, old, target, patients = readers(10, 150, 0.5)
    resamples = resample_patients(patients, draws=60, rng=generator(1))
    one, other, there = (each[:, None] for each in (new, old, target))

    test = noninferiority(one, other, there, resamples, margin=0.03)

    rows = [np.repeat(np.arange(150), weights) for weights in resamples.weights()]
    draws = [auroc(new[row], target[row]) - auroc(old[row], target[row]) for row in rows]
    assert (test.lower, test.upper) == pytest.approx(tuple(np.quantile(draws, [0.05, 0.95])))


def test_with_as_many_positives_as_it_says_an_equal_reader_passes_four_times_in_five() -> None:
    rng, margin = generator(5, "noninferiority"), 0.06

    def trial(positives: int) -> NonInferiority:
        target = np.arange(6 * positives) < positives
        shared = target + rng.normal(size=len(target))
        new, old = (shared + 0.5 * rng.normal(size=len(target)) for _ in range(2))
        return noninferiority_by_delong(new, old, target, margin=margin)

    further = [trial(30).further_positives for _ in range(200)]
    wanted = 30 + int(np.median([one for one in further if one is not None]))
    passed = np.mean([trial(wanted).verdict == "passed" for _ in range(400)])

    assert wanted > 40
    assert passed == pytest.approx(0.8, abs=0.06)


def test_a_reader_worse_by_the_margin_passes_one_time_in_twenty() -> None:
    rng, passed = generator(6, "noninferiority"), 0
    for _ in range(400):
        target = np.arange(300) < 100
        shared = 0.5 * rng.normal(size=300)
        # of two normals one deviation apart the AUROC is 0.7602, at 0.8 deviations 0.7142
        old, new = (
            apart * target + shared + np.sqrt(0.75) * rng.normal(size=300) for apart in (1.0, 0.8)
        )
        test = noninferiority_by_delong(new, old, target, margin=0.7602499 - 0.7141962)
        passed += test.verdict == "passed"

    assert passed / 400 == pytest.approx(0.05, abs=0.03)


def test_the_same_reader_passes_any_margin() -> None:
    _, old, target, patients = readers(7, 60, 0.0)

    for test in both((old, old, target, patients), margin=0.0):
        assert test.verdict == "passed"
        assert (test.lower, test.upper) == (0, 0)


def test_a_difference_near_the_margin_asks_for_no_more_positives() -> None:
    rng = generator(8, "noninferiority")
    target = np.arange(4000) < 2000
    old = target + rng.normal(size=4000)
    new = 0.94 * target + old - target
    gap = delong_test(new, old, target).difference.value
    assert gap is not None

    test = noninferiority_by_delong(new, old, target, margin=-gap)

    assert test.verdict == "cannot tell"
    assert test.further_positives is None


def test_what_does_not_vary_cannot_tell() -> None:
    target = np.arange(12) < 4
    perfect, other = 1.0 * target, target + 0.1 * np.sin(np.arange(12))

    for test in both((perfect, other, target, np.arange(12)), margin=0.1):
        assert test.verdict == "cannot tell"
        assert test.lower is None
        assert "no interval" in str(test)
    for test in both((perfect, other, target & ~target, np.arange(12)), margin=0.1):
        assert test.verdict == "cannot tell"
        assert "no positive image among 12" in str(test)


@pytest.fixture
def three() -> PatientResamples:
    return resample_patients(np.arange(3), draws=5, rng=generator(0))


def test_a_mean_over_findings_and_other_measures_are_tested_too(three: PatientResamples) -> None:
    new, old, target, patients = readers(9, 200, 0.5)
    resamples = resample_patients(patients, draws=100, rng=generator(1))
    one, other, there = (np.stack([each, each[::-1]], axis=1) for each in (new, old, target))

    mean = noninferiority(one, other, there, resamples, margin=0.1, measure="average_precision")

    assert mean.difference.method.startswith("mean of 2 of 2 findings, paired")
    column = np.zeros((3, 1))
    with pytest.raises(InvalidValue, match="Less brier is better; take one of auroc"):
        noninferiority(column, column, column > 0, three, margin=0.1, measure="brier")


def test_margins_that_cannot_be_are_refused(three: PatientResamples) -> None:
    column = np.zeros((3, 1))

    for margin in (-0.1, np.nan):
        with pytest.raises(InvalidValue, match="at least 0"):
            noninferiority(column, column, column > 0, three, margin=margin)
        with pytest.raises(InvalidValue, match="at least 0"):
            noninferiority_by_delong(column[:, 0], column[:, 0], column[:, 0] > 0, margin=margin)

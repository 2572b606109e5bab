"""Decision curves weigh what is found against what is alarmed."""

from collections.abc import Callable

import numpy as np
import pytest

from carina.core import InvalidValue, generator
from carina.measures import decision_curve, resample_patients

CUTS = (0.05, 0.2, 0.5)


@pytest.fixture
def said() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities with ties, targets and patients of one to several images."""
    rng = generator(1, "net benefit")
    probabilities = np.round(rng.beta(1, 3, size=120), 2)
    return probabilities, rng.random(120) < probabilities, rng.integers(50, size=120)


def test_the_benefit_by_hand() -> None:
    # of 100, 10 are positive; at 0.2 there are 8 of them and 12 others at or above
    probabilities = np.r_[np.repeat([0.2, 0.1], [8, 2]), np.repeat([0.3, 0.1], [12, 78])]
    target = np.arange(100) < 10
    resamples = resample_patients(np.arange(100), draws=20, rng=generator(0))

    curve = decision_curve(probabilities, target, resamples, thresholds=[0.2])

    assert curve.reader[0].value == pytest.approx(0.08 - 0.12 * 0.25)
    assert curve.treat_all[0].value == pytest.approx(0.1 - 0.9 * 0.25)
    assert curve.gain[0].value == pytest.approx(0.05)
    elsewhere = decision_curve(probabilities, target, resamples, thresholds=[0.2], prevalence=0.3)
    assert elsewhere.reader[0].value == pytest.approx(0.8 * 0.3 - 12 / 90 * 0.7 * 0.25)
    assert elsewhere.gain[0].value == pytest.approx(
        0.8 * 0.3 - 12 / 90 * 0.7 * 0.25 - (0.3 - 0.7 * 0.25)
    )


def test_every_point_has_the_interval_of_a_plain_loop(
    said: tuple[np.ndarray, ...], is_looped: Callable[..., bool]
) -> None:
    probabilities, target, patients = said
    resamples = resample_patients(patients, draws=50, rng=generator(0))

    curve = decision_curve(probabilities, target, resamples, thresholds=CUTS)

    def benefit(acted: np.ndarray, rows: np.ndarray, cut: float) -> float:
        there = target[rows]
        found, alarms = (acted[rows] & there).mean(), (acted[rows] & ~there).mean()
        return float(found - alarms * cut / (1 - cut))

    everybody = np.ones(120, dtype=bool)
    for place, cut in enumerate(CUTS):
        acted = probabilities >= cut
        assert is_looped(
            curve.reader[place], resamples, lambda rows, a=acted, c=cut: benefit(a, rows, c)
        )
        assert is_looped(
            curve.treat_all[place], resamples, lambda rows, c=cut: benefit(everybody, rows, c)
        )
        assert is_looped(
            curve.gain[place],
            resamples,
            lambda rows, a=acted, c=cut: (
                benefit(a, rows, c) - max(0.0, benefit(everybody, rows, c))
            ),
        )


def test_at_their_own_prevalence_nothing_changes(said: tuple[np.ndarray, ...]) -> None:
    probabilities, target, patients = said
    resamples = resample_patients(patients, draws=20, rng=generator(0))

    plain, stated = (
        decision_curve(probabilities, target, resamples, thresholds=CUTS, prevalence=prevalence)
        for prevalence in (None, float(target.mean()))
    )

    for one, other in zip(plain.reader, stated.reader, strict=True):
        assert one.value == pytest.approx(other.value)


def test_a_reader_who_flags_all_is_treating_all(said: tuple[np.ndarray, ...]) -> None:
    _, target, patients = said
    resamples = resample_patients(patients, draws=20, rng=generator(0))

    curve = decision_curve(np.full(120, 0.9), target, resamples, thresholds=CUTS)

    assert curve.reader == curve.treat_all


def test_only_known_images_count(said: tuple[np.ndarray, ...]) -> None:
    probabilities, target, patients = said
    known = generator(2, "net benefit").random(120) < 0.7
    resamples = resample_patients(patients, draws=20, rng=generator(0))
    spoilt = np.where(known, probabilities, 7.0)

    curve = decision_curve(spoilt, target, resamples, thresholds=[0.2], known=known)

    acted = probabilities[known] >= 0.2
    found, alarms = (acted & target[known]).mean(), (acted & ~target[known]).mean()
    assert curve.reader[0].value == pytest.approx(found - alarms * 0.25)
    assert curve.reader[0].n == known.sum()


def test_without_positives_there_is_no_benefit_and_no_sensitivity(
    said: tuple[np.ndarray, ...],
) -> None:
    probabilities, target, patients = said
    resamples = resample_patients(patients, draws=20, rng=generator(0))
    none = np.zeros_like(target)

    here = decision_curve(probabilities, none, resamples, thresholds=CUTS)
    elsewhere = decision_curve(probabilities, none, resamples, thresholds=CUTS, prevalence=0.1)

    assert all(one.value is not None and one.value <= 0 for one in here.reader)
    assert [one.why_undefined for one in elsewhere.gain] == ["no positive image among 120"] * 3


def test_what_lies_outside_is_refused(said: tuple[np.ndarray, ...]) -> None:
    probabilities, target, patients = said
    resamples = resample_patients(patients, draws=5, rng=generator(0))

    with pytest.raises(InvalidValue, match="A threshold lies between 0 and 1"):
        decision_curve(probabilities, target, resamples, thresholds=[1.0])
    with pytest.raises(InvalidValue, match="A prevalence lies between 0 and 1"):
        decision_curve(probabilities, target, resamples, thresholds=CUTS, prevalence=0.0)
    with pytest.raises(InvalidValue, match="calibrated probabilities"):
        decision_curve(probabilities + 1, target, resamples, thresholds=CUTS)

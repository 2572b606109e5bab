"""Patients are drawn evenly, with replacement, and the same seed draws the same."""

import numpy as np
import pytest

from carina.core import InvalidValue, generator
from carina.measures import PatientResamples, resample, resample_patients

PATIENTS = np.array([90, 7, 90, 12, 7, 90])


def test_images_of_a_patient_are_drawn_together() -> None:
    weights = resample_patients(PATIENTS, draws=50, rng=generator(0)).weights()

    assert weights.shape == (50, 6)
    np.testing.assert_array_equal(weights[:, [0, 0, 1]], weights[:, [2, 5, 4]])
    np.testing.assert_array_equal(weights[:, [0, 1, 3]].sum(axis=1), 3)


def test_one_seed_draws_one_way() -> None:
    one, again, other = (resample_patients(PATIENTS, draws=20, rng=generator(s)) for s in (1, 1, 2))

    np.testing.assert_array_equal(one.weights(), again.weights())
    assert one.seed == again.seed
    assert (one.weights() != other.weights()).any()


def test_every_patient_is_as_likely_as_another() -> None:
    counts = resample_patients(np.arange(5), draws=20_000, rng=generator(3)).multiplicities

    np.testing.assert_allclose(counts.mean(axis=0), 1, atol=0.03)
    np.testing.assert_allclose(counts.var(axis=0), 0.8, atol=0.04)  # binomial: n p (1 - p)


def test_draws_made_a_few_at_a_time_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resample, "_CELLS", 12)

    resamples = resample_patients(np.arange(5), draws=7, rng=generator(4))

    np.testing.assert_array_equal(resamples.multiplicities.sum(axis=1), 5)
    assert resamples.draws == 7


def test_resamples_that_cannot_be_are_refused() -> None:
    even = np.ones((2, 2), dtype=int)

    with pytest.raises(InvalidValue, match="0 images, 5 draws"):
        resample_patients(np.empty(0, dtype=int), draws=5, rng=generator(0))
    with pytest.raises(InvalidValue, match="0 draws"):
        resample_patients(PATIENTS, draws=0, rng=generator(0))
    with pytest.raises(InvalidValue, match="patients 0 to 1"):
        PatientResamples(patient=np.array([0, 2]), multiplicities=even, seed=0)
    with pytest.raises(InvalidValue, match="as many patients"):
        PatientResamples(patient=np.array([0, 1]), multiplicities=2 * even, seed=0)

"""The mean of what images have each for themselves, by patient."""

import numpy as np
import pytest

from carina.core import generator
from carina.measures import mean_interval, resample_patients


def test_the_mean_is_of_known_images_alone_and_lies_in_its_interval() -> None:
    values = np.array([0.2, 0.4, 99.0, 0.9, 0.7])
    known = np.array([True, True, False, True, True])
    resamples = resample_patients(np.array([1, 1, 2, 3, 4]), draws=300, rng=generator(1))
    found = mean_interval(values, values > 0.5, resamples, known=known)

    assert found.value == pytest.approx(0.55)
    assert found.low is not None
    assert found.high is not None
    assert 0.2 <= found.low < 0.55 < found.high <= 0.9
    assert (found.n, found.positives, found.patients) == (4, 2, 3)


def test_it_is_the_spread_of_means_over_draws_of_patients() -> None:
    rng = generator(3)
    patients = np.repeat(np.arange(40), 2)
    values = np.repeat(rng.random(40), 2)  # two films that say the same: 40, not 80, matter
    resamples = resample_patients(patients, draws=4000, rng=rng)
    every = np.ones(80, dtype=bool)
    found = mean_interval(values, every, resamples, known=every)
    by_hand = np.quantile([rng.choice(values[::2], 40).mean() for _ in range(4000)], [0.025, 0.975])

    assert [found.low, found.high] == pytest.approx(by_hand.tolist(), abs=0.01)


def test_without_an_image_it_is_undefined() -> None:
    resamples = resample_patients(np.array([1, 2]), draws=100, rng=generator(1))
    nobody = np.zeros(2, dtype=bool)
    found = mean_interval(np.zeros(2), nobody, resamples, known=nobody)

    assert found.value is None
    assert found.why_undefined == "no known image"

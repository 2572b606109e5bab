"""The pointing game."""

import numpy as np
import pytest

from carina.core import Mismatch, generator
from carina.evaluation import pointing
from carina.measures import PatientResamples, resample_patients


@pytest.fixture
def resamples() -> PatientResamples:
    return resample_patients(np.arange(4), draws=200, rng=generator(2))


@pytest.fixture
def regions() -> np.ndarray:
    """Quarters of the picture on three films, nothing on the fourth."""
    marked = np.zeros((4, 8, 8), dtype=bool)
    marked[0, :4, :4] = marked[1, :4, :4] = marked[2, 4:, 4:] = True
    return marked


def test_a_map_hits_where_its_highest_pixel_is_in_the_region(
    regions: np.ndarray, resamples: PatientResamples
) -> None:
    maps = np.zeros((4, 8, 8))
    maps[:, 1, 2] = 1.0
    found = pointing(maps, regions, resamples)

    assert found.hits.value == pytest.approx(2 / 3)
    assert (found.hits.n, found.hits.patients) == (3, 3)
    assert found.chance.value == pytest.approx(1 / 4)
    assert found.over_chance == pytest.approx(8 / 3)
    assert found.blind.value is None


def test_the_blind_point_is_where_most_others_are_marked(
    regions: np.ndarray, resamples: PatientResamples
) -> None:
    maps, usual = np.zeros((4, 8, 8)), np.zeros((4, 8, 8))
    maps[:, 1, 2] = usual[:, 6, 6] = 1.0
    found = pointing(maps, regions, resamples, usual=usual)

    assert found.blind.value == pytest.approx(1 / 3)
    assert found.over_blind.value == pytest.approx(2 / 3 - 1 / 3)
    assert pointing(usual, regions, resamples, usual=usual).over_blind.high == 0


def test_random_maps_hit_by_chance(regions: np.ndarray) -> None:
    rng = generator(5)
    many = np.repeat(regions[:3], 400, axis=0)
    found = pointing(
        rng.random(many.shape), many, resample_patients(np.arange(1200), draws=200, rng=rng)
    )

    assert found.hits.value == pytest.approx(0.25, abs=0.04)
    assert found.over_chance == pytest.approx(1.0, abs=0.16)


def test_without_a_region_nothing_is_defined(resamples: PatientResamples) -> None:
    found = pointing(np.zeros((4, 8, 8)), np.zeros((4, 8, 8), dtype=bool), resamples)

    assert found.hits.value is None
    assert found.over_chance is None


def test_regions_of_another_size_are_refused(
    regions: np.ndarray, resamples: PatientResamples
) -> None:
    with pytest.raises(Mismatch, match=r"films of \(4, 4, 4\)"):
        pointing(np.zeros((4, 8, 8)), regions, resamples, usual=np.ones((4, 4, 4)))

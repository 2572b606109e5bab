"""Films differ by site and exposure, and always reach from black to white."""

import numpy as np
import pytest

from carina.phantoms.film import SITES, Site, developed, exposure

FLAT = np.full((128, 128), 0.5, dtype=np.float32)


@pytest.mark.parametrize("site", SITES, ids=[site.name for site in SITES])
def test_every_film_has_black_and_white_in_it(site: Site) -> None:
    rng = np.random.default_rng(0)
    for _ in range(10):
        film = developed(FLAT, rng, site, exposure(rng, "PA"))
        assert (film.min(), film.max()) == (0, 1)
        assert film.dtype == np.float32


def test_denser_is_brighter_at_every_site() -> None:
    for site in SITES:
        light = exposure(np.random.default_rng(1), "AP")
        bright, dark = (
            developed(FLAT + add, np.random.default_rng(2), site, light) for add in (0.1, -0.1)
        )
        middle = np.s_[40:90, 40:90]
        assert bright[middle].mean() > dark[middle].mean() + 0.05


def test_more_dose_makes_less_noise() -> None:
    rng = np.random.default_rng(3)
    lights = sorted((exposure(rng, "PA") for _ in range(40)), key=lambda light: light.dose)
    grain = [
        np.diff(developed(FLAT, np.random.default_rng(4), SITES[0], light)[40:90, 40:90]).std()
        for light in (lights[0], lights[-1])
    ]

    assert grain[0] > 1.2 * grain[1]


def test_the_attenuation_handed_in_is_left_as_it_was() -> None:
    before = FLAT.copy()
    developed(FLAT, np.random.default_rng(0), SITES[0], exposure(np.random.default_rng(0), "PA"))

    assert np.array_equal(FLAT, before)

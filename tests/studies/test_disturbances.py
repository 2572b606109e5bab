"""Films as other detectors, settings and archives would have left them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from carina.core import InvalidValue
from carina.studies import LEVELS, Disturbance, disturbed


def film(rows: int = 96, cols: int = 128, seed: int = 0) -> np.ndarray:
    """Smooth, with edges, from 0 to 1."""
    rng = np.random.default_rng(seed)
    smooth = gaussian_filter(rng.normal(size=(rows, cols)), 3)
    smooth[rows // 3 : rows // 2, cols // 3 : cols // 2] += 0.2
    low, high = smooth.min(), smooth.max()
    scaled: np.ndarray = ((smooth - low) / (high - low)).astype(np.float32)
    return scaled


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(
    what=st.sampled_from(Disturbance),
    level=st.integers(1, 3),
    rows=st.integers(1, 40),
    cols=st.integers(1, 40),
)
def test_any_film_stays_a_film_of_its_size(
    what: Disturbance, level: int, rows: int, cols: int
) -> None:
    before = film(48, 48)[:rows, :cols]
    after = disturbed(before, what, level, rng=rng())

    assert after.shape == before.shape
    assert after.dtype == np.float32
    assert 0 <= after.min() <= after.max() <= 1


@pytest.mark.parametrize("what", [one for one in Disturbance if one is not Disturbance.INVERSION])
def test_each_step_takes_a_film_farther_from_itself(what: Disturbance) -> None:
    before = film()
    far = [np.abs(disturbed(before, what, k, rng=rng()) - before).mean() for k in (1, 2, 3)]

    assert 0 < far[0] < far[1] < far[2]


def test_inversion_turns_round_its_share_of_films() -> None:
    draws, before = rng(), film(8, 8)
    for level, share in enumerate(LEVELS[Disturbance.INVERSION], start=1):
        after = [disturbed(before, Disturbance.INVERSION, level, rng=draws) for _ in range(500)]
        turned = [np.allclose(one, 1 - before) for one in after]

        assert np.mean(turned) == pytest.approx(share, abs=0.06)
        assert all(t or np.array_equal(one, before) for t, one in zip(turned, after, strict=True))


def test_exposure_is_a_power_and_blur_a_gaussian() -> None:
    before = film(64, 512)

    np.testing.assert_allclose(
        disturbed(before, Disturbance.EXPOSURE, 2, rng=rng()), before**2.25, rtol=1e-6
    )
    np.testing.assert_allclose(
        disturbed(before, Disturbance.BLUR, 2, rng=rng()), gaussian_filter(before, 2.0), atol=1e-6
    )


def test_noise_is_as_strong_on_a_large_film_as_on_a_small_one() -> None:
    """Away from black and white, in grains of two pixels where the film is 1,024 wide."""
    small, large = (np.full((n, n), 0.5, dtype=np.float32) for n in (512, 1024))
    noise = [disturbed(one, Disturbance.NOISE, 2, rng=rng()) - 0.5 for one in (small, large)]

    assert noise[0].std() == pytest.approx(0.06, rel=0.02)
    np.testing.assert_array_equal(noise[1][::2, ::2], noise[1][1::2, 1::2])
    np.testing.assert_array_equal(noise[1][::2, ::2], noise[0])


def test_a_fourth_level_is_refused() -> None:
    with pytest.raises(InvalidValue, match="levels 1, 2 and 3; got 4"):
        disturbed(film(), Disturbance.JPEG, 4, rng=rng())

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from carina.core import InvalidValue, generator
from carina.encoders import Preprocess, prepare, preprocess

SPEC = Preprocess(size=16, channels=1)
SIDES = st.integers(1, 70)


@settings(max_examples=25, deadline=None)
@given(
    rows=SIDES,
    cols=SIDES,
    fit=st.sampled_from(["squash", "crop"]),
    interpolation=st.sampled_from(["bilinear", "bicubic"]),
    grey=st.floats(0, 1, width=32),
)
def test_an_even_image_stays_even(
    rows: int, cols: int, fit: str, interpolation: str, grey: float
) -> None:
    spec = replace(SPEC, fit=fit, interpolation=interpolation)
    image = np.full((rows, cols), grey, dtype=np.float32)

    found = prepare(image, spec)

    assert found.shape == (1, 16, 16)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, grey, atol=2e-6)


@settings(max_examples=40, deadline=None)
@given(
    rows=SIDES,
    cols=SIDES,
    size=st.tuples(SIDES, SIDES),
    filter_=st.sampled_from([Image.Resampling.BILINEAR, Image.Resampling.BICUBIC]),
)
def test_resizing_is_pillows_to_rounding(
    rows: int, cols: int, size: tuple[int, int], filter_: Image.Resampling
) -> None:
    image = generator(rows * cols, "preprocess").random((rows, cols), dtype=np.float32)

    found = preprocess._resized(image, size, filter_)
    whole = Image.fromarray(image)

    np.testing.assert_allclose(
        np.asarray(found), np.asarray(whole.resize(size, filter_)), atol=2e-6
    )


@settings(max_examples=15, deadline=None)
@given(rows=SIDES, cols=SIDES, seed=st.integers(0, 99))
def test_it_is_symmetric_left_to_right(rows: int, cols: int, seed: int) -> None:
    image = generator(seed, "preprocess").random((rows, cols))

    mirrored = prepare(image[:, ::-1].copy(), SPEC)

    np.testing.assert_allclose(mirrored, prepare(image, SPEC)[..., ::-1], atol=1e-5)


def test_shrinking_by_a_whole_factor_takes_every_pixel_into_account() -> None:
    """A lone bright pixel that plain sampling would miss leaves its weight: antialiasing."""
    image = np.zeros((160, 160))
    image[83, 81] = 1.0

    assert prepare(image, SPEC).sum() == pytest.approx(1 / 100, rel=0.02)


def test_stretching_forgets_brightness_and_contrast_alone() -> None:
    image = generator(0, "preprocess").random((40, 30))
    spec = replace(SPEC, size=30, fit="crop", stretch=True)
    whole = prepare((image - image.min()) / np.ptp(image), replace(spec, stretch=False))

    np.testing.assert_allclose(prepare(image, spec), whole, atol=1e-6)
    np.testing.assert_allclose(prepare(0.2 + 0.3 * image, spec), whole, atol=1e-6)
    np.testing.assert_allclose(prepare(np.full((4, 4), 0.3), spec), 0.3, atol=1e-6)


def test_padding_is_black_and_keeps_the_proportions() -> None:
    found = prepare(np.ones((30, 60)), replace(SPEC, fit="pad"))[0]

    assert np.all(found[4:12] == 1.0)
    assert np.all(found[:4] == 0.0)
    assert np.all(found[12:] == 0.0)


def test_cropping_keeps_the_middle() -> None:
    image = np.zeros((20, 60))
    image[:, 20:40] = 1.0

    found = prepare(image, replace(SPEC, fit="crop"))[0]

    assert np.all(found[:, 2:-2] > 0.99)


def test_cropping_after_a_larger_resize_keeps_less() -> None:
    ramp = np.tile(np.linspace(0, 1, 64), (64, 1))
    spec = replace(SPEC, fit="crop", resize=32)

    found = prepare(ramp, spec)[0]

    assert found[0, 0] == pytest.approx(0.26, abs=0.02)
    assert found[0, -1] == pytest.approx(0.74, abs=0.02)


def test_scale_mean_and_deviation_apply_per_channel() -> None:
    spec = Preprocess(
        size=4, channels=3, scale=255.0, mean=(0.0, 127.0, 255.0), deviation=(1.0, 128.0, 255.0)
    )

    found = prepare(np.ones((4, 4)), spec)

    np.testing.assert_allclose(found[:, 0, 0], [255.0, 1.0, 0.0])


def test_bicubic_overshoot_stays_in_range() -> None:
    image = np.zeros((8, 8))
    image[:, 4:] = 1.0

    found = prepare(image, replace(SPEC, interpolation="bicubic"))

    assert found.min() >= 0.0
    assert found.max() <= 1.0


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (np.zeros((0, 5)), "has pixels"),
        (np.full((4, 4), 255.0), r"in \[0, 1\]; got 255"),
        (np.full((4, 4), -0.5), r"in \[0, 1\]"),
        (np.array([[0.0, np.nan]]), "nan"),
    ],
)
def test_what_is_no_grey_image_is_refused(image: np.ndarray, said: str) -> None:
    with pytest.raises(InvalidValue, match=said):
        prepare(image, SPEC)

"""Copies of a film are one picture with it; other films are not."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from carina.phantoms import draw
from carina.studies.likeness import LIKENESS, alike, thumbnail


@cache
def film(patient: int) -> np.ndarray:
    pixels: np.ndarray = np.asarray(draw(3, patient, size=160).pixels, dtype=np.float32)
    return pixels


def smalls(*films: np.ndarray) -> np.ndarray:
    return np.stack([thumbnail(one) for one in films])


def pairs(thumbnails: np.ndarray) -> set[tuple[int, int]]:
    found = alike(thumbnails)
    return set(zip(found.first.tolist(), found.second.tolist(), strict=True))


def resized(pixels: np.ndarray, rows: int, cols: int) -> np.ndarray:
    image = Image.fromarray(pixels).resize((cols, rows), Image.Resampling.BICUBIC)
    clipped: np.ndarray = np.clip(np.asarray(image), 0, 1)
    return clipped


@pytest.mark.parametrize(
    "copy",
    [
        pytest.param(lambda p: resized(p, 90, 90), id="smaller"),
        pytest.param(lambda p: resized(p, 300, 240), id="of another shape"),
        pytest.param(lambda p: p * 0.5 + 0.2, id="of less contrast"),
        pytest.param(lambda p: np.clip(p + 0.1, 0, 1), id="brighter and clipped"),
        pytest.param(lambda p: np.round(p * 15) / 15, id="of sixteen greys"),
    ],
)
def test_copies_meet_their_films_and_films_of_other_people_do_not(copy: object) -> None:
    films = [film(patient) for patient in range(8)]
    copies = [copy(one) for one in films]  # type: ignore[operator]

    assert pairs(smalls(*films, *copies)) == {(place, place + 8) for place in range(8)}


def test_a_picture_is_wholly_like_itself_and_identical_ones_are_chained() -> None:
    found = alike(smalls(film(0), film(1), film(0), film(0)))

    assert found.first.tolist() == [0, 2]
    assert found.second.tolist() == [2, 3]
    assert found.correlation.tolist() == [1, 1]


def test_a_thousand_copies_give_as_many_pairs_and_no_more() -> None:
    many = np.repeat(smalls(film(0)), 1000, axis=0)

    assert len(alike(many).first) == 999


def test_pictures_without_structure_are_like_nothing() -> None:
    flat, half = np.zeros((70, 70), np.float32), np.full((90, 80), 0.5, np.float32)

    assert pairs(smalls(flat, half, flat)) == set()
    assert pairs(np.empty((0, 64, 64), dtype=np.uint8)) == set()


def test_pairs_found_by_hashing_are_those_of_comparing_all_with_all() -> None:
    rng = np.random.default_rng(0)
    base = [film(patient) for patient in range(6)]
    films = [one + rng.normal(0, noise, one.shape) for one in base for noise in (0, 0.05, 0.1, 0.2)]
    small = smalls(*[np.clip(one, 0, 1) for one in films])
    found = alike(small)
    wide = np.pad(small.astype(float), [(0, 0), (4, 4), (4, 4)], mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(wide, (9, 9), axis=(1, 2))
    sharp = (small - windows.mean(axis=(3, 4))).reshape(len(small), -1)
    every = np.corrcoef(sharp)
    wanted = {(i, j) for i, j in np.argwhere(every >= LIKENESS).tolist() if i < j}

    assert len(wanted) >= 6
    assert pairs(small) == wanted
    np.testing.assert_allclose(
        found.correlation, every[found.first, found.second], rtol=0, atol=1e-5
    )


@given(rows=st.integers(1, 200), cols=st.integers(1, 200), seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_a_thumbnail_of_any_picture_spans_its_scale_and_forgets_it(
    rows: int, cols: int, seed: int
) -> None:
    pixels = np.random.default_rng(seed).random((rows, cols)).astype(np.float32)
    small = thumbnail(pixels)

    assert small.shape == (64, 64)
    if pixels.size > 1:
        assert (small.min(), small.max()) == (0, 255)
    other = thumbnail(pixels * np.float32(0.25) + np.float32(0.5)).astype(int)
    assert np.abs(other - small).max() <= 1


def test_a_thumbnail_holds_means() -> None:
    pixels = np.random.default_rng(0).random((128, 192)).astype(np.float32)
    means = pixels.reshape(64, 2, 64, 3).mean(axis=(1, 3), dtype=np.float64)
    wanted = np.round((means - means.min()) / np.ptp(means) * 255)

    np.testing.assert_array_equal(thumbnail(pixels), wanted)

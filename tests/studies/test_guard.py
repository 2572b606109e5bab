"""The input guard: drawn chests pass, and what is wrong with a picture is told."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from carina.phantoms import draw
from carina.studies import Flag, Form, Picture, Problem, inspect
from carina.studies.guard import within

PEOPLE = range(1000, 1040)


def picture(pixels: np.ndarray, **told: object) -> Picture:
    return Picture(
        pixels=np.ascontiguousarray(np.clip(pixels, 0, 1), dtype=np.float32),
        form=Form.DICOM,
        photometric="MONOCHROME2",
        bits=12,
        **told,  # type: ignore[arg-type]
    )


@pytest.fixture(scope="module")
def chests() -> list[np.ndarray]:
    return [np.asarray(draw(4, person, size=128).pixels) for person in PEOPLE]


def told(pixels: np.ndarray) -> tuple[Problem, ...]:
    return inspect(picture(pixels)).problems


def test_drawn_chests_are_in_scope(chests: list[np.ndarray]) -> None:
    assert sum(bool(told(chest)) for chest in chests) <= 1


@pytest.mark.parametrize("gain", [0.4, 0.9])
@pytest.mark.parametrize("power", [0.6, 1.7])
def test_exposure_does_not_count(chests: list[np.ndarray], gain: float, power: float) -> None:
    assert sum(bool(told(gain * chest**power)) for chest in chests[:10]) == 0


def test_margins_do_not_count(chests: list[np.ndarray]) -> None:
    framed = [np.pad(chest, ((0, 0), (25, 30))) for chest in chests[:10]]

    assert sum(bool(told(chest)) for chest in framed) == 0


def test_a_marker_in_a_margin_does_not_count(chests: list[np.ndarray]) -> None:
    marked = [np.pad(chest, ((25, 25), (30, 30))) for chest in chests[:10]]
    for film in marked:
        film[3:9, 4:12] = 1

    assert sum(bool(told(film)) for film in marked) == 0


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turned_chests_are_told(chests: list[np.ndarray], turns: int) -> None:
    found = [Problem.ROTATED in told(np.rot90(chest, turns)) for chest in chests]

    assert np.mean(found) >= 0.95


def test_inverted_chests_are_told(chests: list[np.ndarray]) -> None:
    assert np.mean([Problem.INVERTED in told(1 - chest) for chest in chests]) >= 0.95


@pytest.mark.parametrize("seed", range(5))
def test_noise_stripes_and_steps_are_no_chests(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows, cols = np.mgrid[0:120, 0:100]
    others = (
        random.random((120, 100)),
        0.5 + 0.5 * np.sin(rows * random.uniform(0.1, 1) + cols * random.uniform(0.1, 1)),
        (rows > random.integers(20, 100)).astype(float),
        np.full((60, 60), random.random()),
    )

    assert [told(other) for other in others] == [(Problem.NOT_A_CHEST,)] * len(others)


def test_what_the_file_says_counts(chests: list[np.ndarray]) -> None:
    lateral = inspect(picture(chests[0], view="LATERAL"))
    foreign = inspect(picture(chests[0], flags=(Flag.NO_RADIOGRAPH,)))

    assert lateral.problems == (Problem.LATERAL,)
    assert lateral.said == "probably a lateral view"
    assert foreign.problems == (Problem.NOT_A_CHEST,)
    assert not foreign.in_scope


def test_scores_are_shares_and_stand_beside_their_thresholds(chests: list[np.ndarray]) -> None:
    verdict = inspect(picture(chests[0]))

    assert verdict.in_scope
    assert set(verdict.scores) == set(verdict.thresholds) == set(Problem)
    assert all(0 <= score <= 1 for score in verdict.scores.values())


def test_a_picture_of_any_size_has_a_verdict() -> None:
    for shape in ((1, 1), (1, 50), (3, 2), (700, 20)):
        assert inspect(picture(np.random.default_rng(0).random(shape))).scores


@given(
    arrays(
        st.sampled_from([np.float32, np.float64]),
        array_shapes(min_dims=2, max_dims=2, max_side=70),
        elements=st.floats(0, 1, width=32),
    )
)
def test_the_ends_of_a_line_have_the_bits_of_percentiles(lines: np.ndarray) -> None:
    np.testing.assert_array_equal(within(lines), np.percentile(lines, (5, 95), axis=1))

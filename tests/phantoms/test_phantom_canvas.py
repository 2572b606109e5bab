"""The drawing board: places go both ways, fields have spread 1, profiles pass their knots."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carina.core import InvalidValue
from carina.phantoms.canvas import Pose, Profile, canvas, smooth_field, step

poses = st.builds(
    Pose,
    turn=st.floats(-0.2, 0.2),
    scale=st.floats(0.8, 1.2),
    right=st.floats(-0.1, 0.1),
    down=st.floats(-0.1, 0.1),
)


@settings(max_examples=25, deadline=None)
@given(pose=poses, row=st.integers(2, 61), column=st.integers(2, 61))
def test_a_point_is_drawn_where_the_film_has_its_coordinates(
    pose: Pose, row: int, column: int
) -> None:
    film = canvas(64, pose)
    x, y = film.x[row : row + 1, column], film.y[row : row + 1, column]

    drawn = film.drawn(x.astype(float), y.astype(float), np.ones(1))

    assert drawn[row, column] > 0.99 * drawn.sum() > 0


@settings(max_examples=25, deadline=None)
@given(pose=poses, x=st.floats(-0.3, 0.3), y=st.floats(0.3, 0.8))
def test_a_line_weighs_the_same_wherever_it_lies(pose: Pose, x: float, y: float) -> None:
    film = canvas(64, pose)

    weight = film.drawn(np.array([x]), np.array([y]), np.array([0.1])).sum()

    assert weight == pytest.approx(0.1 * 64 / 1.56 * pose.scale * 64 / 256, rel=1e-5)


def test_what_falls_beside_the_film_is_lost() -> None:
    drawn = canvas(64, Pose()).drawn(np.array([5.0, -5.0]), np.array([0.5, 9.0]), np.ones(2))

    assert not drawn.any()


def test_a_film_too_small_for_a_rib_is_refused() -> None:
    with pytest.raises(InvalidValue, match="at least 64 pixels a side; 63 were asked for"):
        canvas(63, Pose())


@pytest.mark.parametrize("knots", [3, 20, 64])
def test_smooth_fields_have_mean_0_and_spread_1(knots: int) -> None:
    rng = np.random.default_rng(0)
    fields = np.stack([smooth_field(rng, 128, knots) for _ in range(60)])

    assert abs(fields.mean()) < 0.15
    assert fields.std() == pytest.approx(1, abs=0.15)


def test_a_smooth_field_changes_slowly() -> None:
    coarse = smooth_field(np.random.default_rng(1), 128, 4)
    fine = smooth_field(np.random.default_rng(1), 128, 64)

    assert np.abs(np.diff(coarse, axis=0)).mean() * 4 < np.abs(np.diff(fine, axis=0)).mean()


def test_a_profile_passes_its_knots_and_is_flat_beyond() -> None:
    profile = Profile(at=[0.0, 1.0], values=[2.0, 4.0], smooth=0.01)

    found = profile(np.array([-0.9, 0.5, 2.0]))

    np.testing.assert_allclose(found, [2, 3, 4], atol=0.01)


def test_a_step_rises_from_0_to_1_about_the_edge() -> None:
    distance = np.linspace(-1, 1, 101, dtype=np.float32)[None]

    risen = step(distance, 0.2)[0]

    assert (np.diff(risen) >= 0).all()
    assert (risen[0], risen[50], risen[-1]) == (0, 0.5, 1)

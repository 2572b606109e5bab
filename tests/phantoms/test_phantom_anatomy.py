"""A chest: lungs beside a heart, inside a body, with proportions of ordinary films."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carina.phantoms.anatomy import Build, Thorax, lucency, soft_tissue, thorax, unevenness, vessels
from carina.phantoms.canvas import Pose, canvas

builds = st.builds(
    Build,
    width=st.floats(0.46, 0.61),
    heart=st.floats(0.38, 0.6),
    lean=st.floats(0.57, 0.71),
    lift=st.tuples(st.floats(-0.1, 0.1), st.floats(-0.1, 0.1)),
)


def laid_out(build: Build) -> Thorax:
    return thorax(canvas(128, Pose()), build)


@settings(max_examples=20, deadline=None)
@given(build=builds)
def test_lungs_lie_in_the_body_and_beside_the_heart(build: Build) -> None:
    chest = laid_out(build)

    assert not (chest.lungs & ~chest.body).any()
    assert not (chest.heart & ~chest.body).any()
    assert (chest.lungs & chest.heart).sum() < 0.02 * chest.lungs.sum()
    assert 0.1 < chest.lungs.mean() < 0.5


@settings(max_examples=20, deadline=None)
@given(build=builds)
def test_the_heart_is_as_wide_as_the_build_says(build: Build) -> None:
    chest = laid_out(build)
    columns = np.flatnonzero((chest.heart & (chest.floor > 0)).any(axis=0))
    width = (columns[-1] - columns[0] + 1) * 1.56 / 128

    assert width / (2 * build.width) == pytest.approx(build.heart, abs=0.04)


@settings(max_examples=20, deadline=None)
@given(build=builds)
def test_most_of_the_heart_lies_to_the_left_of_the_patient(build: Build) -> None:
    heart = laid_out(build).heart

    assert heart[:, 64:].sum() > heart[:, :64].sum()


def test_the_right_lung_is_on_the_left_of_the_film() -> None:
    chest = laid_out(Build())

    assert np.flatnonzero(chest.lung(-1).any(axis=0)).max() < 64
    assert np.flatnonzero(chest.lung(1).any(axis=0)).min() >= 64
    assert np.array_equal(chest.lung(-1) | chest.lung(1), chest.lungs)


def test_the_right_dome_of_the_diaphragm_stands_higher() -> None:
    chest = laid_out(Build())

    assert chest.angle(-1) < chest.angle(1)


def test_air_takes_attenuation_away_and_what_fills_it_gives_it_back() -> None:
    chest = laid_out(Build())
    nothing = np.zeros_like(chest.air)

    assert lucency(chest, nothing)[chest.lungs].max() < 0
    assert lucency(chest, nothing + 1).max() == 0
    assert lucency(chest, nothing).min() == pytest.approx(
        2 * lucency(chest, nothing + 0.5).min(), rel=1e-5
    )


def test_the_middle_of_the_chest_is_denser_than_the_lungs() -> None:
    chest = laid_out(Build())
    film = soft_tissue(np.random.default_rng(0), chest) + lucency(chest, np.zeros_like(chest.air))

    assert film[chest.heart].mean() > film[chest.lungs].mean() + 0.2
    assert film[~chest.body].mean() < film[chest.lungs].mean()


def test_vessels_thin_out_from_the_hilum_to_the_wall() -> None:
    chest = laid_out(Build())
    tree = vessels(np.random.default_rng(0), chest)

    central = chest.lungs & (chest.across < 0.25)
    rim = chest.lungs & (chest.edge < 0.08)
    assert tree[central].mean() > 1.5 * tree[rim].mean() > 0


def test_no_chest_is_unevenly_aerated_beyond_bounds() -> None:
    share = unevenness(np.random.default_rng(0), laid_out(Build()))

    assert share.min() >= 0
    assert 0 < share.max() <= np.float32(0.4)

"""Each finding lies where its signs belong, is never empty, and is told as it was drawn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carina.core import InvalidValue
from carina.phantoms import FINDINGS, Place
from carina.phantoms.anatomy import Build, Thorax, thorax
from carina.phantoms.canvas import Pose, canvas
from carina.phantoms.findings import LARGE_HEART, Lesion, lesion


def chest(heart: float = 0.44) -> Thorax:
    return thorax(canvas(128, Pose()), Build(heart=heart))


def drawn(finding: str, seed: int) -> tuple[Lesion, Thorax]:
    on = chest(LARGE_HEART if finding == "Cardiomegaly" else 0.44)
    return lesion(finding, np.random.default_rng(seed), on), on


@settings(max_examples=40, deadline=None)
@given(finding=st.sampled_from(FINDINGS), seed=st.integers(0, 10_000))
def test_a_lesion_lies_in_the_body_and_on_the_side_it_is_told(finding: str, seed: int) -> None:
    one, on = drawn(finding, seed)

    assert one.mask.any()
    assert not (one.mask & ~on.body).any()
    assert ((one.filled >= 0) & (one.filled <= 1)).all()
    sides = {int(side) for side in np.unique(on.side[one.mask])}
    if one.place.side in ("right", "left"):
        assert sides == {-1 if one.place.side == "right" else 1}
    else:
        assert sides == {-1, 1}


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_fluid_lies_at_the_bottom_and_rises_at_the_wall(seed: int) -> None:
    fluid, on = drawn("Pleural Effusion", seed)
    rows, _ = np.nonzero(fluid.mask)
    lungs = np.nonzero(on.lungs)[0]
    tops = [np.flatnonzero(column).min() for column in fluid.mask.T if column.any()]

    assert np.median(rows) > np.quantile(lungs, 0.75)
    assert min(tops[0], tops[-1]) < max(tops)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_no_vessel_is_seen_in_a_pneumothorax(seed: int) -> None:
    air, on = drawn("Pneumothorax", seed)

    assert air.seen[air.mask].max() <= 0.5
    assert on.edge[air.mask].mean() < on.edge[on.lungs].mean()


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_consolidation_replaces_air_and_hides_vessels(seed: int) -> None:
    patch, _ = drawn("Consolidation", seed)

    assert patch.filled[patch.mask].min() > 0.2
    np.testing.assert_allclose(patch.seen, 1 - patch.filled, atol=1e-6)


def test_cardiomegaly_is_the_heart_itself_and_adds_nothing() -> None:
    large, on = drawn("Cardiomegaly", 0)

    assert np.array_equal(large.mask, on.heart)
    assert not large.added.any()
    assert not large.filled.any()


def test_edema_lies_about_both_hila() -> None:
    edema, on = drawn("Edema", 0)

    assert on.across[edema.mask].mean() < on.across[on.lungs].mean()
    assert edema.added.max() > 0.03


def test_a_lesion_without_a_place_on_the_film_is_none() -> None:
    one, on = drawn("Atelectasis", 0)

    with pytest.raises(InvalidValue, match="mask is empty"):
        Lesion(
            mask=np.zeros_like(on.lungs),
            filled=one.filled,
            added=one.added,
            seen=one.seen,
            place=one.place,
        )


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ({"side": "west"}, "side is right, left, bilateral or blank; got 'west'"),
        ({"zone": "apex"}, "zone is upper, middle, lower or blank; got 'apex'"),
        ({"size": "huge"}, "size is small, moderate or large; got 'huge'"),
    ],
)
def test_words_no_report_has_are_refused(words: dict[str, str], fault: str) -> None:
    with pytest.raises(InvalidValue, match=fault):
        Place(**words)

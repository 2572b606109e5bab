"""Retrieval: ranks by hand, ties at their chance, and intervals by patient."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carina.core import InvalidValue
from carina.evaluation import Retrieval, judge_retrieval, likeness_of_findings


def found(
    similar: np.ndarray, belongs: np.ndarray, patients: np.ndarray | None = None
) -> Retrieval:
    texts, images = similar.shape
    return judge_retrieval(
        similar.astype(np.float64),
        belongs,
        text_patients=np.arange(texts) if patients is None else patients,
        image_patients=np.arange(images),
        draws=200,
        rng=np.random.default_rng(0),
    )


def test_ranks_are_those_counted_by_hand() -> None:
    similar = np.array([[0.9, 0.5, 0.1], [0.8, 0.3, 0.2], [0.1, 0.2, 0.3]])
    one_way = found(similar, np.eye(3, dtype=bool)).text_to_image  # ranks 1, 2, 1

    assert one_way.recall["1"].value == pytest.approx(2 / 3)
    assert one_way.recall["5"].value == 1
    assert one_way.median_rank.value == 1
    assert one_way.searched == 3
    other_way = found(similar.T, np.eye(3, dtype=bool)).image_to_text
    assert other_way.recall["1"].value == pytest.approx(2 / 3)


def test_a_report_of_several_films_finds_any_of_them() -> None:
    belongs = np.array([[True, True, False], [False, False, True]])
    similar = np.array([[0.1, 0.9, 0.5], [0.9, 0.8, 0.7]])
    ways = found(similar, belongs)

    assert ways.text_to_image.recall["1"].value == pytest.approx(1 / 2)
    assert ways.image_to_text.recall["1"].value == pytest.approx(2 / 3)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 99), levels=st.integers(1, 4), images=st.integers(11, 15))
def test_ties_are_worth_what_a_random_order_gives(seed: int, levels: int, images: int) -> None:
    rng = np.random.default_rng(seed)
    similar = rng.integers(levels, size=(4, images))
    belongs = rng.random((4, images)) < 0.3
    belongs[:, 0] |= ~belongs.any(axis=1)
    belongs[0] |= ~belongs.any(axis=0)
    ways = found(similar, belongs).text_to_image
    orders = similar + rng.random((4000, 4, images)) / 2
    first = np.where(belongs, orders, -1).max(axis=2, keepdims=True)
    ranks = 1 + (orders > first).sum(axis=2)

    for depth in (1, 5, 10):
        assert ways.recall[str(depth)].value == pytest.approx((ranks <= depth).mean(), abs=0.03)


def test_saying_the_same_of_all_is_chance() -> None:
    belongs = np.eye(40, dtype=bool)
    ways = found(np.zeros((40, 40)), belongs)

    for depth in ("1", "5", "10"):
        assert ways.text_to_image.recall[depth].value == pytest.approx(int(depth) / 40)
        assert ways.text_to_image.chance[depth] == pytest.approx(int(depth) / 40)
    assert ways.text_to_image.median_rank.value == ways.text_to_image.chance_rank == 20.5


def test_askers_of_one_patient_are_drawn_together() -> None:
    """The same hits are less certain where they come from fewer patients."""
    similar = np.eye(40)
    similar[:20] = 0
    many = found(similar, np.eye(40, dtype=bool)).text_to_image.recall["1"]
    few = found(similar, np.eye(40, dtype=bool), np.repeat(np.arange(4), 10))
    wide = few.text_to_image.recall["1"]

    assert many.low is not None
    assert many.high is not None
    assert wide.low is not None
    assert wide.high is not None
    assert (wide.patients, many.patients) == (4, 40)
    assert wide.high - wide.low > 1.5 * (many.high - many.low)


def test_one_patient_alone_has_no_interval() -> None:
    one = found(np.eye(3), np.eye(3, dtype=bool), np.zeros(3, dtype=np.int64)).text_to_image

    assert one.recall["1"].value == 1
    assert one.recall["1"].low is None


def test_an_oracle_of_findings_likes_most_what_has_the_same() -> None:
    texts = np.array([[True, False, False], [True, True, False]])
    images = np.array([[True, False, False], [False, False, True]])

    assert likeness_of_findings(texts, images).tolist() == [[0, -2], [-1, -3]]


def test_what_nothing_belongs_to_and_what_is_no_number_is_refused() -> None:
    with pytest.raises(InvalidValue, match="one has none"):
        found(np.eye(2), np.array([[True, True], [False, False]]))
    with pytest.raises(InvalidValue, match="got NaN"):
        found(np.full((2, 2), np.nan), np.eye(2, dtype=bool))

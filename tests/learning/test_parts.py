import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from carina.learning.strategies.parts import homes, joined


@given(folds=st.integers(1, 12), parts=st.integers(1, 12))
def test_folds_are_joined_into_as_many_neighbourly_parts_as_asked(folds: int, parts: int) -> None:
    home = homes(folds, parts)

    assert len(set(home)) == min(folds, parts)
    assert list(home) == sorted(home)
    assert all(home[place] == place for place in home)


@given(folds=st.integers(1, 12), fine=st.integers(1, 12), coarse=st.integers(1, 12))
def test_joining_further_is_joining_at_once(folds: int, fine: int, coarse: int) -> None:
    counts = torch.arange(2 * folds).reshape(folds, 2)
    least = min(fine, coarse)

    assert torch.equal(joined(joined(counts, fine), coarse), joined(counts, least))
    assert torch.equal(joined(counts, least).sum(0), counts.sum(0))


@pytest.mark.parametrize(
    ("parts", "home"),
    [
        (5, (0, 1, 2, 3, 4)),
        (4, (0, 1, 2, 3, 3)),
        (3, (0, 1, 1, 3, 3)),
        (2, (0, 0, 0, 3, 3)),
        (1, (0, 0, 0, 0, 0)),
    ],
)
def test_the_parts_of_five_folds(parts: int, home: tuple[int, ...]) -> None:
    assert homes(5, parts) == home

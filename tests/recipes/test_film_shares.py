"""Shares of labelled films."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carina.core import InvalidValue, generator
from carina.recipes.film_shares import nested_films


@given(patients=st.lists(st.integers(0, 9), min_size=1, max_size=60), seed=st.integers(0, 99))
def test_the_smaller_is_in_the_larger_and_one_patient_at_most_is_cut(
    patients: list[int], seed: int
) -> None:
    of = np.array(patients)
    shares = nested_films(of, (0.01, 0.1, 0.5, 1.0), generator(seed))
    films = [set(shares[share].tolist()) for share in (0.01, 0.1, 0.5, 1.0)]

    assert films[0] <= films[1] <= films[2] <= films[3] == set(range(len(of)))
    assert [len(one) for one in films] == [
        max(1, round(share * len(of))) for share in (0.01, 0.1, 0.5, 1.0)
    ]
    for one in films:
        inside = of[sorted(one)]
        cut = [who for who in set(patients) if 0 < (inside == who).sum() < (of == who).sum()]
        assert len(cut) <= 1


def test_draws_differ() -> None:
    of = np.arange(200)
    one, other = (nested_films(of, (0.1,), generator(seed))[0.1] for seed in (1, 2))

    assert one.tolist() != other.tolist()


def test_a_share_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidValue, match="one film or more"):
        nested_films(np.array([], dtype=np.int64), (1.0,), generator(1))

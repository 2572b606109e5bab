import gc
import weakref

import numpy as np
import pytest
import torch
from torch import Tensor

from carina.core import ConfigError
from carina.learning.strategies import scatter
from carina.learning.strategies.scatter import Reduced, reduced
from carina.learning.strategies.summing import sums_of, unit
from carina.learning.strategies.sums import Moment
from carina.testing import drawn_view


def moment(rows: int = 60, seed: int = 0) -> Moment:
    view = drawn_view(("effusion",), rows=rows, seed=seed)
    return next(iter(sums_of(view, folds=5, salt="test").moments.values()))


def drawn_rows(rows: int = 60) -> Tensor:
    return unit(drawn_view(("effusion",), rows=rows).features.double())


def vectors(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("rows", [10, 60])  # fewer and more than they are wide
def test_systems_are_solved_as_numpy_solves_them(rows: int) -> None:
    spread = np.cov(drawn_rows(rows).numpy().T, bias=True) * rows
    right, scale, penalties = vectors(3, 2, 12), torch.tensor([0.0, 0.1, 2.0]).double(), (0.01, 3.0)
    found = reduced(moment(rows), dim=12, parts=5).whole.solved(right, scale, penalties)

    for label, factor in enumerate(scale.tolist()):
        for place, penalty in enumerate(penalties):
            wanted = np.linalg.solve(factor * spread + penalty * np.eye(12), right[label].T.numpy())
            np.testing.assert_allclose(found[label, place].T.numpy(), wanted, rtol=1e-9, atol=1e-9)


def test_squares_are_those_of_scores_about_their_mean() -> None:
    weight, rows = vectors(4, 12), drawn_rows()
    scores = rows @ weight.T
    ready = reduced(moment(), dim=12, parts=5)
    wanted = (scores - scores.mean(dim=0)).square().sum(dim=0)
    parts = sum(
        (part.squares(weight) + (weight @ part.total).square() / part.rows for part in ready.parts),
        start=torch.zeros(4).double(),
    )

    torch.testing.assert_close(ready.whole.squares(weight), wanted)
    torch.testing.assert_close(parts, scores.square().sum(dim=0))


def test_every_part_is_held_out_from_all_others() -> None:
    ready = reduced(moment(), dim=12, parts=5)
    total = sum(part.rows for part in ready.parts)

    assert total == 60
    assert [one.rows for one in ready.without] == [total - part.rows for part in ready.parts]


def same(one: Reduced, other: Reduced) -> bool:
    pairs = zip((*one.without, one.whole), (*other.without, other.whole), strict=True)
    return all(np.array_equal(left.reflections, right.reflections) for left, right in pairs)


def test_what_was_made_last_is_remembered_and_made_anew_it_is_the_same_bits() -> None:
    first = moment()
    made = reduced(first, dim=12, parts=5)

    assert reduced(first, dim=12, parts=5) is made
    assert len(reduced(first, dim=12, parts=2).parts) == 2
    again = reduced(Moment(half=first.half.clone(), parts=5), dim=12, parts=5)
    assert again is not made
    assert same(again, made)


def test_nothing_is_remembered_longer_than_its_moment_lives() -> None:
    first = moment()
    made = weakref.ref(reduced(first, dim=12, parts=5).whole.diagonal)
    del first
    gc.collect()

    assert made() is None
    assert scatter._LAST._held is None


def test_a_penalty_that_is_lost_in_rounding_is_refused() -> None:
    with pytest.raises(ConfigError, match="1e-300 is too small"):
        reduced(moment(rows=4), dim=12, parts=5).whole.solved(
            vectors(1, 1, 12), torch.ones(1).double(), (1e-300,)
        )

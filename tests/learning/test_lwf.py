from dataclasses import replace

import pytest
import torch

from carina.core import ConfigError
from carina.learning import LwF
from carina.testing import drawn_view
from tests.learning.tuned import BASE, one_by_one, said, taught, weights


def test_with_no_weight_it_is_plain_fine_tuning() -> None:
    views = one_by_one()

    torch.testing.assert_close(
        weights(taught(LwF(base=BASE, weight=0.0), *views)), weights(taught(BASE, *views))
    )


def test_where_every_finding_met_is_shown_there_is_nothing_to_distil() -> None:
    views = [drawn_view(seed=0), drawn_view(seed=1)]

    torch.testing.assert_close(
        weights(taught(LwF(base=BASE, weight=5.0), *views)), weights(taught(BASE, *views))
    )


def test_findings_no_longer_shown_move_less_than_in_plain_fine_tuning() -> None:
    views = one_by_one()
    moved = []
    for strategy in (BASE, LwF(base=BASE)):
        before, after = (taught(strategy, *views[:count]) for count in (1, 3))
        moved.append(float((said(after, views[0]) - said(before, views[0])).abs().mean()))

    plain, held = moved
    assert held < plain / 2


def test_hidden_cells_of_a_shown_finding_are_held_too() -> None:
    view = drawn_view(rows=120)
    first = taught(LwF(base=BASE), view)
    only_one = torch.zeros_like(view.known)
    only_one[:, 0] = True
    gaps = replace(view, known=only_one, target=torch.zeros_like(view.target))
    moved = [
        float((said(taught(strategy, view, gaps), view) - said(first, view))[:, 1:].abs().mean())
        for strategy in (BASE, LwF(base=BASE))
    ]

    assert moved[1] < moved[0] / 2


def test_a_weight_below_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="got -1"):
        LwF(weight=-1.0)

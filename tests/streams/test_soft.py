"""Soft cells reach a view as shares, and nothing of a cell that is not shown does."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from carina.core import InvalidValue
from carina.streams import AllAtOnce, ByClass, Experience, Ground, Labelled, lay_out, view

Draw = Callable[[int], tuple[Labelled, Ground]]


def softened(labelled: Labelled, share: float = 0.7) -> Labelled:
    """Every cell that is not known becomes soft."""
    soft = np.where(labelled.known, np.float32(np.nan), np.float32(share))
    return replace(labelled, soft=soft)


def ground(labelled: Labelled, like: Ground) -> Ground:
    return labelled.ground(rows=like.rows, validation=like.validation, digest=like.digest)


def test_a_view_shows_the_shares_of_its_own_rows_and_findings(drawn: Draw) -> None:
    labelled, plain = drawn(1)
    soft = softened(labelled)
    for experience in lay_out(ByClass(), ground(soft, plain)).experiences:
        seen = view(experience, soft)
        known = torch.from_numpy(labelled.known)[experience.rows][
            :, labelled.space.indices(experience.visible)
        ]

        assert seen.learnable.all()
        assert torch.equal(seen.known, known)
        assert torch.equal(seen.share[~known], torch.full((int((~known).sum()),), 0.7))
        assert torch.equal(seen.share[known], seen.target[known].float())


def test_a_hidden_cell_is_not_soft_either(drawn: Draw) -> None:
    labelled = softened(drawn(1)[0])
    rows, names = np.arange(6), labelled.space.names
    cells = np.zeros((6, len(names)), dtype=bool)
    cells[:3] = True
    shown = Experience(
        name="half", rows=rows, visible=names, cells=cells, validation=np.array([], dtype=np.int64)
    )
    seen = view(shown, labelled)

    assert not seen.learnable[3:].any()
    assert seen.learnable[:3].all()


def test_a_view_without_soft_cells_has_none(drawn: Draw) -> None:
    labelled, plain = drawn(2)
    seen = view(lay_out(AllAtOnce(), plain).experiences[0], labelled)

    assert seen.soft is None
    assert torch.equal(seen.learnable, seen.known)
    assert torch.equal(seen.share, seen.target.float())


def test_streams_of_another_reading_of_the_labels_never_share_a_table(drawn: Draw) -> None:
    labelled, plain = drawn(3)
    ids = {
        lay_out(ByClass(), one).plan_id
        for one in (plain, *(ground(softened(labelled, s), plain) for s in (0.3, 0.7)))
    }

    assert len(ids) == 3


@pytest.mark.parametrize("share", [0.0, 1.0, -0.5, 2.0])
def test_a_share_that_is_none_is_refused(drawn: Draw, share: float) -> None:
    with pytest.raises(InvalidValue, match="above 0 and below 1"):
        softened(drawn(4)[0], share)


def test_a_cell_is_not_soft_and_known_at_once(drawn: Draw) -> None:
    labelled, plain = drawn(4)
    both = np.full(labelled.known.shape, 0.5, dtype=np.float32)

    with pytest.raises(InvalidValue, match="Soft cells are not known"):
        replace(plain, soft=both)

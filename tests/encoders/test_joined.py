"""Features of several encoders as one vector."""

import pytest
import torch

from carina.core import Mismatch
from carina.encoders import side_by_side

ONE = torch.tensor([[3.0, 4.0], [0.0, 2.0]])
OTHER = torch.tensor([[1.0], [-5.0]])


def test_one_encoder_stays_as_it_is() -> None:
    assert side_by_side([ONE]) is ONE


def test_several_weigh_the_same() -> None:
    joined = side_by_side([ONE, OTHER])

    torch.testing.assert_close(joined, torch.tensor([[0.6, 0.8, 1.0], [0.0, 1.0, -1.0]]))


def test_the_bits_do_not_depend_on_how_the_blocks_lie() -> None:
    table = torch.randn(50, 30, generator=torch.Generator().manual_seed(0))
    views = torch.split(table, [13, 17], dim=1)

    assert torch.equal(side_by_side(views), side_by_side([view.clone() for view in views]))


@pytest.mark.parametrize("blocks", [[], [ONE, OTHER[:1]]])
def test_blocks_of_other_images_are_refused(blocks: list[torch.Tensor]) -> None:
    with pytest.raises(Mismatch, match="same images"):
        side_by_side(blocks)

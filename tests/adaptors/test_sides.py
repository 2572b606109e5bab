"""One adaptor per side, one for both, or one side bare: they meet at one width or are refused."""

import pytest
import torch

from carina.adaptors import Identity, Linear, Mlp, Pair, Sharing, Sides
from carina.core import Mismatch


def built(sides: Sides, *, image_dim: int = 128, text_dim: int = 128) -> Pair:
    generator = torch.Generator().manual_seed(0)
    return sides.build(image_dim=image_dim, text_dim=text_dim, generator=generator)


@pytest.mark.parametrize(
    ("sharing", "learned"),
    [
        (Sharing.DOUBLE, 131_840),
        (Sharing.SHARED, 65_920),
        (Sharing.IMAGE, 65_920),
        (Sharing.TEXT, 65_920),
    ],
)
def test_each_sharing_learns_what_the_authors_does(sharing: Sharing, learned: int) -> None:
    pair = built(Sides(sharing=sharing))

    assert sum(weight.numel() for weight in pair.parameters()) == learned
    assert sum(tensor.numel() for tensor in pair.state().values()) == learned


def test_the_side_without_adaptor_stays_bare() -> None:
    rows = torch.ones(2, 128)

    assert torch.equal(built(Sides(sharing=Sharing.IMAGE)).text(rows), rows)
    assert torch.equal(built(Sides(sharing=Sharing.TEXT)).image(rows), rows)


def test_unequal_sides_meet_at_the_adaptors_width() -> None:
    pair = built(Sides(adaptor=Mlp(out=32)), image_dim=1280, text_dim=384)

    assert pair.image(torch.ones(2, 1280)).shape == pair.text(torch.ones(2, 384)).shape == (2, 32)


@pytest.mark.parametrize(
    "sides",
    [
        Sides(sharing=Sharing.IMAGE),
        Sides(sharing=Sharing.TEXT),
        Sides(sharing=Sharing.SHARED),
        Sides(adaptor=Identity()),
    ],
)
def test_sides_that_would_not_meet_are_refused(sides: Sides) -> None:
    with pytest.raises(Mismatch, match="alignment"):
        built(sides, image_dim=1280, text_dim=384)


def test_one_side_may_bridge_to_the_other() -> None:
    pair = built(
        Sides(adaptor=Linear(out=384), sharing=Sharing.IMAGE), image_dim=1280, text_dim=384
    )

    assert pair.image.out == pair.text.out == 384


@pytest.mark.parametrize("sharing", list(Sharing))
def test_a_copy_learns_alone_and_shares_as_before(sharing: Sharing) -> None:
    pair = built(Sides(sharing=sharing))
    before = pair.state()
    copy = pair.copy()
    with torch.no_grad():
        for weight in copy.parameters():
            weight.add_(1)

    assert copy.shared == pair.shared
    assert all(torch.equal(pair.state()[name], before[name]) for name in before)
    assert not any(torch.equal(copy.state()[name], before[name]) for name in before)


@pytest.mark.parametrize("sharing", list(Sharing))
def test_loading_gives_a_new_pair_and_leaves_the_old_one(sharing: Sharing) -> None:
    pair = built(Sides(sharing=sharing))
    other = {name: tensor + 1 for name, tensor in pair.state().items()}
    before = pair.state()
    loaded = pair.loaded(other)

    assert loaded.shared == pair.shared
    assert all(torch.equal(loaded.state()[name], other[name]) for name in other)
    assert all(torch.equal(pair.state()[name], before[name]) for name in before)


def test_weights_of_another_form_are_refused() -> None:
    with pytest.raises(Mismatch, match="another form"):
        built(Sides()).loaded(built(Sides(adaptor=Linear())).state())
    with pytest.raises(Mismatch, match=r"'image.layer.0.bias' came as nothing"):
        built(Sides()).loaded({})

"""Any convolutional encoder read at every stage: ``pyramid:efficientnet-lite0``.

The vector an encoder gives is what its last map holds on average: thin lines and small patches are
gone from it, and so is the side they lay on. A pyramid's vector holds the mean and the largest value of
every channel of every stage, over the whole map and over either half of it. Spatial pyramids are
Lazebnik, Schmid and Ponce's, Beyond Bags of Features, CVPR 2006; reading all depths of a frozen
network is as in Hariharan et al., Hypercolumns, CVPR 2015.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from carina.core import Mismatch
from carina.encoders.card import EncoderCard
from carina.encoders.family import SHELVES, Family, Shelf, family
from carina.encoders.frozen import FrozenImages
from carina.encoders.protocol import Encoded

__all__ = ["SHELF"]

_READINGS = 6


class _Pyramid(nn.Module):
    """What a trunk gives, with every stage in its vector; tokens and stages as they are."""

    trunk: Any  # a module that gives `Encoded`

    def __init__(self, trunk: nn.Module, grid: tuple[int, int]) -> None:
        super().__init__()
        self.trunk, self.grid = trunk, grid

    def forward(self, images: Float[Tensor, "items channels rows cols"]) -> Encoded:
        found: Encoded = self.trunk(images)
        assert found.stages is not None  # noqa: S101 - its card has some
        assert found.tokens is not None  # noqa: S101 - likewise
        last = found.tokens.transpose(1, 2).reshape(images.shape[0], -1, *self.grid)
        pooled = [each for of in (*found.stages, last) for each in _read(of)]
        return Encoded(pooled=torch.cat(pooled, dim=1), tokens=found.tokens, stages=found.stages)


def _read(of: Float[Tensor, "items width rows cols"]) -> Iterator[Float[Tensor, "items width"]]:
    middle = of.shape[3] // 2  # of an odd map the middle column is the right half's
    for part in (of, of[..., :middle], of[..., middle:]):
        yield part.mean(dim=(2, 3))
        yield part.amax(dim=(2, 3))


def _named(name: str) -> Family:
    base = family(name)
    card = base.card
    if card.modality != "image" or not card.stages or card.grid == (0, 0):
        raise Mismatch(
            f"{name} shows no stages, so there is no pyramid of it. Take an encoder with stages, "
            "such as pyramid:efficientnet-lite0; `carina encoders` lists them."
        )
    widths = (*(stage.width for stage in card.stages), card.token_dim)

    def build(card: EncoderCard, weights: Path | None) -> FrozenImages:
        encoder = base.load(weights)
        assert isinstance(encoder, FrozenImages)  # noqa: S101 - whoever has stages is one
        seen = replace(
            card,
            weights=encoder.card.weights,
            revision=encoder.card.revision,
            exposed_to=encoder.card.exposed_to,
        )
        return FrozenImages(card=seen, module=_Pyramid(encoder.module, card.grid))

    return replace(
        base,
        card=replace(card, name=f"pyramid:{name}", dim=_READINGS * sum(widths), space=""),
        build=build,
    )


SHELF = SHELVES.register("pyramid")(
    Shelf(
        argument="NAME, an encoder with stages, such as pyramid:efficientnet-lite0",
        named=_named,
        use="as the encoder's weights' licence says",
    )
)

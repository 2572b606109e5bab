"""A bottleneck beside the vector itself: the form of CLIP-Adapter.

Gao et al., "CLIP-Adapter: Better Vision-Language Models with Feature Adapters", arXiv 2110.04544
(IJCV 2024). The paper blends what two layers make of a feature with the feature, ``ratio A(x) +
(1 - ratio) x``, compares it by cosine with one prompt a class, and learns by cross-entropy over
classes that exclude one another. The form carries over as it is. The soft-max does not: findings
occur together, so each is a question by itself, asked of its positive against its negative prompts
(`carina.learning.RETune` with ``sharing = "image"``, which is the paper's variant on the image side
and the one its authors released).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from carina.adaptors.linear import drawn_linear
from carina.core import ConfigError

__all__ = ["ClipAdapter", "ClipAdapterModule"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipAdapter:
    """``ratio relu(W2 relu(W1 x)) + (1 - ratio) x``; the defaults are those of the released code.

    It gives vectors as wide as it takes, so it stands where images and prompts are equally wide.

    Attributes:
        reduction: How many times narrower the bottleneck is; its width is at least 1.
        ratio: Share of what the layers make; 0 would learn nothing.
    """

    reduction: int = 4
    ratio: float = 0.2

    def __post_init__(self) -> None:
        if self.reduction < 1 or not 0 < self.ratio <= 1:
            raise ConfigError(
                "A CLIP-Adapter has a reduction of 1 or more and a ratio above 0 and up to 1; got "
                f"reduction={self.reduction}, ratio={self.ratio}."
            )

    def build(self, dim: int, generator: torch.Generator) -> "ClipAdapterModule":
        """The module for vectors of a width, its weights drawn from the generator."""
        hidden = max(1, dim // self.reduction)
        return ClipAdapterModule(dim=dim, hidden=hidden, ratio=self.ratio, generator=generator)


class ClipAdapterModule(nn.Module):
    """``ratio relu(W2 relu(W1 x)) + (1 - ratio) x``.

    Args:
        dim: Width of what it takes, and of what it gives.
        hidden: Width of the bottleneck.
        ratio: Share of what the layers make.
        generator: Where the first weights are drawn from.
    """

    def __init__(self, *, dim: int, hidden: int, ratio: float, generator: torch.Generator) -> None:
        super().__init__()
        self.out = dim
        self._ratio = ratio
        self.layer = nn.Sequential(
            drawn_linear(dim, hidden, generator, bias=False),
            nn.ReLU(),
            drawn_linear(hidden, dim, generator, bias=False),
            nn.ReLU(),
        )

    def forward(self, features: Float[Tensor, "*rows dim"]) -> Float[Tensor, "*rows dim"]:
        """The adapted vectors."""
        adapted: Tensor = self._ratio * self.layer(features) + (1 - self._ratio) * features
        return adapted

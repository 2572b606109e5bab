"""A detour around the frozen vector that begins as nothing, so that the adaptor is born as identity.

Houlsby et al., "Parameter-Efficient Transfer Learning for NLP", ICML 2019 (bottleneck with a skip,
near-identity at first), with the last layer at exactly 0 as in Goyal et al., 2017 (arXiv 1706.02677).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from carina.adaptors.linear import drawn_linear
from carina.core import ConfigError

__all__ = ["Residual", "ResidualAdaptor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Residual:
    """``x + W2 relu(W1 x + b1) + b2`` with W2 and b2 born 0; it ends as wide as it begins.

    On encoders of one space, or behind an alignment, a reader with this on both sides starts where
    zero-shot is.

    Attributes:
        rank: Width of the detour.
    """

    rank: int = 64

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise ConfigError(f"A residual adaptor has a rank of 1 or more; got {self.rank}.")

    def build(self, dim: int, generator: torch.Generator) -> "ResidualAdaptor":
        """The module for vectors of a width, its first layer drawn from the generator."""
        return ResidualAdaptor(dim=dim, rank=self.rank, generator=generator)


class ResidualAdaptor(nn.Module):
    """``x + W2 relu(W1 x + b1) + b2``, the identity at first.

    Args:
        dim: Width of what it takes and gives.
        rank: Width of the detour.
        generator: Where the first layer is drawn from.
    """

    def __init__(self, *, dim: int, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        self.out = dim
        self.down = drawn_linear(dim, rank, generator)
        self.up = nn.Linear(rank, dim, device="meta").to_empty(device="cpu")
        with torch.no_grad():
            self.up.weight.zero_()
            self.up.bias.zero_()

    def forward(self, features: Float[Tensor, "*rows dim"]) -> Float[Tensor, "*rows dim"]:
        """The adapted vectors."""
        detour: Tensor = self.up(F.relu(self.down(features)))
        return features + detour

"""One affine layer: the "dense" adaptor of RE-tune (arXiv 2410.17827)."""

from dataclasses import dataclass
from math import sqrt

import torch
from jaxtyping import Float
from torch import Tensor, nn

from carina.core import ConfigError

__all__ = ["Linear", "LinearAdaptor", "drawn_linear"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """One affine layer; 128 to 128 (16,512 parameters) is the authors'.

    Attributes:
        out: Width of what it gives.
    """

    out: int = 128

    def __post_init__(self) -> None:
        if self.out < 1:
            raise ConfigError(f"A linear adaptor gives vectors of width 1 or more; got {self.out}.")

    def build(self, dim: int, generator: torch.Generator) -> "LinearAdaptor":
        """The module for vectors of a width, its weights drawn from the generator."""
        return LinearAdaptor(dim=dim, out=self.out, generator=generator)


class LinearAdaptor(nn.Module):
    """``W x + b``.

    Args:
        dim: Width of what it takes.
        out: Width of what it gives.
        generator: Where the first weights are drawn from.
    """

    def __init__(self, *, dim: int, out: int, generator: torch.Generator) -> None:
        super().__init__()
        self.out = out
        self.layer = nn.Sequential(drawn_linear(dim, out, generator))

    def forward(self, features: Float[Tensor, "*rows dim"]) -> Float[Tensor, "*rows out"]:
        """The adapted vectors."""
        adapted: Tensor = self.layer(features)
        return adapted


def drawn_linear(dim: int, out: int, generator: torch.Generator, *, bias: bool = True) -> nn.Linear:
    """A linear layer as torch draws it by default, uniform within ±1/√dim, from a generator.

    The global generator is neither read nor moved.
    """
    layer = nn.Linear(dim, out, bias=bias, device="meta").to_empty(device="cpu")  # draws nothing
    bound = 1 / sqrt(dim)
    with torch.no_grad():
        for weights in layer.parameters():
            weights.uniform_(-bound, bound, generator=generator)
    return layer

"""Two affine layers with a ReLU between: the "mlp" adaptor of RE-tune (arXiv 2410.17827)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from carina.adaptors.linear import drawn_linear
from carina.core import ConfigError

__all__ = ["Mlp", "MlpAdaptor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mlp:
    """Two affine layers with a ReLU between; 128 to 256 to 128 (65,920 parameters) is the authors'.

    Attributes:
        hidden: Width between the layers.
        out: Width of what it gives.
    """

    hidden: int = 256
    out: int = 128

    def __post_init__(self) -> None:
        if self.hidden < 1 or self.out < 1:
            raise ConfigError(
                f"An mlp adaptor has widths of 1 or more; got hidden={self.hidden}, out={self.out}."
            )

    def build(self, dim: int, generator: torch.Generator) -> "MlpAdaptor":
        """The module for vectors of a width, its weights drawn from the generator."""
        return MlpAdaptor(dim=dim, hidden=self.hidden, out=self.out, generator=generator)


class MlpAdaptor(nn.Module):
    """``W2 relu(W1 x + b1) + b2``.

    Args:
        dim: Width of what it takes.
        hidden: Width between the layers.
        out: Width of what it gives.
        generator: Where the first weights are drawn from.
    """

    def __init__(self, *, dim: int, hidden: int, out: int, generator: torch.Generator) -> None:
        super().__init__()
        self.out = out
        self.layer = nn.Sequential(
            drawn_linear(dim, hidden, generator),
            nn.ReLU(inplace=True),
            drawn_linear(hidden, out, generator),
        )

    def forward(self, features: Float[Tensor, "*rows dim"]) -> Float[Tensor, "*rows out"]:
        """The adapted vectors."""
        adapted: Tensor = self.layer(features)
        return adapted

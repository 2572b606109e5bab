"""No adaptor: the vectors as the encoders gave them, which makes zero-shot."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["Identity", "IdentityAdaptor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Nothing learned."""

    def build(self, dim: int, generator: torch.Generator) -> "IdentityAdaptor":  # noqa: ARG002
        """The module for vectors of a width."""
        return IdentityAdaptor(dim=dim)


class IdentityAdaptor(nn.Module):
    """Gives back what it is given.

    Args:
        dim: Width of the vectors.
    """

    def __init__(self, *, dim: int) -> None:
        super().__init__()
        self.out = dim

    def forward(self, features: Float[Tensor, "*rows dim"]) -> Float[Tensor, "*rows dim"]:
        """The vectors, unchanged."""
        return features

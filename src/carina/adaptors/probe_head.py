"""The head that 'Freeze the backbones' puts on frozen features to classify films."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from carina.adaptors.linear import drawn_linear
from carina.core import ConfigError

__all__ = ["ProbeHead", "ProbeHeadModule"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeHead:
    """Linear without bias, batch norm, ReLU, dropout, linear (Qin et al., arXiv 2401.01179).

    Attributes:
        hidden: Width between the layers; 512 is the authors'.
        dropout: Share of the hidden values left out while training; 0.1 is the authors'.
    """

    hidden: int = 512
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if self.hidden < 1 or not 0 <= self.dropout < 1:
            raise ConfigError(
                "A probe's head has a width of 1 or more and a dropout in [0, 1); got "
                f"hidden={self.hidden}, dropout={self.dropout}."
            )

    def build(self, dim: int, labels: int, generator: torch.Generator) -> "ProbeHeadModule":
        """The module for features of a width, its weights drawn from the generator."""
        return ProbeHeadModule(
            dim=dim, hidden=self.hidden, labels=labels, dropout=self.dropout, generator=generator
        )


class ProbeHeadModule(nn.Module):
    """``W2 dropout(relu(norm(W1 x))) + b2``: a logit for every finding.

    Args:
        dim: Width of the features.
        hidden: Width between the layers.
        labels: How many findings.
        dropout: Share of the hidden values left out while training.
        generator: Where the first weights are drawn from.
    """

    def __init__(
        self, *, dim: int, hidden: int, labels: int, dropout: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.dropout = dropout
        self.first = drawn_linear(dim, hidden, generator, bias=False)
        self.norm = nn.BatchNorm1d(hidden)
        self.last = drawn_linear(hidden, labels, generator)

    def kept(self, rows: int, generator: torch.Generator) -> Bool[Tensor, "rows hidden"]:
        """Which hidden values stay in one step of training."""
        drawn = torch.rand(rows, self.norm.num_features, generator=generator)
        return drawn >= self.dropout

    def forward(
        self,
        features: Float[Tensor, "rows dim"],
        kept: Bool[Tensor, "rows hidden"] | None = None,
    ) -> Float[Tensor, "rows labels"]:
        """The logits.

        Args:
            features: Frozen ones.
            kept: While training, which hidden values stay; None leaves all.
        """
        hidden = F.relu(self.norm(self.first(features)))
        if kept is not None:
            hidden = hidden * kept / (1 - self.dropout)
        logits: Tensor = self.last(hidden)
        return logits

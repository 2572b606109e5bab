"""What carina asks of an encoder: a card, and numbers for a batch."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from carina.encoders.card import EncoderCard

__all__ = ["Encoded", "ImageEncoder", "TextEncoder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """What an encoder gives for a batch.

    Attributes:
        pooled: (items, dim), not normalised.
        tokens: (items, tokens, token_dim): patches row by row, or words; None where not asked for.
        stages: Maps (items, width, rows, cols) of the card's `stages`, fine to coarse; None where
            not asked for.
    """

    pooled: Float[Tensor, "items dim"]
    tokens: Float[Tensor, "items tokens width"] | None = None
    stages: tuple[Float[Tensor, "items _ _ _"], ...] | None = None


@runtime_checkable
class ImageEncoder(Protocol):
    """A frozen image encoder."""

    @property
    def card(self) -> EncoderCard:
        """Who it is."""
        ...

    def to(self, device: torch.device) -> "ImageEncoder":
        """The same encoder on a device."""
        ...

    def encode(
        self,
        images: Float[Tensor, "items channels rows cols"],
        *,
        tokens: bool = False,
        stages: bool = False,
    ) -> Encoded:
        """Pooled features (tokens and stages where asked for) of prepared images; no gradient."""
        ...


@runtime_checkable
class TextEncoder(Protocol):
    """A frozen text encoder."""

    @property
    def card(self) -> EncoderCard:
        """Who it is."""
        ...

    def to(self, device: torch.device) -> "TextEncoder":
        """The same encoder on a device."""
        ...

    def encode(self, texts: tuple[str, ...]) -> Encoded:
        """Pooled features of texts; no gradient. A text's numbers do not depend on its company."""
        ...

"""Items of unequal length in one tensor: patches of images, words of reports, or one vector each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from carina.core import InvalidValue

__all__ = ["Sequences"]


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sequences:
    """Tokens of some items, padded to the longest.

    Attributes:
        values: (items, tokens, dim); what stands where nothing is there is not read.
        there: Which tokens an item has; at least one.

    Raises:
        InvalidValue: where an item has no token.
    """

    values: Float[Tensor, "items tokens dim"]
    there: Bool[Tensor, "items tokens"]

    def __post_init__(self) -> None:
        if not bool(self.there.any(dim=1).all()):
            empty = int((~self.there.any(dim=1)).sum())
            raise InvalidValue(
                f"{empty} of {len(self.there)} items have no token, so nothing can be said of "
                "them. Leave such items out."
            )

    @classmethod
    def of_vectors(cls, vectors: Float[Tensor, "items dim"]) -> "Sequences":
        """Items of one token each."""
        return cls(
            values=vectors[:, None],
            there=torch.ones(len(vectors), 1, dtype=torch.bool, device=vectors.device),
        )

    @classmethod
    def joined(cls, parts: Sequence["Sequences"]) -> "Sequences":
        """The items of several, in order, padded to the longest of all.

        Raises:
            InvalidValue: for no part at all.
        """
        if not parts:
            raise InvalidValue("There is nothing to join; give one part or more.")
        most = max(part.there.shape[1] for part in parts)
        padded = [part.padded(most) for part in parts]
        return cls(
            values=torch.cat([part.values for part in padded]),
            there=torch.cat([part.there for part in padded]),
        )

    def __len__(self) -> int:
        return len(self.there)

    @property
    def mean(self) -> Float[Tensor, "items dim"]:
        """The mean of each item's tokens."""
        weights = self.there / self.there.sum(dim=1, keepdim=True)
        filled = self.values.masked_fill(~self.there[..., None], 0)
        return torch.einsum("itd,it->id", filled, weights.to(filled))

    def take(self, items: Int[Tensor, " some"]) -> "Sequences":
        """Some items, in the order given, padded no further than they need."""
        there = self.there[items]
        last = int(there.any(dim=0).nonzero().max()) + 1 if len(there) else 0
        return Sequences(values=self.values[items, :last], there=there[:, :last])

    def padded(self, tokens: int) -> "Sequences":
        """The same items, padded to a number of tokens."""
        more = tokens - self.there.shape[1]
        return Sequences(
            values=F.pad(self.values, (0, 0, 0, more)), there=F.pad(self.there, (0, more))
        )

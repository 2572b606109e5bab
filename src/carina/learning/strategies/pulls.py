"""Weights pulled back to where they were: what L2, EWC and SI share."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import Parameter

__all__ = ["numbered", "placed", "pull"]


def pull(
    parameters: Sequence[Parameter],
    anchors: Sequence[Tensor],
    importance: Sequence[Tensor] | None = None,
) -> Float[Tensor, ""]:
    """Half the squared distance from the anchors, each weight by its importance where one is given."""
    total = torch.zeros(())
    for place, (weight, anchor) in enumerate(zip(parameters, anchors, strict=True)):
        apart = (weight - anchor).square()
        total = total + (apart if importance is None else importance[place] * apart).sum() / 2
    return total


def numbered(kind: str, tensors: Sequence[Tensor]) -> dict[str, Tensor]:
    """Tensors under a kind, by the place of their parameter: ``anchor/0`` and on."""
    return {f"{kind}/{place}": tensor.detach().clone() for place, tensor in enumerate(tensors)}


def placed(kind: str, carried: Mapping[str, Tensor]) -> list[Tensor]:
    """What `numbered` put under a kind, in order; nothing where there is none."""
    own = {int(n.split("/")[1]): t for n, t in carried.items() if n.startswith(f"{kind}/")}
    return [own[place] for place in sorted(own)]

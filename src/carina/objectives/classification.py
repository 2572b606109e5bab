"""Losses of findings, where not every finding of every image is known."""

import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

__all__ = ["masked_bce"]


def masked_bce(
    logits: Float[Tensor, "images labels"],
    target: Bool[Tensor, "images labels"] | Float[Tensor, "images labels"],
    known: Bool[Tensor, "images labels"],
) -> Float[Tensor, ""]:
    """Binary cross-entropy with logits, the mean over known cells.

    A target may be a share of presence, from 0 to 1: such a cell costs that share of what a
    present one costs and the rest of what an absent one does. Where all cells are known the loss
    is the mean over images and labels, as RE-tune has it (arXiv 2410.17827). Where none is, it is
    0 and so is its gradient.
    """
    if not known.all():
        logits, target = logits[known], target[known]
    total = F.binary_cross_entropy_with_logits(logits, target.to(logits), reduction="sum")
    return total / max(1, logits.numel())

"""Losses that keep a model saying what another said."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

__all__ = ["distilled_bce"]


def distilled_bce(
    logits: Float[Tensor, "images labels"],
    teacher: Float[Tensor, "images labels"],
    wanted: Bool[Tensor, "images labels"],
) -> Float[Tensor, ""]:
    """Binary cross-entropy with the probabilities of a teacher's logits, the mean over wanted cells.

    Least where both say the same. Where no cell is wanted it is 0 and so is its gradient.

    Source: Hinton et al., 2015 (arXiv 1503.02531), at temperature 1, one finding's yes or no at a
    time.
    """
    cells = logits[wanted]
    said = torch.sigmoid(teacher[wanted])
    return F.binary_cross_entropy_with_logits(cells, said, reduction="sum") / max(1, len(cells))

"""Losses of masks, on probabilities: the authors' mix of focal loss and overlap, without its slips.

The authors of Freeze the backbones (arXiv 2401.01179) add ten times the focal loss to a term of
overlap that their code takes of raw logits and without its factor 2; here it is of probabilities.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

__all__ = ["dice_loss", "focal_dice", "focal_loss"]


def focal_loss(
    logits: Float[Tensor, "items rows cols"],
    target: Bool[Tensor, "items rows cols"],
    *,
    gamma: float = 2.0,
) -> Float[Tensor, ""]:
    """Mean over pixels of ``-(1 - p_t)^gamma log p_t``, p_t the probability of what is there.

    At gamma 0 it is binary cross-entropy. Source: Lin et al., Focal Loss for Dense Object
    Detection, ICCV 2017, without its alpha.
    """
    wanted = target.to(logits)
    entropy = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    # 1 - p_t = sigmoid(-signed), which keeps its gradient where p_t is 1 to the last bit
    missed = torch.sigmoid(logits * (1 - 2 * wanted))
    return (missed**gamma * entropy).mean()


def dice_loss(
    logits: Float[Tensor, "items rows cols"],
    target: Bool[Tensor, "items rows cols"],
    *,
    smooth: float = 1.0,
) -> Float[Tensor, ""]:
    """Mean over images of ``1 - (2 sum p t + s) / (sum p^2 + sum t^2 + s)``, p = sigmoid(logits).

    An empty mask costs nothing where nothing is predicted. Source: Milletari et al., V-Net, 3DV
    2016, eq. 3, with a smoothing term.
    """
    said, wanted = torch.sigmoid(logits), target.to(logits)
    both = (said * wanted).sum(dim=(1, 2))
    each = (said**2 + wanted**2).sum(dim=(1, 2))
    return (1 - (2 * both + smooth) / (each + smooth)).mean()


def focal_dice(
    logits: Float[Tensor, "items rows cols"],
    target: Bool[Tensor, "items rows cols"],
    *,
    focal: float = 10.0,
    gamma: float = 2.0,
) -> Float[Tensor, ""]:
    """`focal` times the focal loss plus the Dice loss; 10 is the authors'."""
    return focal * focal_loss(logits, target, gamma=gamma) + dice_loss(logits, target)

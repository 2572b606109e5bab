"""Losses of pairs: each text should pick out its images among all, and each image its texts.

They take similarities of texts with images and, beside them, what belongs together: 1 for a pair and
0 else, several 1 in a row where a study has several images, a share between where reports say nearly
the same.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from carina.core import InvalidValue

__all__ = ["belonging", "info_nce", "sigmoid_loss", "softened"]


def belonging(
    text: Int[Tensor, " pairs"], image: Int[Tensor, " pairs"]
) -> Float[Tensor, "pairs pairs"]:
    """Which texts (rows) and images (columns) of a batch of pairs belong together.

    Two pairs that share their image, or their text, belong together crosswise; so an image with
    several reports, and a report of several images, repel none of their own.

    Args:
        text: Number of each pair's text; equal texts have one number.
        image: Number of each pair's image.
    """
    same: Bool[Tensor, "pairs pairs"] = (text[:, None] == text) | (image[:, None] == image)
    return same.float()


def softened(
    target: Float[Tensor, "texts images"],
    likeness: Float[Tensor, "texts images"],
    *,
    share: float,
    temperature: float,
) -> Float[Tensor, "texts images"]:
    """What belongs together, part of it given away to images whose reports are alike.

    Each row is the distribution of its own pairs, less a share, which goes to the soft-max of
    likeness over temperature. Likeness is the cosine of a text with each image's own text.

    Source: Gao et al., SoftCLIP, arXiv 2303.17561, section 3.2, with reports' own features in the
    place of regions and tags.

    Raises:
        InvalidValue: for a share outside 0 to 1, or a temperature not above 0.
    """
    if not 0 <= share <= 1 or temperature <= 0:
        raise InvalidValue(
            f"A share lies from 0 to 1 and a temperature above 0; got {share}, {temperature}."
        )
    own = target / target.sum(dim=1, keepdim=True)
    return (1 - share) * own + share * torch.softmax(likeness / temperature, dim=1)


def info_nce(
    logits: Float[Tensor, "texts images"],
    target: Float[Tensor, "texts images"],
    *,
    image_weight: float = 0.75,
) -> Float[Tensor, ""]:
    """Cross-entropy of choosing among all images, and among all texts.

    The heavier term, by the authors' weight, asks each text for its image. Where several belong to
    one, the target is their mean (Khosla et al., Supervised Contrastive Learning, NeurIPS 2020,
    "out").

    Source: Radford et al., CLIP, arXiv 2103.00020; the weight: arXiv 2401.01179.

    Args:
        logits: Scaled similarities.
        target: What belongs together; no row and no column without any.
        image_weight: Of the choice among images; the rest is that of the choice among texts.

    Raises:
        InvalidValue: for a text or an image that nothing belongs to.
    """
    rows, columns = target.sum(dim=1), target.sum(dim=0)
    if not bool((rows > 0).all() and (columns > 0).all()):
        raise InvalidValue(
            "Each text and each image has something that belongs to it; one has not."
        )
    of_texts = -(target / rows[:, None] * F.log_softmax(logits, dim=1)).sum(dim=1).mean()
    of_images = -(target / columns * F.log_softmax(logits, dim=0)).sum(dim=0).mean()
    return image_weight * of_texts + (1 - image_weight) * of_images


def sigmoid_loss(
    logits: Float[Tensor, "texts images"], target: Float[Tensor, "texts images"]
) -> Float[Tensor, ""]:
    """Binary cross-entropy of every text with every image, summed, by number of texts.

    Source: Zhai et al., Sigmoid Loss for Language Image Pre-Training, ICCV 2023 (arXiv 2303.15343),
    algorithm 1; shares between 0 and 1 are a target too.

    Args:
        logits: Scaled similarities plus a bias; most pairs do not belong together.
        target: What belongs together.
    """
    return F.binary_cross_entropy_with_logits(logits, target, reduction="sum") / len(logits)

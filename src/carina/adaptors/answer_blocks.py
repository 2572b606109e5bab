"""Scores whose bits do not depend on which other images are asked about."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from carina.adaptors.readout import Answer, Readout

__all__ = ["answer_in_blocks"]

_BLOCK = 256


def answer_in_blocks(readout: Readout, features: Float[Tensor, "images dim"]) -> Answer:
    """Scores of images, (images, labels), without gradient, in blocks of one fixed size.

    Kernels are chosen by shape: fewer than 16 rows at a time moved scores by up to 1e-6 (measured,
    float32). The last block is padded, so an image's score is the same bits in a table of a
    million and alone.

    Raises:
        Mismatch: where the features have another width.
    """
    rows = len(features)
    with torch.inference_mode():
        answers = [
            readout(F.pad(block, (0, 0, 0, _BLOCK - len(block))))
            for block in torch.split(features, _BLOCK)
        ]
        positive = [answer.positive for answer in answers if answer.positive is not None]
        return Answer(
            difference=torch.cat([answer.difference for answer in answers])[:rows],
            positive=torch.cat(positive)[:rows] if positive else None,
        )

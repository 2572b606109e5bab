"""Scores and embeddings whose bits do not depend on which other images are asked about."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from carina.adaptors.pretrained import PretrainedAdaptor
from carina.adaptors.readout import Answer, Readout
from carina.adaptors.sequences import Sequences

__all__ = ["answer_in_blocks", "embed_in_blocks"]

_BLOCK = 128  # so wide, features of a block stay in the cache; more pays for prompts alone


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
        answers = [readout(block) for block in _blocks(features)]
        positive = [answer.positive for answer in answers if answer.positive is not None]
        return Answer(
            difference=torch.cat([answer.difference for answer in answers])[:rows],
            positive=torch.cat(positive)[:rows] if positive else None,
        )


def embed_in_blocks(
    adaptor: PretrainedAdaptor, features: Float[Tensor, "images dim"]
) -> Float[Tensor, "images width"]:
    """What an Adaptor makes of images' vectors, L2-normalised, in blocks as `answer_in_blocks`.

    Raises:
        Mismatch: where the features have another width, or the Adaptor no vector of an image.
    """
    embedded = [adaptor.embed_images(Sequences.of_vectors(block)) for block in _blocks(features)]
    return torch.cat(embedded)[: len(features)]


def _blocks(features: Float[Tensor, "images dim"]) -> Iterator[Float[Tensor, "block dim"]]:
    for block in torch.split(features, _BLOCK):
        yield F.pad(block, (0, 0, 0, _BLOCK - len(block)))

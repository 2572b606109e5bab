"""Scores and embeddings whose bits do not depend on which other images are asked about."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from carina.adaptors.pretrained import PretrainedAdaptor
from carina.adaptors.readout import Answer, LinearReadout, Readout
from carina.adaptors.sequences import Sequences
from carina.features import FeatureRows

__all__ = ["answer_in_blocks", "embed_in_blocks"]

_BLOCK = 128  # so wide, features of a block stay in the cache; more pays for prompts alone
_LINEAR = 32  # of heads: one film takes a third of the time, 20,000 take 1.2 of it


def answer_in_blocks(
    readout: Readout, features: Float[Tensor, "images dim"] | FeatureRows
) -> Answer:
    """Scores of images, (images, labels), without gradient, in blocks of one fixed size.

    Kernels are chosen by shape: fewer than 16 rows at a time moved scores by up to 1e-6 (measured,
    float32). The last block is padded, so an image's score is the same bits in a table of a
    million and alone.

    Raises:
        Mismatch: where the features have another width.
    """
    rows = len(features)
    with torch.inference_mode():
        size = _LINEAR if isinstance(readout, LinearReadout) else _BLOCK
        answers = [readout(block) for block in _blocks(features, size)]
        positive = [answer.positive for answer in answers if answer.positive is not None]
        return Answer(
            difference=torch.cat([answer.difference for answer in answers])[:rows],
            positive=torch.cat(positive)[:rows] if positive else None,
        )


def embed_in_blocks(
    adaptor: PretrainedAdaptor, features: Float[Tensor, "images dim"]
) -> Float[Tensor, "images width"]:
    """What an Adaptor makes of images' vectors, L2-normalised, in blocks as `answer_in_blocks`.

    They are on disk where the vectors are.

    Raises:
        Mismatch: where the features have another width, or the Adaptor no vector of an image.
    """

    def embedded(rows: Float[Tensor, "rows dim"]) -> Float[Tensor, "rows width"]:
        blocks = [
            adaptor.embed_images(Sequences.of_vectors(block)) for block in _blocks(rows, _BLOCK)
        ]
        return torch.cat(blocks)[: len(rows)]

    return FeatureRows(pool=features).through(embedded).pool


def _blocks(
    features: Float[Tensor, "images dim"] | FeatureRows, size: int
) -> Iterator[Float[Tensor, "block dim"]]:
    rows = features if isinstance(features, FeatureRows) else FeatureRows(pool=features)
    for block in rows.blocks(size):
        yield F.pad(block, (0, 0, 0, size - len(block)))

"""Features of several encoders as one vector."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from carina.core import Mismatch

__all__ = ["side_by_side"]


def side_by_side(blocks: Sequence[Tensor]) -> Tensor:
    """One encoder's features as they are; several, each row brought to unit length, then joined.

    So no encoder outweighs another by the scale its features happen to have.

    Args:
        blocks: Each encoder's (images, width), in the order of their cards.

    Returns:
        (images, sum of the widths).

    Raises:
        Mismatch: where there is no block, or they are not of the same images.
    """
    if len({len(block) for block in blocks}) != 1:
        raise Mismatch(
            f"Side by side stand features of the same images; got {[len(b) for b in blocks]} rows."
        )
    if len(blocks) == 1:
        return blocks[0]
    return torch.cat([F.normalize(block.contiguous(), dim=1) for block in blocks], dim=1)

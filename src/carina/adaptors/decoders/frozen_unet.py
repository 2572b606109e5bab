"""A U-Net whose way down is a frozen encoder: transposed convolutions up, its stages as skips.

Ronneberger et al., U-Net, MICCAI 2015, in the form of Qin et al., Freeze the backbones, ICASSP 2024
(arXiv 2401.01179): the encoder's blocks stay frozen and are the skips, a transposed convolution
doubles, two 3 x 3 convolutions follow. Theirs begins at the Adaptor's output of one pooled vector,
grown to the encoder's grid by further transposed convolutions; here the bottom is the grid itself,
which has not lost where things are. ``bottom = "pooled"`` is theirs but for its widths (20,146,817
parameters): of an encoder whose pooled vector is the mean of its cells, as theirs is.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from carina.adaptors.decoders.drawing import drawn_anew, grid_of
from carina.core import ConfigError, Mismatch

__all__ = ["FrozenUNet", "FrozenUNetDecoder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenUNet:
    """Transposed convolutions up, with the encoder's stages as skips.

    Attributes:
        widths: At the encoder's grid, and after each doubling; the last is kept for all doublings
            beyond.
        bottom: What it begins at: the encoder's "grid", or the mean of its cells, "pooled", grown
            back by transposed convolutions to 3 x 3, to 7 x 7, and resized to the grid.
    """

    widths: tuple[int, ...] = (128, 64, 32, 24, 16, 8)
    bottom: Literal["grid", "pooled"] = "grid"

    def __post_init__(self) -> None:
        if not self.widths or min(self.widths) < 1:
            raise ConfigError(f"A decoder has one width of 1 or more; got {self.widths}.")

    def build(
        self,
        width: int,
        skips: tuple[int, ...],
        grid: tuple[int, int],
        size: int,
        generator: torch.Generator,
    ) -> "FrozenUNetDecoder":
        """The module for tokens of a width and skips of some widths, its weights drawn.

        Args:
            width: Of the tokens.
            skips: Channels of each stage finer than the grid, fine to coarse.
            grid: Rows and columns of the tokens.
            size: Rows and columns of the mask.
            generator: Where the first weights are drawn from.
        """
        # here, since importing MONAI costs seconds
        from monai.networks.blocks import Convolution, UpSample
        from monai.networks.nets.basic_unet import TwoConv

        def two(before: int, after: int) -> nn.Module:
            module: nn.Module = TwoConv(2, before, after, act="relu", norm="batch", bias=False)
            return module

        def grown(after: int) -> nn.Module:
            up = {"kernel_size": 3, "act": "relu", "norm": "batch", "is_transposed": True}
            return nn.Sequential(
                nn.AdaptiveAvgPool2d(1),
                Convolution(2, width, after, strides=1, padding=0, output_padding=0, **up),
                Convolution(2, after, after, strides=2, padding=0, output_padding=0, **up),
                nn.Upsample(size=grid, mode="bilinear"),
            )

        last = len(self.widths) - 1
        widths = [self.widths[min(step, last)] for step in range(len(skips) + 2)]
        decoder = FrozenUNetDecoder(
            bottom=grown(widths[0])
            if self.bottom == "pooled"
            else Convolution(2, width, widths[0], kernel_size=1, act="relu", norm="batch"),
            ups=nn.ModuleList(
                UpSample(2, before, after, mode="deconv") for before, after in pairwise(widths)
            ),
            joins=nn.ModuleList(
                two(after + skip, after)
                for after, skip in zip(widths[1:], reversed(skips), strict=False)
            ),
            last=Convolution(2, widths[-1], 1, kernel_size=3, conv_only=True),
            grid=grid,
            size=size,
        )
        return drawn_anew(decoder, generator)


class FrozenUNetDecoder(nn.Module):
    """From the grid up, a skip at each doubling, and a last doubling to the input's pixels.

    Args:
        bottom: From a token's width to the first of the decoder's.
        ups: Doublings, one more than skips.
        joins: What follows each doubling that has a skip, coarse to fine.
        last: To one channel.
        grid: Rows and columns of the tokens.
        size: Rows and columns of the mask.
    """

    def __init__(
        self,
        *,
        bottom: nn.Module,
        ups: nn.ModuleList,
        joins: nn.ModuleList,
        last: nn.Module,
        grid: tuple[int, int],
        size: int,
    ) -> None:
        super().__init__()
        self.bottom, self.ups, self.joins, self.last = bottom, ups, joins, last
        self.grid = grid
        self.size = size

    def forward(
        self,
        tokens: Float[Tensor, "items cells width"],
        stages: tuple[Float[Tensor, "items _ _ _"], ...],
    ) -> Float[Tensor, "items rows cols"]:
        """Logits of every pixel of the encoder's input.

        Raises:
            Mismatch: where there are fewer stages than the decoder has skips.
        """
        skips = [stage for stage in stages if stage.shape[2] > self.grid[0]]
        if len(skips) != len(self.joins):
            raise Mismatch(
                f"This decoder has {len(self.joins)} skips and was given {len(skips)} stages finer "
                "than its grid. Give it the stages of the encoder it was made for."
            )
        x = self.bottom(grid_of(tokens, self.grid))
        for up, join, skip in zip(self.ups, self.joins, reversed(skips), strict=False):
            joined = torch.cat([skip, _resized(up(x), skip.shape[2:])], dim=1)
            x = join(joined.contiguous(memory_format=torch.channels_last))
        full = _resized(self.last(self.ups[-1](x)), torch.Size((self.size, self.size)))
        return full[:, 0]


def _resized(
    maps: Float[Tensor, "items width _ _"], size: torch.Size
) -> Float[Tensor, "items width _ _"]:
    """Maps at a size; doublings of an odd number of rows miss it by one."""
    if maps.shape[2:] == size:
        return maps
    return F.interpolate(maps, size=tuple(size), mode="bilinear")

"""Convolutions and doublings over patch tokens: the decoder for transformers without stages.

Qin et al., Freeze the backbones, ICASSP 2024 (arXiv 2401.01179): the authors' code brings DINOv2's
patch tokens through 3 x 3 convolutions with batch norm and ReLU, each followed by a doubling (512,
256, 128 and 64 wide), to a 3 x 3 convolution to one channel. Here the last map is resized to the
encoder's input whatever the grid, where theirs first makes a grid of 14 x 14 of it.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from carina.adaptors.decoders.drawing import drawn_anew, grid_of
from carina.core import ConfigError

__all__ = ["Convolutional", "ConvolutionalDecoder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Convolutional:
    """Convolution, batch norm, ReLU and a doubling, as often as there are widths.

    Attributes:
        widths: Of each convolution; the authors' are 512, 256, 128 and 64.
    """

    widths: tuple[int, ...] = (512, 256, 128, 64)

    def __post_init__(self) -> None:
        if not self.widths or min(self.widths) < 1:
            raise ConfigError(f"A decoder has one width of 1 or more; got {self.widths}.")

    def build(
        self, width: int, grid: tuple[int, int], size: int, generator: torch.Generator
    ) -> "ConvolutionalDecoder":
        """The module for tokens of a width, its weights drawn from the generator."""
        # here, since importing MONAI costs seconds
        from monai.networks.blocks import Convolution, UpSample

        steps: list[nn.Module] = []
        for before, after in zip((width, *self.widths), self.widths, strict=False):
            steps.append(Convolution(2, before, after, act="relu", norm="batch", bias=False))
            steps.append(
                UpSample(2, after, mode="nontrainable", interp_mode="bilinear", align_corners=False)
            )
        steps.append(Convolution(2, self.widths[-1], 1, conv_only=True))
        decoder = ConvolutionalDecoder(steps=nn.Sequential(*steps), grid=grid, size=size)
        return drawn_anew(decoder, generator)


class ConvolutionalDecoder(nn.Module):
    """A chain of blocks over the token grid.

    Args:
        steps: From (items, width, rows, cols) to one channel.
        grid: Rows and columns of the tokens.
        size: Rows and columns of the mask.
    """

    def __init__(self, *, steps: nn.Module, grid: tuple[int, int], size: int) -> None:
        super().__init__()
        self.steps = steps
        self.grid = grid
        self.size = size

    def forward(
        self,
        tokens: Float[Tensor, "items cells width"],
        stages: tuple[Float[Tensor, "items _ _ _"], ...] = (),  # noqa: ARG002 - not read here
    ) -> Float[Tensor, "items rows cols"]:
        """Logits of every pixel of the encoder's input."""
        decoded: Tensor = self.steps(grid_of(tokens, self.grid))
        full = F.interpolate(decoded, size=(self.size, self.size), mode="bilinear")
        return full[:, 0]

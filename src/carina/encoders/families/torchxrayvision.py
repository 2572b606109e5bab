"""DenseNet-121 trained on chest radiographs, by the names torchxrayvision gives its weights.

Cohen et al., TorchXRayVision: A library of chest X-ray datasets and models, MIDL 2022. Upstream's
files are whole pickled networks, which carina does not load: save their ``state_dict`` once, where
you trust them.
"""

from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from carina.core import UnreadableFile, unknown
from carina.encoders.card import EncoderCard, Exposure, Preprocess, Stage
from carina.encoders.family import SHELVES, Family, Shelf, stamped
from carina.encoders.frozen import FrozenImages
from carina.encoders.protocol import Encoded
from carina.encoders.weights import fill, read_tensors

__all__ = ["SHELF"]

_SETS = {
    "nih": "nih-chestxray14",
    "pc": "padchest",
    "chex": "chexpert",
    "rsna": "rsna-pneumonia",
    "mimic_ch": "mimic-cxr-jpg",
    "mimic_nb": "mimic-cxr-jpg",
}
_ALL = ("nih-chestxray14", "padchest", "chexpert", "mimic-cxr-jpg", "openi", "rsna-pneumonia")
_SEEN: dict[str, tuple[str, ...]] = {
    f"densenet121-res224-{key}": (source,) for key, source in _SETS.items()
}
_SEEN["densenet121-res224-all"] = _ALL
_STAGES = ((2, 64), (4, 256), (8, 512), (16, 1024), (32, 1024))


class _Trunk(nn.Module):
    """The convolutions, with the maps before each halving; pooled as upstream's features2."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.features = network.features

    def forward(self, images: Float[Tensor, "items 1 224 224"]) -> Encoded:
        maps, x = [], images
        for name, layer in self.features.named_children():
            x = layer(x)
            if name == "relu0" or name in ("denseblock1", "denseblock2", "denseblock3"):
                maps.append(x)
        last = torch.relu(x)
        return Encoded(
            pooled=last.mean(dim=(2, 3)),
            tokens=last.flatten(2).transpose(1, 2),
            stages=(*maps, last),
        )


def _named(name: str) -> Family:
    if name not in _SEEN:
        raise unknown("torchxrayvision DenseNet", name, _SEEN)
    return Family(
        card=EncoderCard(
            name=f"xrv:{name}",
            modality="image",
            revision=name,
            recipe_version=1,
            weights="",
            dim=1024,
            token_dim=1024,
            grid=(7, 7),
            stages=tuple(Stage(stride=stride, width=width) for stride, width in _STAGES),
            # grey values from -1024 to 1024
            preprocess=Preprocess(
                size=224, fit="crop", channels=1, scale=2048.0, mean=(1024.0,), deviation=(1.0,)
            ),
            licence="Apache-2.0",
            citation="Cohen et al., TorchXRayVision: A library of chest X-ray datasets and models, "
            "MIDL 2022",
            exposed_to=tuple(
                Exposure(source=source, what="training films with their labels")
                for source in _SEEN[name]
            ),
        ),
        build=_build,
        weights="required",
        packages=("torchxrayvision",),
        extra="xrv",
        weights_from=f"torchxrayvision's release of {name}, saved anew as a state_dict",
        use="research; not for diagnosis",
    )


def _build(card: EncoderCard, weights: Path | None) -> FrozenImages:
    assert weights is not None  # noqa: S101 - Family.load has asked for them
    # here, since the package is an extra and takes seconds to import
    from torchxrayvision.models import DenseNet

    network = DenseNet(weights=None)
    del network.classifier
    try:
        tensors = read_tensors(weights)
    except UnreadableFile as error:
        raise UnreadableFile(
            f"{error} torchxrayvision publishes whole pickled networks; where you trust one, "
            "load it with that package, and save its state_dict as .safetensors."
        ) from error
    digest = fill(network, tensors, who=card.name, unused=("classifier.", "op_threshs"))
    card = stamped(card, digest, known="", believed=True)
    return FrozenImages(card=card, module=_Trunk(network))


SHELF = SHELVES.register("xrv")(
    Shelf(
        argument="WEIGHTS, such as xrv:densenet121-res224-all",
        named=_named,
        packages=("torchxrayvision",),
        extra="xrv",
        use="research; not for diagnosis",
    )
)

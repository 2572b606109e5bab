"""Any image model of timm, by its name there: ``timm:resnet50``; weights are a file of the user's.

Wightman, PyTorch Image Models, 2019. The model, its input recipe and its names are the package's.
"""

from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from carina.core import UnknownName, unknown
from carina.encoders.card import UNKNOWN_SOURCE, EncoderCard, Exposure, Preprocess
from carina.encoders.family import SHELVES, Family, Shelf, stamped
from carina.encoders.frozen import FrozenImages
from carina.encoders.protocol import Encoded
from carina.encoders.weights import fill, read_tensors, weights_file

__all__ = ["SHELF"]

_FILES = ("model.safetensors", "pytorch_model.bin")
_INTERPOLATIONS = ("bilinear", "bicubic")


class _Trunk(nn.Module):
    """A timm model without its classifier: pooled as timm pools, tokens as it leaves them."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model: Any = model
        self.prefix = int(getattr(model, "num_prefix_tokens", 0))

    def forward(self, images: Float[Tensor, "items 3 rows cols"]) -> Encoded:
        features: Tensor = self.model.forward_features(images)
        pooled: Tensor = self.model.forward_head(features, pre_logits=True)
        return Encoded(pooled=pooled, tokens=self._tokens(features))

    def _tokens(self, features: Tensor) -> Tensor | None:
        if features.dim() == 3:
            return features[:, self.prefix :]
        if features.dim() != 4:
            return None
        last = getattr(self.model, "output_fmt", "NCHW") == "NHWC" or (
            features.shape[-1] == self.model.num_features
            and features.shape[1] != self.model.num_features
        )
        return features.flatten(1, 2) if last else features.flatten(2).transpose(1, 2)


def _named(name: str) -> Family:
    # here, since the package is an extra and takes seconds to import
    import timm

    if name not in timm.list_models(pretrained=False) and not timm.is_model(name):
        raise unknown("timm model", name, timm.list_models())
    with torch.device("meta"):
        model = timm.create_model(name, pretrained=False, num_classes=0)
    recipe = timm.data.resolve_model_data_config(model)
    return Family(
        card=_card(name, model, recipe),
        build=_build,
        weights="required",
        packages=("timm",),
        extra="timm",
        weights_from=f"timm's own publication of {name}, or your training",
        use="as the weights' licence says; timm's model card names it",
    )


def _card(name: str, model: Any, recipe: dict[str, Any]) -> EncoderCard:
    channels, rows, cols = recipe["input_size"]
    if rows != cols or channels not in (1, 3) or recipe["interpolation"] not in _INTERPOLATIONS:
        raise UnknownName(
            f"timm's {name} wants {channels} x {rows} x {cols} images by "
            f"{recipe['interpolation']}; carina prepares square ones, grey or three times grey, "
            f"by {' or '.join(_INTERPOLATIONS)}. Choose another model."
        )
    with torch.device("meta"):
        found = _Trunk(model.eval())(torch.zeros(1, channels, rows, cols))
    count, width = (0, 0) if found.tokens is None else tuple(found.tokens.shape[1:])
    side = round(count**0.5)
    square = side * side == count
    return EncoderCard(
        name=f"timm:{name}",
        modality="image",
        revision="own file",
        recipe_version=1,
        weights="",
        dim=found.pooled.shape[1],
        token_dim=width if square else 0,
        grid=(side, side) if square else (0, 0),
        preprocess=Preprocess(
            size=rows,
            fit="crop",
            resize=max(rows, int(rows / recipe["crop_pct"])),
            channels=channels,
            mean=tuple(recipe["mean"]),
            deviation=tuple(recipe["std"]),
            interpolation=recipe["interpolation"],
        ),
        licence="that of the weights; the code is Apache-2.0",
        citation="Wightman, PyTorch Image Models, 2019",
        exposed_to=(Exposure(source=UNKNOWN_SOURCE, what="whatever the weights were trained on"),),
    )


def _build(card: EncoderCard, weights: Path | None) -> FrozenImages:
    assert weights is not None  # noqa: S101 - Family.load has asked for them
    import timm

    name = card.name.removeprefix("timm:")
    model = timm.create_model(name, pretrained=False, num_classes=0)
    classifier = model.pretrained_cfg.get("classifier", "")
    names = (classifier,) if isinstance(classifier, str) else tuple(classifier or ())
    digest = fill(
        model,
        read_tensors(weights_file(card.name, weights, _FILES)),
        who=card.name,
        unused=tuple(f"{one}." for one in names if one),
    )
    return FrozenImages(card=stamped(card, digest, known=""), module=_Trunk(model))


SHELF = SHELVES.register("timm")(
    Shelf(
        argument="MODEL, a name timm.list_models() knows, such as timm:resnet50",
        named=_named,
        packages=("timm",),
        extra="timm",
        use="as the weights' licence says",
    )
)

"""DINOv2 and RAD-DINO: vision transformers taught by themselves, the latter on chest X-rays.

Oquab et al., DINOv2: Learning Robust Visual Features without Supervision, TMLR 2024;
Pérez-García et al., Exploring Scalable Medical Image Encoders Beyond Text Supervision, Nature
Machine Intelligence 2025. Through transformers' own classes, from a folder as published.

Pooled is the [CLS] state after the last norm; tokens are the patches after it, row by row,
without registers. The position embeddings are interpolated to the input's size as upstream does.
"""

import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from carina.core import UnknownName
from carina.encoders.card import EncoderCard, Exposure, Preprocess
from carina.encoders.family import ENCODERS, SHELVES, Family, Shelf, stamped
from carina.encoders.folder import built, input_recipe, settings, shape, tensors, the_recipe
from carina.encoders.frozen import FrozenImages
from carina.encoders.protocol import Encoded
from carina.encoders.weights import Migration, fill, migrated

__all__ = ["DINOV2_BASE", "RAD_DINO", "SHELF"]

_KINDS = ("dinov2", "dinov2_with_registers")
# transformers renamed the parts of its attention; the published files have the names of their day
_PUBLISHED = (
    (r"\.attention\.q_proj\.", ".attention.attention.query."),
    (r"\.attention\.k_proj\.", ".attention.attention.key."),
    (r"\.attention\.v_proj\.", ".attention.attention.value."),
    (r"\.attention\.o_proj\.", ".attention.output.dense."),
)
_NAMES = Migration(rename=((r"^dinov2(_with_registers)?\.", ""),))


class _Patches(nn.Module):
    """The last states, sorted into the first word and the patches."""

    def __init__(self, model: nn.Module, registers: int) -> None:
        super().__init__()
        self.model: Any = model
        self.before = 1 + registers

    def forward(self, images: Float[Tensor, "items 3 rows cols"]) -> Encoded:
        states: Tensor = self.model(pixel_values=images).last_hidden_state
        return Encoded(pooled=states[:, 0], tokens=states[:, self.before :])


def _build(card: EncoderCard, weights: Path | None, *, named: bool) -> FrozenImages:
    assert weights is not None  # noqa: S101 - Family.load has asked for them
    found = settings(card.name, weights, _KINDS)
    recipe = (
        input_recipe(card.name, weights, card.preprocess)
        if named
        else the_recipe(card.name, weights)
    )
    assert recipe is not None  # noqa: S101 - the family's where the folder has none
    # here, since importing transformers costs seconds
    from transformers import (
        Dinov2Config,
        Dinov2Model,
        Dinov2WithRegistersConfig,
        Dinov2WithRegistersModel,
    )

    registers = found["model_type"] == "dinov2_with_registers"
    config = Dinov2WithRegistersConfig if registers else Dinov2Config
    model = built(card.name, config, found, Dinov2WithRegistersModel if registers else Dinov2Model)
    digest = fill(
        model,
        migrated(tensors(card.name, weights), _NAMES),
        who=card.name,
        unused=("classifier.",),
        beside={"settings": shape(found)},
        published=_PUBLISHED,
    )
    side = recipe.size // model.config.patch_size
    width = model.config.hidden_size
    card = replace(card, dim=width, token_dim=width, grid=(side, side), preprocess=recipe)
    count = int(getattr(model.config, "num_register_tokens", 0))
    return FrozenImages(
        card=stamped(card, digest, known="", believed=named), module=_Patches(model, count)
    )


def _named(name: str) -> Family:
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name):
        raise UnknownName(f"{name!r} is no name of an encoder: letters, digits, dots, dashes.")
    return Family(
        card=EncoderCard(
            name=f"dinov2:{name}",
            modality="image",
            revision="own file",
            recipe_version=1,
            weights="",
            dim=768,
            token_dim=768,
            preprocess=_GENERAL,
            licence="that of the weights",
            citation=_CITATION,
        ),
        build=partial(_build, named=False),
        weights="required",
        packages=("transformers",),
        weights_from="a folder with config.json, preprocessor_config.json and weights",
        use="as the weights' licence says",
    )


_CITATION = "Oquab et al., DINOv2: Learning Robust Visual Features without Supervision, TMLR 2024"
_GENERAL = Preprocess(
    size=224,
    fit="crop",
    resize=256,
    mean=(0.485, 0.456, 0.406),
    deviation=(0.229, 0.224, 0.225),
    interpolation="bicubic",
)

DINOV2_BASE = ENCODERS.register("dinov2-base")(
    Family(
        card=EncoderCard(
            name="dinov2-base",
            modality="image",
            revision="facebook/dinov2-base",
            recipe_version=1,
            weights="",
            dim=768,
            token_dim=768,
            grid=(16, 16),
            preprocess=_GENERAL,
            licence="Apache-2.0",
            citation=_CITATION,
            exposed_to=(
                Exposure(
                    source="lvd-142m",
                    what="photographs gathered from the web; no radiographs are named",
                ),
            ),
        ),
        build=partial(_build, named=True),
        weights="required",
        packages=("transformers",),
        weights_from="hub:facebook/dinov2-base, the folder",
    )
)

RAD_DINO = ENCODERS.register("rad-dino")(
    Family(
        card=EncoderCard(
            name="rad-dino",
            modality="image",
            revision="microsoft/rad-dino",
            recipe_version=1,
            weights="",
            dim=768,
            token_dim=768,
            grid=(37, 37),
            preprocess=Preprocess(
                size=518,
                fit="crop",
                mean=(0.5307,),
                deviation=(0.2583,),
                interpolation="bicubic",
            ),
            licence="MIT; research licence MSRLA on copies from before 2025",
            citation="Pérez-García et al., Exploring Scalable Medical Image Encoders Beyond Text "
            "Supervision, Nature Machine Intelligence 2025",
            exposed_to=tuple(
                Exposure(source=source, what="training films without labels or reports")
                for source in ("mimic-cxr-jpg", "chexpert", "nih-chestxray14", "padchest", "brax")
            ),
        ),
        build=partial(_build, named=True),
        weights="required",
        packages=("transformers",),
        weights_from="hub:microsoft/rad-dino, the folder",
        use="research; upstream says not for clinical practice",
    )
)

SHELF = SHELVES.register("dinov2")(
    Shelf(
        argument="NAME, a name of your own for a folder of the kind, such as dinov2:mine",
        named=_named,
        packages=("transformers",),
        use="as the weights' licence says",
    )
)

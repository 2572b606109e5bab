"""SigLIP and MedSigLIP: films and texts in one space, from a folder as transformers publishes it.

Zhai et al., Sigmoid Loss for Language Image Pre-Training, ICCV 2023; Sellergren et al., MedGemma
Technical Report, arXiv:2507.05201, for MedSigLIP. Through transformers' own `SiglipVisionModel`
and `SiglipTextModel`.

Of an image, pooled is the attention head's output and tokens are the patches after the last norm,
row by row. Of a text it is the last word's state through the head: texts are padded to the full
length, as in training, and the padding is looked at. Before that they lose capitals, ASCII
punctuation and double spaces, and are cut to `max_tokens` with the end sign kept.

MedSigLIP's input recipe is that of its ``preprocessor_config.json`` (bicubic). The example on its
model card resizes by TensorFlow's bilinear filter first; numbers made so differ a little.
"""

import re
import string
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn

from carina.core import MissingFile, UnreadableFile
from carina.encoders.card import EncoderCard, Exposure, Preprocess
from carina.encoders.family import ENCODERS, SHELVES, Family, Shelf, stamped
from carina.encoders.folder import (
    built,
    input_recipe,
    names,
    release,
    settings,
    shape,
    tensors,
    the_recipe,
    tower,
    whole_grid,
)
from carina.encoders.frozen import FrozenImages, FrozenTexts
from carina.encoders.pieces import unigram_pieces
from carina.encoders.protocol import Encoded
from carina.encoders.weights import Migration, fill, migrated

__all__ = ["IMAGE", "SHELF", "TEXT"]

_KINDS = ("siglip",)
_SCALES = (frozenset({"logit_scale"}), frozenset({"logit_bias"}))
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_CITATION = "Zhai et al., Sigmoid Loss for Language Image Pre-Training, ICCV 2023"


class _Films(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.vision_model: Any = model

    def forward(self, images: Float[Tensor, "items 3 rows cols"]) -> Encoded:
        found = self.vision_model(pixel_values=images)
        return Encoded(pooled=found.pooler_output, tokens=found.last_hidden_state)


class _Texts(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.text_model: Any = model

    def forward(self, numbers: Int[Tensor, "texts words"]) -> Float[Tensor, "texts dim"]:
        pooled: Tensor = self.text_model(input_ids=numbers).pooler_output
        return pooled


def _build_image(card: EncoderCard, weights: Path | None, *, named: bool) -> FrozenImages:
    assert weights is not None  # noqa: S101 - Family.load has asked for them
    whole = settings(card.name, weights, _KINDS)
    part = whole.get("vision_config", {})
    recipe = (
        input_recipe(card.name, weights, card.preprocess)
        if named
        else the_recipe(card.name, weights)
    )
    assert recipe is not None  # noqa: S101 - the family's where the folder has none
    # here, since importing transformers costs seconds
    from transformers import SiglipVisionConfig, SiglipVisionModel

    model = built(card.name, SiglipVisionConfig, part, SiglipVisionModel)
    films = _Films(model)
    found = migrated(tensors(card.name, weights), Migration())
    digest = fill(
        films,
        found,
        who=card.name,
        idle=_others(card.name, whole, "text_model."),
        beside={"settings": shape(part)},
    )
    width = model.config.hidden_size
    card = replace(
        card,
        dim=width,
        token_dim=width,
        grid=whole_grid(card.name, recipe, model.config),
        preprocess=recipe,
        space=f"siglip:{release(found)}",
    )
    return FrozenImages(card=stamped(card, digest, known="", believed=named), module=films)


def _build_text(card: EncoderCard, weights: Path | None, *, named: bool) -> FrozenTexts:
    assert weights is not None  # noqa: S101 - Family.load has asked for them
    whole = settings(card.name, weights, _KINDS)
    part = whole.get("text_config", {})
    # here, since importing transformers costs seconds
    from transformers import SiglipTextConfig, SiglipTextModel

    model = built(card.name, SiglipTextConfig, part, SiglipTextModel)
    texts = _Texts(model)
    found = migrated(tensors(card.name, weights), Migration())
    card = replace(
        card,
        dim=model.config.projection_size,
        max_tokens=model.config.max_position_embeddings,
        space=f"siglip:{release(found)}",
    )
    tokenise, vocabulary = _words(card.name, weights, card.max_tokens)
    digest = fill(
        texts,
        found,
        who=card.name,
        idle=_others(card.name, whole, "vision_model."),
        beside={"settings": shape(part), **vocabulary},
    )
    return FrozenTexts(
        card=stamped(card, digest, known="", believed=named), module=texts, tokenise=tokenise
    )


def _others(who: str, whole: dict[str, Any], tower: str) -> tuple[frozenset[str], ...]:
    """What else stands in such a file, name by name: the other tower, and two scales."""
    from transformers import SiglipConfig, SiglipModel

    known = names(who, SiglipConfig, whole, SiglipModel)
    return frozenset(name for name in known if name.startswith(tower)), *_SCALES


def _words(
    who: str, weights: Path, most: int
) -> tuple[Callable[[str], list[int]], dict[str, bytes]]:
    """A text to exactly `most` numbers, and the file that shapes them."""
    file = (weights if weights.is_dir() else weights.parent) / "spiece.model"
    if not file.is_file():
        raise MissingFile(
            f"{who} reads its vocabulary from spiece.model beside the weights, and there is none. "
            "Put it there as it was published with them."
        )
    data = file.read_bytes()
    pieces, controls = unigram_pieces(who, data)
    if "</s>" not in controls:
        raise UnreadableFile(f"spiece.model of {who} has no sign for the end of a text.")
    end = controls["</s>"]

    def tokenise(text: str) -> list[int]:
        numbers = pieces(_canonical(text))[: most - 1]
        # the end sign is the padding too
        return numbers + [end] * (most - len(numbers))

    return tokenise, {file.name: data}


def _canonical(text: str) -> str:
    """A text as SigLIP was shown them; the sign of a space goes first, as upstream puts it."""
    plain = ("▁" + text.replace("▁", " ")).lower().translate(_PUNCTUATION)
    plain = re.sub(r"\s+", " ", plain).strip()
    return "" if plain == "▁" else plain


def _card(name: str, modality: str, preprocess: Preprocess) -> EncoderCard:
    """What holds for every release, until its settings are read."""
    image = modality == "image"
    return EncoderCard(
        name=name,
        modality=modality,
        revision="own file",
        recipe_version=1,
        weights="",
        dim=1152,
        token_dim=1152 if image else 0,
        grid=(32, 32) if image else (0, 0),
        space="siglip",
        preprocess=preprocess if image else None,
        max_tokens=0 if image else 64,
        batch=4 if image else 32,
        licence="that of the weights",
        citation=_CITATION,
    )


def _named(argument: str) -> Family:
    modality = tower("siglip", argument)
    return Family(
        card=_card(f"siglip:{argument}", modality, _MED),
        build=partial(_build_image if modality == "image" else _build_text, named=False),
        weights="required",
        packages=("transformers",),
        weights_from="a folder with config.json, preprocessor_config.json, spiece.model, weights",
        use="as the weights' licence says",
    )


_MED = Preprocess(size=448, mean=(0.5,), deviation=(0.5,), interpolation="bicubic")


def _medsiglip(modality: str) -> Family:
    name = f"medsiglip-{modality}"
    return ENCODERS.register(name)(
        Family(
            card=replace(
                _card(name, modality, _MED),
                revision="google/medsiglip-448",
                licence="Health AI Developer Foundations terms of use",
                citation="Sellergren et al., MedGemma Technical Report, arXiv:2507.05201",
                exposed_to=(
                    Exposure(source="mimic-cxr-jpg", what="training films with their reports"),
                    Exposure(
                        source="medical-image-text-pairs",
                        what="other chest X-rays, skin, eye, tissue, CT and MRI images with texts, "
                        "public and not; upstream does not list each",
                    ),
                ),
            ),
            build=partial(_build_image if modality == "image" else _build_text, named=True),
            weights="required",
            packages=("transformers",),
            weights_from="hub:google/medsiglip-448, the folder, after its terms are accepted",
            use="as the Health AI Developer Foundations terms say; not for clinical use as it is",
        )
    )


IMAGE = _medsiglip("image")
TEXT = _medsiglip("text")

SHELF = SHELVES.register("siglip")(
    Shelf(
        argument="NAME/image or NAME/text, with a name of your own, such as siglip:mine/image",
        named=_named,
        packages=("transformers",),
        use="as the weights' licence says",
    )
)

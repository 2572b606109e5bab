"""CLIP in the form transformers publishes: ``clip:NAME/image`` and ``clip:NAME/text``.

Radford et al., Learning Transferable Visual Models From Natural Language Supervision, ICML 2021.
Through transformers' own classes, from a folder with settings, weights and tokenizer files; the
form of the authors' own checkpoints is another family.

Pooled is the projected vector, not normalised. Tokens are the last layer's patches before norm
and projection, row by row, since no training brought them into the shared space.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn

from carina.core import MissingFile, UnreadableFile
from carina.encoders.card import EncoderCard, Preprocess
from carina.encoders.family import SHELVES, Family, Shelf, stamped
from carina.encoders.folder import (
    built,
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
from carina.encoders.protocol import Encoded
from carina.encoders.weights import Migration, fill, migrated

__all__ = ["SHELF"]

_KINDS = ("clip",)
_TOKENIZER = ("tokenizer.json", "vocab.json", "merges.txt", "tokenizer_config.json")
_VISION = ("vision_model.", "visual_projection.")
_TEXT = ("text_model.", "text_projection.")
_RECIPE = Preprocess(
    size=224,
    fit="crop",
    mean=(0.48145466, 0.4578275, 0.40821073),
    deviation=(0.26862954, 0.26130258, 0.27577711),
    interpolation="bicubic",
)


class _Films(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model: Any = model

    def forward(self, images: Float[Tensor, "items 3 rows cols"]) -> Encoded:
        found = self.model(pixel_values=images)
        states: Tensor = found.last_hidden_state
        return Encoded(pooled=found.image_embeds, tokens=states[:, 1:])


class _Texts(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model: Any = model

    def forward(self, numbers: Int[Tensor, "texts words"]) -> Float[Tensor, "texts dim"]:
        pooled: Tensor = self.model(input_ids=numbers).text_embeds
        return pooled


def _part(who: str, weights: Path, tower: str) -> dict[str, Any]:
    """The settings of one tower; the width of the space stands outside of it."""
    found = settings(who, weights, _KINDS)
    # older files say what differs from the defaults under another name
    inner = found.get(tower) or found.get(f"{tower}_dict")
    width = found.get("projection_dim", 512)
    return (inner if isinstance(inner, dict) else {}) | {"projection_dim": width}


def _build_image(card: EncoderCard, weights: Path | None) -> FrozenImages:
    assert weights is not None  # noqa: S101 - Family.load has asked for them
    part, recipe = _part(card.name, weights, "vision_config"), the_recipe(card.name, weights)
    # here, since importing transformers costs seconds
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    model = built(card.name, CLIPVisionConfig, part, CLIPVisionModelWithProjection)
    found = migrated(tensors(card.name, weights), Migration())
    digest = fill(
        model,
        found,
        who=card.name,
        idle=_others(card.name, weights, _TEXT),
        beside={"settings": shape(part)},
    )
    card = replace(
        card,
        dim=model.config.projection_dim,
        token_dim=model.config.hidden_size,
        grid=whole_grid(card.name, recipe, model.config),
        preprocess=recipe,
        space=f"clip:{release(found)}",
    )
    return FrozenImages(card=stamped(card, digest, known=""), module=_Films(model))


def _build_text(card: EncoderCard, weights: Path | None) -> FrozenTexts:
    assert weights is not None  # noqa: S101 - Family.load has asked for them
    part = _part(card.name, weights, "text_config")
    # here, since importing transformers costs seconds
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection

    model = built(card.name, CLIPTextConfig, part, CLIPTextModelWithProjection)
    found = migrated(tensors(card.name, weights), Migration())
    most = model.config.max_position_embeddings
    tokenise, vocabulary = _words(card.name, weights, most)
    digest = fill(
        model,
        found,
        who=card.name,
        idle=_others(card.name, weights, _VISION),
        beside={"settings": shape(part), **vocabulary},
    )
    card = replace(
        card,
        dim=model.config.projection_dim,
        max_tokens=most,
        space=f"clip:{release(found)}",
    )
    return FrozenTexts(
        card=stamped(card, digest, known=""), module=_Texts(model), tokenise=tokenise
    )


def _others(who: str, weights: Path, tower: tuple[str, str]) -> tuple[frozenset[str], ...]:
    """What else stands in such a file, name by name: the other tower, and a scale."""
    from transformers import CLIPConfig, CLIPModel

    known = names(who, CLIPConfig, settings(who, weights, _KINDS), CLIPModel)
    others = frozenset(name for name in known if name.startswith(tower))
    return others, frozenset({"logit_scale"})


def _words(
    who: str, weights: Path, most: int
) -> tuple[Callable[[str], list[int]], dict[str, bytes]]:
    """A text to its numbers, and the files that shape them."""
    folder = weights if weights.is_dir() else weights.parent
    files = {name: (folder / name).read_bytes() for name in _TOKENIZER if (folder / name).is_file()}
    if "tokenizer.json" not in files and not {"vocab.json", "merges.txt"} <= files.keys():
        raise MissingFile(
            f"{who} reads its vocabulary from tokenizer.json, or vocab.json and merges.txt, beside "
            "the weights, and they are not there. Put them there as published with the weights."
        )
    from transformers import CLIPTokenizerFast

    try:
        # a class named here, not found by the folder's settings: those may name code
        tokenizer = CLIPTokenizerFast.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # whatever a damaged vocabulary makes of it
        raise UnreadableFile(
            f"The tokenizer files of {who} cannot be read ({type(error).__name__}). Copy them anew."
        ) from error

    def tokenise(text: str) -> list[int]:
        numbers: list[int] = tokenizer(text, truncation=True, max_length=most)["input_ids"]
        return numbers

    return tokenise, files


def _named(argument: str) -> Family:
    image = tower("clip", argument) == "image"
    card = EncoderCard(
        name=f"clip:{argument}",
        modality="image" if image else "text",
        revision="own file",
        recipe_version=1,
        weights="",
        dim=512,
        token_dim=768 if image else 0,
        space="clip",
        preprocess=_RECIPE if image else None,
        max_tokens=0 if image else 77,
        batch=4 if image else 32,
        licence="that of the weights",
        citation="Radford et al., Learning Transferable Visual Models From Natural Language "
        "Supervision, ICML 2021",
    )
    return Family(
        card=card,
        build=_build_image if image else _build_text,
        weights="required",
        packages=("transformers",),
        weights_from="a folder with config.json, preprocessor_config.json, weights, tokenizer files",
        use="as the weights' licence says",
    )


SHELF = SHELVES.register("clip")(
    Shelf(
        argument="NAME/image or NAME/text, with a name of your own, such as clip:mine/image",
        named=_named,
        packages=("transformers",),
        use="as the weights' licence says",
    )
)

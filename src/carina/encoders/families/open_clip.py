"""CLIP models of open_clip, by their names there, and BiomedCLIP; weights are a file of the user's.

Ilharco et al., OpenCLIP, 2021. Zhang et al., BiomedCLIP: a multimodal biomedical foundation model
pretrained from fifteen million scientific image-text pairs, NEJM AI 2025. Both towers stand in one
checkpoint; every name of it is accounted for, whichever tower is asked for.
"""

import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn

from carina.core import MissingFile, UnknownName, UnreadableFile, unknown
from carina.encoders.card import UNKNOWN_SOURCE, EncoderCard, Exposure, Preprocess
from carina.encoders.family import ENCODERS, SHELVES, Family, Shelf, stamped
from carina.encoders.frozen import FrozenImages, FrozenTexts
from carina.encoders.protocol import Encoded
from carina.encoders.tokens import bert_tokens
from carina.encoders.weights import Migration, fill, migrated, read_tensors, weights_file

__all__ = ["BIOMEDCLIP_IMAGE", "BIOMEDCLIP_TEXT", "IMAGES", "TEXTS"]

_FILES = (
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.bin",
    "model.safetensors",
)
_SETTINGS = "open_clip_config.json"
_UNKNOWN = (Exposure(source=UNKNOWN_SOURCE, what="whatever the weights were trained on"),)
_INTERPOLATIONS = ("bilinear", "bicubic")
_FITS = {"shortest": "crop", "longest": "pad", "squash": "squash"}
_USE = "as the weights' licence says"


class _Films(nn.Module):
    """The image tower; not normalised."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.visual: Any = model.visual

    def forward(self, images: Float[Tensor, "items 3 rows cols"]) -> Encoded:
        found = self.visual(images)
        pooled, *others = found if isinstance(found, tuple) else (found,)
        return Encoded(pooled=pooled, tokens=others[0] if others else None)


class _Texts(nn.Module):
    """The text tower; not normalised."""

    def __init__(self, model: Any, length: int) -> None:
        super().__init__()
        self.model = model
        self.length = length
        del model.visual

    def forward(self, numbers: Int[Tensor, "texts words"]) -> Float[Tensor, "texts dim"]:
        # padded to the full length as upstream does: its position of the end is that of a row
        padded = nn.functional.pad(numbers, (0, self.length - numbers.shape[1]))
        pooled: Tensor = self.model.encode_text(padded)
        return pooled


def _model(name: str) -> Any:
    """A model of open_clip's own list, weights drawn at random."""
    # here, since the package is an extra and takes seconds to import
    import open_clip

    if name not in open_clip.list_models():
        raise unknown("open_clip model", name, open_clip.list_models())
    settings = open_clip.get_model_config(name)
    if "hf_model_name" in settings["text_cfg"]:
        raise UnknownName(
            f"open_clip's {name} takes its text tower from a hub, which carina does not ask "
            "unasked. Choose a model with a text tower of its own."
        )
    return open_clip.create_model(name, load_weights=False)


def _image_named(name: str) -> Family:
    visual = _model(name).visual
    return Family(
        card=_image_card(f"open-clip-image:{name}", visual, visual.preprocess_cfg),
        build=_build_image,
        weights="required",
        packages=("open_clip",),
        extra="open-clip",
        weights_from=f"open_clip's publication of {name}, or your training",
        use=_USE,
    )


def _image_card(name: str, visual: Any, recipe: dict[str, Any]) -> EncoderCard:
    size = recipe["size"]
    rows, cols = size if isinstance(size, tuple | list) else (size, size)
    if rows != cols or recipe["interpolation"] not in _INTERPOLATIONS:
        raise UnknownName(
            f"{name} wants {rows} x {cols} images by {recipe['interpolation']}; carina prepares "
            f"square ones by {' or '.join(_INTERPOLATIONS)}. Choose another model."
        )
    grid, width = _grid(visual)
    return EncoderCard(
        name=name,
        modality="image",
        revision="own file",
        recipe_version=1,
        weights="",
        dim=visual.output_dim if hasattr(visual, "output_dim") else visual.head.proj.out_features,
        token_dim=width,
        grid=grid,
        preprocess=Preprocess(
            size=rows,
            fit=_FITS[recipe["resize_mode"]],
            mean=tuple(recipe["mean"]),
            deviation=tuple(recipe["std"]),
            interpolation=recipe["interpolation"],
        ),
        licence="that of the weights; the code is MIT",
        citation="Ilharco et al., OpenCLIP, 2021",
        exposed_to=_UNKNOWN,
    )


def _grid(visual: Any) -> tuple[tuple[int, int], int]:
    """Rows, columns and width of the patches where the tower is open_clip's own transformer."""
    from open_clip.transformer import VisionTransformer

    if not isinstance(visual, VisionTransformer):
        return (0, 0), 0
    rows, cols = visual.grid_size
    return (rows, cols), visual.positional_embedding.shape[1]


def _build_image(card: EncoderCard, weights: Path | None) -> FrozenImages:
    model = _model(card.name.partition(":")[2])
    digest = _filled(model, card, weights)
    if card.token_dim:
        model.visual.output_tokens = True
    return FrozenImages(card=_towers(card, digest), module=_Films(model))


def _text_named(name: str) -> Family:
    import open_clip

    text = open_clip.get_model_config(name) if name in open_clip.list_models() else None
    if text is None:
        raise unknown("open_clip model", name, open_clip.list_models())
    _model(name)
    return Family(
        card=EncoderCard(
            name=f"open-clip-text:{name}",
            modality="text",
            revision="own file",
            recipe_version=1,
            weights="",
            dim=int(text["embed_dim"]),
            max_tokens=int(text["text_cfg"].get("context_length", 77)),
            batch=32,
            licence="that of the weights; the code is MIT",
            citation="Ilharco et al., OpenCLIP, 2021",
            exposed_to=_UNKNOWN,
        ),
        build=_build_text,
        weights="required",
        packages=("open_clip",),
        extra="open-clip",
        weights_from=f"open_clip's publication of {name}, or your training",
        use=_USE,
    )


def _build_text(card: EncoderCard, weights: Path | None) -> FrozenTexts:
    import open_clip

    name = card.name.partition(":")[2]
    model = _model(name)
    digest = _filled(model, card, weights)
    tokenizer = open_clip.get_tokenizer(name)

    def tokenise(text: str) -> list[int]:
        numbers: list[int] = tokenizer([text])[0].tolist()
        return numbers

    module = _Texts(model, card.max_tokens)
    return FrozenTexts(card=_towers(card, digest), module=module, tokenise=tokenise)


def _filled(
    model: nn.Module,
    card: EncoderCard,
    weights: Path | None,
    beside: dict[str, bytes] | None = None,
) -> str:
    assert weights is not None  # noqa: S101 - Family.load has asked for them
    tensors = migrated(read_tensors(weights_file(card.name, weights, _FILES)), Migration())
    return fill(model, tensors, who=card.name, beside=beside)


def _towers(card: EncoderCard, digest: str) -> EncoderCard:
    """Two towers out of one file share a space, those of two files do not."""
    return replace(stamped(card, digest, known=""), space=f"open-clip-{digest[:20]}")


IMAGES = SHELVES.register("open-clip-image")(
    Shelf(
        argument="MODEL, a name open_clip.list_models() knows, such as open-clip-image:ViT-B-32",
        named=_image_named,
        packages=("open_clip",),
        extra="open-clip",
        use=_USE,
    )
)
TEXTS = SHELVES.register("open-clip-text")(
    Shelf(
        argument="MODEL, a name open_clip.list_models() knows, such as open-clip-text:ViT-B-32",
        named=_text_named,
        packages=("open_clip",),
        extra="open-clip",
        use=_USE,
    )
)

_BIOMED = Exposure(
    source="pmc-15m",
    what="figures and captions of biomedical articles, radiographs among them; which films of "
    "which set were printed there is not known",
)
_BIOMED_CITATION = (
    "Zhang et al., BiomedCLIP: a multimodal biomedical foundation model pretrained from fifteen "
    "million scientific image-text pairs, NEJM AI 2025"
)


def _biomed(card: EncoderCard, weights: Path | None) -> tuple[Any, str, Any]:
    """BiomedCLIP's model, the digest of its weights and its way from texts to numbers."""
    assert weights is not None  # noqa: S101 - Family.load has asked for them
    from open_clip.model import CustomTextCLIP
    from transformers import BertConfig

    folder = weights if weights.is_dir() else weights.parent
    settings = _settings(card, folder)
    tokenise, vocabulary = bert_tokens(card.name, folder, card.max_tokens)
    with TemporaryDirectory() as scratch:
        # its text tower is BERT-base; upstream would ask a hub for these settings
        BertConfig().save_pretrained(scratch)
        text = settings["text_cfg"] | {"hf_model_name": scratch, "hf_model_pretrained": False}
        model = CustomTextCLIP(
            embed_dim=settings["embed_dim"], vision_cfg=settings["vision_cfg"], text_cfg=text
        )
    return model, _filled(model, card, weights, beside=vocabulary), tokenise


def _settings(card: EncoderCard, folder: Path) -> dict[str, Any]:
    path = folder / _SETTINGS
    if not path.is_file():
        raise MissingFile(
            f"{card.name} reads its layers from {_SETTINGS} beside the weights, and there is none. "
            "Put the files of its repository into one folder."
        )
    try:
        settings: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["model_cfg"]
    except (ValueError, KeyError, TypeError):
        raise UnreadableFile(
            f"{_SETTINGS} is no settings file of open_clip. Copy it anew."
        ) from None
    return settings


def _build_biomed_image(card: EncoderCard, weights: Path | None) -> FrozenImages:
    model, digest, _ = _biomed(card, weights)
    card = stamped(card, digest, known="", believed=True)
    return FrozenImages(card=card, module=_Films(model))


def _build_biomed_text(card: EncoderCard, weights: Path | None) -> FrozenTexts:
    model, digest, tokenise = _biomed(card, weights)
    card = stamped(card, digest, known="", believed=True)
    return FrozenTexts(card=card, module=_Texts(model, card.max_tokens), tokenise=tokenise)


_BIOMED_FROM = (
    "hub:microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224, the folder with "
    "open_clip_config.json, weights and tokenizer files"
)
BIOMEDCLIP_IMAGE = ENCODERS.register("biomedclip-image")(
    Family(
        card=EncoderCard(
            name="biomedclip-image",
            modality="image",
            revision="PubMedBERT_256-vit_base_patch16_224",
            recipe_version=1,
            weights="",
            dim=512,
            space="biomedclip",
            preprocess=Preprocess(
                size=224,
                fit="crop",
                mean=(0.48145466, 0.4578275, 0.40821073),
                deviation=(0.26862954, 0.26130258, 0.27577711),
                interpolation="bicubic",
            ),
            licence="MIT",
            citation=_BIOMED_CITATION,
            exposed_to=(_BIOMED,),
        ),
        build=_build_biomed_image,
        weights="required",
        packages=("open_clip", "transformers"),
        extra="open-clip",
        weights_from=_BIOMED_FROM,
        use="research; its model card rules clinical use out",
    )
)
BIOMEDCLIP_TEXT = ENCODERS.register("biomedclip-text")(
    Family(
        card=EncoderCard(
            name="biomedclip-text",
            modality="text",
            revision="PubMedBERT_256-vit_base_patch16_224",
            recipe_version=1,
            weights="",
            dim=512,
            space="biomedclip",
            max_tokens=256,
            batch=32,
            licence="MIT",
            citation=_BIOMED_CITATION,
            exposed_to=(_BIOMED,),
        ),
        build=_build_biomed_text,
        weights="required",
        packages=("open_clip", "transformers"),
        extra="open-clip",
        weights_from=_BIOMED_FROM,
        use="research; its model card rules clinical use out",
    )
)

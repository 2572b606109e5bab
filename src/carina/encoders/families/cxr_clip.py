"""CXR-CLIP with a Swin transformer or a ResNet-50: films and reports in one space of 512 numbers.

You et al., CXR-CLIP: Toward Large Scale Chest X-ray Language-Image Pre-training, MICCAI 2023. A
checkpoint is a table with the weights under "model"; upstream takes the first patch of the last map
for the film (Swin has no class token) and the last word, [SEP], for the text.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from jaxtyping import Float, Int
from torch import Tensor, nn

from carina.encoders.card import EncoderCard, Exposure, Preprocess
from carina.encoders.families.medclip import RESNET_STAGES, SWIN_NAMES
from carina.encoders.family import ENCODERS, Family, stamped
from carina.encoders.frozen import FrozenImages, FrozenTexts
from carina.encoders.protocol import Encoded
from carina.encoders.resnet import ResNet
from carina.encoders.tokens import bert_tokens
from carina.encoders.weights import fill, migrated, read_tensors, weights_file

__all__ = ["IMAGE", "RESNET_IMAGE", "RESNET_TEXT", "TEXT"]

_FILES = ("swint_mc.pt", "r50_mc.pt", "model.pt", "model.safetensors")
_SEEN = (
    Exposure(source="mimic-cxr-jpg", what="training films and reports"),
    Exposure(source="chexpert", what="training films, with prompts made from their labels"),
    Exposure(
        source="nih-chestxray14",
        what="one of the published checkpoints saw its training films, with prompts made from "
        "their labels",
    ),
)
_LICENCE = "Apache-2.0"
_CITATION = (
    "You et al., CXR-CLIP: Toward Large Scale Chest X-ray Language-Image Pre-training, MICCAI 2023"
)


class _Projection(nn.Module):
    def __init__(self, width: int = 768) -> None:
        super().__init__()
        self.projection = nn.Linear(width, 512)


class _Films(nn.Module):
    """Swin-Tiny and a linear projection, under the names of the whole model."""

    def __init__(self) -> None:
        super().__init__()
        # here, since importing transformers costs seconds
        from transformers import SwinConfig, SwinModel

        self.image_encoder = nn.ModuleDict({"image_encoder": SwinModel(SwinConfig())})
        self.image_projection = _Projection()

    def forward(self, images: Float[Tensor, "items 3 224 224"]) -> Encoded:
        patches = self.image_encoder["image_encoder"](pixel_values=images).last_hidden_state
        tokens: Tensor = self.image_projection.projection(patches)
        return Encoded(pooled=tokens[:, 0], tokens=tokens)


class _ResNetFilms(nn.Module):
    """ResNet-50, the mean of its last map, and a linear projection."""

    def __init__(self) -> None:
        super().__init__()
        self.image_encoder = nn.ModuleDict({"resnet": ResNet(inputs=3, blocks=(3, 4, 6, 3))})
        self.image_projection = _Projection(2048)

    def forward(self, images: Float[Tensor, "items 3 224 224"]) -> Encoded:
        maps = self.image_encoder["resnet"](images)
        tokens: Tensor = self.image_projection.projection(maps[-1].flatten(2).transpose(1, 2))
        return Encoded(pooled=tokens.mean(dim=1), tokens=tokens, stages=maps)


class _Texts(nn.Module):
    """Clinical BERT and a linear projection of its last word."""

    def __init__(self) -> None:
        super().__init__()
        from transformers import BertConfig, BertModel

        bert = BertModel(BertConfig(vocab_size=28996), add_pooling_layer=False)
        self.text_encoder = nn.ModuleDict({"text_encoder": bert})
        self.text_projection = _Projection()

    def forward(self, numbers: Int[Tensor, "texts words"]) -> Float[Tensor, "texts 512"]:
        words = self.text_encoder["text_encoder"](input_ids=numbers).last_hidden_state
        pooled: Tensor = self.text_projection.projection(words[:, -1])
        return pooled


def _build_image(card: EncoderCard, weights: Path | None) -> FrozenImages:
    module = _ResNetFilms() if card.stages else _Films()
    digest = _filled(module, ("text_encoder.", "text_projection."), card, weights)
    return FrozenImages(card=stamped(card, digest, known="", believed=True), module=module)


def _build_text(card: EncoderCard, weights: Path | None) -> FrozenTexts:
    assert weights is not None  # noqa: S101 - Family.load has asked for them
    module = _Texts()
    tokenise, vocabulary = bert_tokens(card.name, weights, card.max_tokens)
    other = ("image_encoder.", "image_projection.", "text_encoder.text_encoder.pooler.")
    digest = _filled(module, other, card, weights, beside=vocabulary)
    return FrozenTexts(
        card=stamped(card, digest, known="", believed=True), module=module, tokenise=tokenise
    )


def _filled(
    module: nn.Module,
    unused: tuple[str, ...],
    card: EncoderCard,
    weights: Path | None,
    beside: Mapping[str, bytes] | None = None,
) -> str:
    assert weights is not None  # noqa: S101 - Family.load has asked for them
    tensors = migrated(read_tensors(weights_file(card.name, weights, _FILES)), SWIN_NAMES)
    return fill(module, tensors, who=card.name, unused=(*unused, "logit_scale"), beside=beside)


IMAGE = ENCODERS.register("cxr-clip-image")(
    Family(
        card=EncoderCard(
            name="cxr-clip-image",
            modality="image",
            revision="swin-tiny",
            recipe_version=1,
            weights="",
            dim=512,
            token_dim=512,
            grid=(7, 7),
            space="cxr-clip-swin-tiny",
            preprocess=Preprocess(size=224, fit="crop", mean=(0.5,), deviation=(0.5,)),
            licence=_LICENCE,
            citation=_CITATION,
            exposed_to=_SEEN,
        ),
        build=_build_image,
        weights="required",
        packages=("transformers",),
        weights_from="CXR-CLIP's release, checkpoints with a Swin-Tiny encoder",
        use="research",
    )
)

TEXT = ENCODERS.register("cxr-clip-text")(
    Family(
        card=EncoderCard(
            name="cxr-clip-text",
            modality="text",
            revision="swin-tiny",
            recipe_version=1,
            weights="",
            dim=512,
            space="cxr-clip-swin-tiny",
            max_tokens=256,
            batch=32,
            licence=_LICENCE,
            citation=_CITATION,
            exposed_to=_SEEN,
        ),
        build=_build_text,
        weights="required",
        packages=("transformers",),
        weights_from="CXR-CLIP's release, in a folder beside the tokenizer files of "
        "Bio_ClinicalBERT",
        use="research",
    )
)

RESNET_IMAGE = ENCODERS.register("cxr-clip-resnet-image")(
    replace(
        IMAGE,
        card=replace(
            IMAGE.card,
            name="cxr-clip-resnet-image",
            revision="resnet50",
            space="cxr-clip-resnet50",
            stages=RESNET_STAGES,
        ),
        weights_from="CXR-CLIP's release, checkpoints with a ResNet-50 encoder",
    )
)

RESNET_TEXT = ENCODERS.register("cxr-clip-resnet-text")(
    replace(
        TEXT,
        card=replace(
            TEXT.card,
            name="cxr-clip-resnet-text",
            revision="resnet50",
            space="cxr-clip-resnet50",
        ),
    )
)

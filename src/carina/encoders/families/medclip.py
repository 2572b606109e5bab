"""MedCLIP: a Swin transformer or ResNet-50 for films and a clinical BERT for texts, in one space.

Wang et al., MedCLIP: Contrastive Learning from Unpaired Medical Images and Text, EMNLP 2022. Both
towers stand in one checkpoint, ``pytorch_model.bin``, under ``vision_model.`` and ``text_model.``;
the published package cannot load it with the transformers of today.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from jaxtyping import Float, Int
from torch import Tensor, nn

from carina.encoders.card import EncoderCard, Exposure, Preprocess, Stage
from carina.encoders.family import ENCODERS, Family, stamped
from carina.encoders.frozen import FrozenImages, FrozenTexts
from carina.encoders.protocol import Encoded
from carina.encoders.resnet import ResNet
from carina.encoders.tokens import bert_tokens
from carina.encoders.weights import Migration, fill, migrated, read_tensors, weights_file

__all__ = ["IMAGE", "RESNET_IMAGE", "RESNET_STAGES", "RESNET_TEXT", "SWIN_NAMES", "TEXT"]

_FILES = ("pytorch_model.bin", "model.safetensors")
# transformers renamed the parts of Swin; checkpoints have the names of their day
SWIN_NAMES = Migration(
    rename=(
        (r"(encoder.layers.*)attention\.self\.query\.", r"\1attention.q_proj."),
        (r"(encoder.layers.*)attention\.self\.key\.", r"\1attention.k_proj."),
        (r"(encoder.layers.*)attention\.self\.value\.", r"\1attention.v_proj."),
        (r"(encoder.layers.*)attention\.output\.dense\.", r"\1attention.o_proj."),
        (
            r"(encoder.layers.*)attention\.self\.relative_position_bias_table",
            r"\1attention.relative_position_bias.relative_position_bias_table",
        ),
        (r"(encoder.layers.*)intermediate\.dense\.", r"\1mlp.fc1."),
        (r"(encoder.layers.*blocks\.\d+\.)output\.dense\.", r"\1mlp.fc2."),
    ),
    drop=(r"(.*\.)?position_ids", r"(.*\.)?relative_position_index"),
)
_SEEN = (
    Exposure(source="mimic-cxr-jpg", what="training films and reports, labels by a rule labeller"),
    Exposure(source="chexpert", what="training films with their labels"),
)
RESNET_STAGES = tuple(
    Stage(stride=stride, width=width)
    for stride, width in ((4, 256), (8, 512), (16, 1024), (32, 2048))
)
"""The maps of a ResNet-50."""
_LICENCE = "none stated for the weights; the code is MIT"
_CITATION = (
    "Wang et al., MedCLIP: Contrastive Learning from Unpaired Medical Images and Text, EMNLP 2022"
)


class _Films(nn.Module):
    """Swin-Tiny, the mean over its last map, projected without a bias."""

    def __init__(self) -> None:
        super().__init__()
        # here, since importing transformers costs seconds
        from transformers import SwinConfig, SwinModel

        # the defaults of SwinConfig are swin-tiny-patch4-window7-224
        self.model = SwinModel(SwinConfig())
        self.projection_head = nn.Linear(768, 512, bias=False)

    def forward(self, images: Float[Tensor, "items 3 224 224"]) -> Encoded:
        found = self.model(pixel_values=images)
        pooled: Tensor = self.projection_head(found.pooler_output)
        tokens: Tensor = self.projection_head(found.last_hidden_state)
        return Encoded(pooled=pooled, tokens=tokens)


class _ResNetFilms(nn.Module):
    """ResNet-50 whose classifier is the projection, without a bias."""

    def __init__(self) -> None:
        super().__init__()
        self.model = ResNet(inputs=3, blocks=(3, 4, 6, 3))
        self.model.add_module("fc", nn.Linear(2048, 512, bias=False))

    def forward(self, images: Float[Tensor, "items 3 224 224"]) -> Encoded:
        maps = self.model(images)
        project = self.model.get_submodule("fc")
        tokens: Tensor = project(maps[-1].flatten(2).transpose(1, 2))
        return Encoded(pooled=tokens.mean(dim=1), tokens=tokens, stages=maps)


class _Texts(nn.Module):
    """The mean over all words of the first, second and last layer, projected without a bias."""

    def __init__(self) -> None:
        super().__init__()
        from transformers import BertConfig, BertModel

        # BioClinicalBERT: BERT-base with the cased vocabulary
        self.model = BertModel(BertConfig(vocab_size=28996))
        self.projection_head = nn.Linear(768, 512, bias=False)

    def forward(self, numbers: Int[Tensor, "texts words"]) -> Float[Tensor, "texts 512"]:
        layers = self.model(input_ids=numbers, output_hidden_states=True).hidden_states
        words = (layers[1] + layers[2] + layers[-1]) / 3
        pooled: Tensor = self.projection_head(words.mean(dim=1))
        return pooled


def _build_image(card: EncoderCard, weights: Path | None) -> FrozenImages:
    module = _ResNetFilms() if card.stages else _Films()
    digest = _filled(module, "vision_model", card, weights)
    return FrozenImages(card=stamped(card, digest, known="", believed=True), module=module)


def _build_text(card: EncoderCard, weights: Path | None) -> FrozenTexts:
    assert weights is not None  # noqa: S101 - Family.load has asked for them
    module = _Texts()
    tokenise, vocabulary = bert_tokens(card.name, weights, card.max_tokens)
    digest = _filled(module, "text_model", card, weights, beside=vocabulary)
    return FrozenTexts(
        card=stamped(card, digest, known="", believed=True), module=module, tokenise=tokenise
    )


def _filled(
    module: nn.Module,
    tower: str,
    card: EncoderCard,
    weights: Path | None,
    beside: Mapping[str, bytes] | None = None,
) -> str:
    """Fill one tower; names of the other are known, all else is told."""
    assert weights is not None  # noqa: S101 - Family.load has asked for them
    other = {"vision_model": "text_model.", "text_model": "vision_model."}[tower]
    tensors = migrated(read_tensors(weights_file(card.name, weights, _FILES)), SWIN_NAMES)
    return fill(
        nn.ModuleDict({tower: module}),
        tensors,
        who=card.name,
        unused=(other, "logit_scale"),
        beside=beside,
    )


IMAGE = ENCODERS.register("medclip-image")(
    Family(
        card=EncoderCard(
            name="medclip-image",
            modality="image",
            revision="medclip-vit",
            recipe_version=1,
            weights="",
            dim=512,
            token_dim=512,
            grid=(7, 7),
            space="medclip-vit",
            preprocess=Preprocess(
                size=224,
                fit="pad",
                interpolation="bicubic",
                mean=(0.5862785803043838,),
                deviation=(0.27950088968644304,),
            ),
            licence=_LICENCE,
            citation=_CITATION,
            exposed_to=_SEEN,
        ),
        build=_build_image,
        weights="required",
        packages=("transformers",),
        weights_from="MedCLIP's release of medclip-vit, file pytorch_model.bin",
        use="research",
    )
)

TEXT = ENCODERS.register("medclip-text")(
    Family(
        card=EncoderCard(
            name="medclip-text",
            modality="text",
            revision="medclip-vit",
            recipe_version=1,
            weights="",
            dim=512,
            space="medclip-vit",
            max_tokens=77,
            batch=32,
            licence=_LICENCE,
            citation=_CITATION,
            exposed_to=_SEEN,
        ),
        build=_build_text,
        weights="required",
        packages=("transformers",),
        weights_from="MedCLIP's release of medclip-vit, file pytorch_model.bin, in a folder beside "
        "the tokenizer files of Bio_ClinicalBERT",
        use="research",
    )
)

RESNET_IMAGE = ENCODERS.register("medclip-resnet-image")(
    replace(
        IMAGE,
        card=replace(
            IMAGE.card,
            name="medclip-resnet-image",
            revision="medclip-resnet",
            space="medclip-resnet",
            stages=RESNET_STAGES,
        ),
        weights_from="MedCLIP's release of medclip-resnet, file pytorch_model.bin",
    )
)

RESNET_TEXT = ENCODERS.register("medclip-resnet-text")(
    replace(
        TEXT,
        card=replace(
            TEXT.card,
            name="medclip-resnet-text",
            revision="medclip-resnet",
            space="medclip-resnet",
        ),
        weights_from="MedCLIP's release of medclip-resnet, file pytorch_model.bin, in a folder "
        "beside the tokenizer files of Bio_ClinicalBERT",
    )
)

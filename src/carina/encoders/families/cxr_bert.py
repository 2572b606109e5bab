"""CXR-BERT: radiology reports to 128 numbers beside BioViL's and BioViL-T's films, or to 768.

Boecking et al., Making the Most of Text Semantics to Improve Biomedical Vision-Language
Processing, ECCV 2022; upstream is hi-ml-multimodal. The two that stand beside films project the
last layer's [CLS]; upstream takes ``!?.`` off the end of a text first, and so does carina. Texts of
any case are read, since the vocabulary is uncased. Nothing is normalised.
"""

from collections.abc import Callable
from pathlib import Path

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from carina.encoders.card import EncoderCard, Exposure
from carina.encoders.family import ENCODERS, Family, stamped
from carina.encoders.frozen import FrozenTexts
from carina.encoders.tokens import bert_tokens
from carina.encoders.weights import Migration, fill, migrated, read_tensors, weights_file

__all__ = ["BIOVIL", "BIOVIL_T", "GENERAL"]

_FILES = ("model.safetensors", "pytorch_model.bin")
_WORDS = 30522
_ENDS = "!?."
_OLD_NAMES = Migration(
    rename=(
        (r"LayerNorm\.gamma$", "LayerNorm.weight"),
        (r"LayerNorm\.beta$", "LayerNorm.bias"),
        # saved without the head that guesses words
        (r"^(embeddings|encoder|pooler)\.", r"bert.\1."),
    )
)
_GUESS = "cls.predictions."
_EMBEDDINGS = "bert.embeddings.word_embeddings.weight"
_IDLE = (
    frozenset(
        {
            f"{_GUESS}bias",
            *(f"{_GUESS}transform.{layer}.weight" for layer in ("dense", "LayerNorm")),
            *(f"{_GUESS}transform.{layer}.bias" for layer in ("dense", "LayerNorm")),
        }
    ),
    # each alone: the same tensors as others in the file, which some ways of saving leave out
    frozenset({f"{_GUESS}decoder.weight"}),
    frozenset({f"{_GUESS}decoder.bias"}),
    frozenset({"bert.pooler.dense.weight", "bert.pooler.dense.bias"}),
)


class _Head(nn.Module):
    """Two layers from [CLS] to the joint space."""

    def __init__(self) -> None:
        super().__init__()
        self.dense_to_hidden = nn.Linear(768, 128)
        self.LayerNorm = nn.LayerNorm(128, eps=1e-12)
        self.dense_to_output = nn.Linear(128, 128)

    def forward(self, first: Float[Tensor, "texts 768"]) -> Float[Tensor, "texts 128"]:
        hidden = self.LayerNorm(F.gelu(self.dense_to_hidden(first)))
        projected: Tensor = self.dense_to_output(hidden)
        return projected


class _Projected(nn.Module):
    """[CLS] of the last layer, projected."""

    def __init__(self) -> None:
        super().__init__()
        self.bert = _bert()
        self.cls_projection_head = _Head()

    def forward(self, numbers: Int[Tensor, "texts words"]) -> Float[Tensor, "texts 128"]:
        return self.pool(self.word_vectors(numbers))

    def word_vectors(self, numbers: Int[Tensor, "texts words"]) -> Float[Tensor, "texts words 768"]:
        # no mask: texts come one at a time, so nothing is padded
        words: Tensor = self.bert(input_ids=numbers).last_hidden_state
        return words

    def pool(self, words: Float[Tensor, "texts words 768"]) -> Float[Tensor, "texts 128"]:
        projected: Tensor = self.cls_projection_head(words[:, 0])
        return projected


class _MeanOfWords(nn.Module):
    """The mean of the last layer over all words, [CLS] and [SEP] included."""

    def __init__(self) -> None:
        super().__init__()
        self.bert = _bert()

    def forward(self, numbers: Int[Tensor, "texts words"]) -> Float[Tensor, "texts 768"]:
        return self.pool(self.word_vectors(numbers))

    def word_vectors(self, numbers: Int[Tensor, "texts words"]) -> Float[Tensor, "texts words 768"]:
        words: Tensor = self.bert(input_ids=numbers).last_hidden_state
        return words

    def pool(self, words: Float[Tensor, "texts words 768"]) -> Float[Tensor, "texts 768"]:
        return words.mean(dim=1)


def _bert() -> nn.Module:
    # here, since importing transformers costs seconds
    from transformers import BertConfig, BertModel

    # the defaults of BertConfig are BERT-base with 30,522 words, which CXR-BERT is
    bert: nn.Module = BertModel(BertConfig(vocab_size=_WORDS), add_pooling_layer=False)
    return bert


def _build(card: EncoderCard, weights: Path | None) -> FrozenTexts:
    assert weights is not None  # noqa: S101 - Family.load has asked for them
    numbers, vocabulary = bert_tokens(card.name, weights, card.max_tokens, words=_WORDS)

    def tokenise(text: str) -> list[int]:
        return numbers(text.rstrip(_ENDS))

    return _filled(_Projected(), card, weights, tokenise, vocabulary, _IDLE)


def _build_general(card: EncoderCard, weights: Path | None) -> FrozenTexts:
    assert weights is not None  # noqa: S101 - Family.load has asked for them
    tokenise, vocabulary = bert_tokens(card.name, weights, card.max_tokens, words=_WORDS)
    head = frozenset(f"cls_projection_head.{name}" for name in _Head().state_dict())
    return _filled(_MeanOfWords(), card, weights, tokenise, vocabulary, (*_IDLE, head))


def _filled(
    module: nn.Module,
    card: EncoderCard,
    weights: Path,
    tokenise: Callable[[str], list[int]],
    vocabulary: dict[str, bytes],
    idle: tuple[frozenset[str], ...],
) -> FrozenTexts:
    tensors = _tied(migrated(read_tensors(weights_file(card.name, weights, _FILES)), _OLD_NAMES))
    digest = fill(module, tensors, who=card.name, idle=idle, beside=vocabulary)
    card = stamped(card, digest, known="", believed=True)
    return FrozenTexts(card=card, module=module, tokenise=tokenise)


def _tied(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The words as upstream reads them: with the head's, which are the same and are read last."""
    head = tensors.get(f"{_GUESS}decoder.weight")
    if head is None or _EMBEDDINGS not in tensors:
        return tensors
    return {**tensors, _EMBEDDINGS: head}


_LICENCE = "MIT"
_USE = "research; its model card rules deployed use out"
_CITATION = (
    "Boecking et al., Making the Most of Text Semantics to Improve Biomedical Vision-Language "
    "Processing, ECCV 2022"
)
_READ = (
    Exposure(source="pubmed-abstracts", what="abstracts of biomedical articles"),
    Exposure(source="mimic-iii", what="clinical notes; patients of MIMIC-CXR among them"),
    Exposure(source="mimic-cxr-jpg", what="reports of MIMIC-CXR; not their labels"),
)
_SEEN = (
    *_READ[:2],
    Exposure(source="mimic-cxr-jpg", what="reports of MIMIC-CXR with their films; not the labels"),
)

BIOVIL = ENCODERS.register("biovil-text")(
    Family(
        card=EncoderCard(
            name="biovil-text",
            modality="text",
            revision="CXR-BERT-specialized v1.1",
            recipe_version=1,
            weights="",
            dim=128,
            token_dim=768,
            space="biovil",
            max_tokens=512,
            batch=32,
            licence=_LICENCE,
            citation=_CITATION,
            exposed_to=_SEEN,
        ),
        build=_build,
        weights="required",
        packages=("transformers",),
        weights_from="hub:microsoft/BiomedVLP-CXR-BERT-specialized, the folder with "
        "pytorch_model.bin and vocab.txt",
        use=_USE,
    )
)

BIOVIL_T = ENCODERS.register("biovil-t-text")(
    Family(
        card=EncoderCard(
            name="biovil-t-text",
            modality="text",
            revision="BioViL-T v1.0",
            recipe_version=1,
            weights="",
            dim=128,
            token_dim=768,
            space="biovil-t",
            max_tokens=512,
            batch=32,
            licence=_LICENCE,
            citation="Bannur et al., Learning to Exploit Temporal Structure for Biomedical "
            "Vision-Language Processing, CVPR 2023",
            exposed_to=_SEEN,
        ),
        build=_build,
        weights="required",
        packages=("transformers",),
        weights_from="hub:microsoft/BiomedVLP-BioViL-T, the folder with pytorch_model.bin or "
        "model.safetensors, and vocab.txt",
        use=_USE,
    )
)

GENERAL = ENCODERS.register("cxr-bert-general")(
    Family(
        card=EncoderCard(
            name="cxr-bert-general",
            modality="text",
            revision="CXR-BERT-general",
            recipe_version=1,
            weights="",
            dim=768,
            token_dim=768,
            max_tokens=512,
            batch=32,
            licence=_LICENCE,
            citation=_CITATION,
            exposed_to=_READ,
        ),
        build=_build_general,
        weights="required",
        packages=("transformers",),
        weights_from="hub:microsoft/BiomedVLP-CXR-BERT-general, the folder with "
        "pytorch_model.bin and vocab.txt",
        use=_USE,
    )
)

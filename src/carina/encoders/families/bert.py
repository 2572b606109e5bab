"""BERT and its biomedical kin, from a folder as published: ``pubmedbert``, ``bert:NAME/mean``.

Devlin et al., BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding,
NAACL 2019, through transformers' own `BertModel`. How words become one vector is part of the
name, since no paper above settles it: "cls" (the first word's last state), "mean" (over all words,
[CLS] and [SEP] included) or "pooler" (the dense layer with tanh that next-sentence prediction
trained, where the file has it). A number behind it, as in ``bert:NAME/mean/112``, is where a text
is cut, [CLS] and [SEP] included; otherwise where the positions end.

The tokenizer is the folder's, by its files alone. A trap of publication is kept as it is,
since everybody's numbers have it: a folder without ``tokenizer_config.json`` (Bio_ClinicalBERT)
is read in lower case, though its vocabulary is cased.
"""

import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn

from carina.core import UnknownName, near
from carina.encoders.card import EncoderCard, Exposure
from carina.encoders.family import ENCODERS, SHELVES, Family, Shelf, stamped
from carina.encoders.folder import built, settings, shape, tensors
from carina.encoders.frozen import FrozenTexts
from carina.encoders.tokens import bert_tokens
from carina.encoders.weights import Migration, fill, migrated

__all__ = ["FAMILIES", "NAMES", "SHELF"]

POOLINGS = ("cls", "mean", "pooler")
NAMES = Migration(
    rename=(
        (r"^bert\.", ""),
        (r"LayerNorm\.gamma$", "LayerNorm.weight"),
        (r"LayerNorm\.beta$", "LayerNorm.bias"),
    ),
)
_POOLER = frozenset({"pooler.dense.weight", "pooler.dense.bias"})
_ARGUMENT = re.compile(
    r"(?P<name>[\w.-]+(/[\w.-]+)?)/(?P<pooling>[a-z][\w-]*)(/(?P<most>[1-9]\d*))?"
)


class _Pooled(nn.Module):
    """One vector of one text; no mask, since texts come one at a time and nothing is padded."""

    def __init__(self, bert: nn.Module, pooling: str) -> None:
        super().__init__()
        self.bert: Any = bert
        self.pooling = pooling

    def forward(self, numbers: Int[Tensor, "texts words"]) -> Float[Tensor, "texts dim"]:
        return self.pool(self.word_vectors(numbers))

    def word_vectors(self, numbers: Int[Tensor, "texts words"]) -> Float[Tensor, "texts words dim"]:
        words: Tensor = self.bert(input_ids=numbers).last_hidden_state
        return words

    def pool(self, words: Float[Tensor, "texts words dim"]) -> Float[Tensor, "texts dim"]:
        match self.pooling:
            case "mean":
                return words.mean(dim=1)
            case "pooler" if self.bert.pooler is not None:
                pooled: Tensor = self.bert.pooler(words)
                return pooled
            case _:
                return words[:, 0]


def _build(
    card: EncoderCard, weights: Path | None, *, pooling: str, named: bool, most: int = 0
) -> FrozenTexts:
    assert weights is not None  # noqa: S101 - Family.load has asked for them
    found = settings(card.name, weights, ("bert",))
    # here, since importing transformers costs seconds
    from transformers import BertConfig, BertModel

    pooler = pooling == "pooler"
    bert = built(card.name, BertConfig, found, partial(BertModel, add_pooling_layer=pooler))
    known = bert.config.max_position_embeddings
    card = replace(
        card,
        dim=bert.config.hidden_size,
        token_dim=bert.config.hidden_size,
        max_tokens=min(most or known, known),
    )
    tokenise, vocabulary = bert_tokens(
        card.name, weights, card.max_tokens, words=bert.config.vocab_size
    )
    digest = fill(
        bert,
        migrated(tensors(card.name, weights), NAMES),
        who=card.name,
        unused=("cls.",),
        idle=() if pooler else (_POOLER,),
        beside={"settings": shape(found), **vocabulary},
    )
    return FrozenTexts(
        card=stamped(card, digest, known="", believed=named),
        module=_Pooled(bert, pooling),
        tokenise=tokenise,
    )


def _named(argument: str) -> Family:
    parts = _ARGUMENT.fullmatch(argument)
    if parts is None or parts["pooling"] not in POOLINGS:
        said = parts["pooling"] if parts else ""
        raise UnknownName(
            f"bert:{argument} does not say how words become one vector.{near(said, POOLINGS)} "
            f"Wanted: bert:NAME/{', bert:NAME/'.join(POOLINGS)}."
        )
    card = EncoderCard(
        name=f"bert:{argument}",
        modality="text",
        revision="own file",
        recipe_version=1,
        weights="",
        dim=768,
        token_dim=768,
        max_tokens=int(parts["most"] or 512),
        batch=32,
        licence="that of the weights",
        citation="Devlin et al., BERT: Pre-training of Deep Bidirectional Transformers for "
        "Language Understanding, NAACL 2019",
    )
    return Family(
        card=card,
        build=partial(_build, pooling=parts["pooling"], named=False, most=int(parts["most"] or 0)),
        weights="required",
        packages=("transformers",),
        weights_from="a folder with config.json, weights and tokenizer files",
        use="as the weights' licence says",
    )


def _release(  # flat: one line a fact of the release
    name: str, hub: str, licence: str, citation: str, *seen: Exposure
) -> Family:
    return ENCODERS.register(name)(
        Family(
            card=EncoderCard(
                name=name,
                modality="text",
                revision=hub,
                recipe_version=1,
                weights="",
                dim=768,
                token_dim=768,
                max_tokens=512,
                batch=32,
                licence=licence,
                citation=citation,
                exposed_to=seen,
            ),
            build=partial(_build, pooling="cls", named=True),
            weights="required",
            packages=("transformers",),
            weights_from=f"hub:{hub}, the folder",
            use="pooled as [CLS]; bert:NAME/mean and bert:NAME/pooler pool the same folder otherwise",
        )
    )


FAMILIES = (
    _release(
        "bert-base",
        "google-bert/bert-base-uncased",
        "Apache-2.0",
        "Devlin et al., BERT: Pre-training of Deep Bidirectional Transformers for Language "
        "Understanding, NAACL 2019",
        Exposure(source="bookcorpus", what="books"),
        Exposure(source="wikipedia", what="English articles; no radiology reports"),
    ),
    _release(
        "biobert",
        "dmis-lab/biobert-base-cased-v1.2",
        "none stated beside the weights; the code is Apache-2.0",
        "Lee et al., BioBERT: a pre-trained biomedical language representation model for "
        "biomedical text mining, Bioinformatics 2020",
        Exposure(source="pubmed", what="abstracts; no set of radiology reports is named"),
    ),
    _release(
        "clinicalbert",
        "emilyalsentzer/Bio_ClinicalBERT",
        "MIT",
        "Alsentzer et al., Publicly Available Clinical BERT Embeddings, ClinicalNLP 2019",
        Exposure(source="pubmed", what="abstracts, through BioBERT, which it started from"),
        Exposure(
            source="mimic-iii",
            what="all notes, radiology reports among them; its patients are of the hospital of "
            "MIMIC-CXR, and some may be in both",
        ),
    ),
    _release(
        "pubmedbert",
        "microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract-fulltext",
        "MIT",
        "Gu et al., Domain-Specific Language Model Pretraining for Biomedical Natural Language "
        "Processing, ACM HEALTH 2021",
        Exposure(source="pubmed", what="abstracts; no set of radiology reports is named"),
        Exposure(source="pubmed-central", what="articles in full"),
    ),
)

SHELF = SHELVES.register("bert")(
    Shelf(
        argument="NAME/POOLING, a name of your own and cls, mean or pooler, such as bert:mine/mean; a "
        "number behind them cuts texts at so many tokens, such as bert:mine/mean/112",
        named=_named,
        packages=("transformers",),
        use="as the weights' licence says",
    )
)

"""Two tiny encoders for tests and examples: no weights, no download, one space, no knowledge.

Random projections drawn once from a fixed seed (Johnson and Lindenstrauss, 1984) keep what
differs apart; that is all they do. Their shared space lets zero-shot code run, at chance.
"""

import re
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from carina.core import generator, salted
from carina.encoders.card import EncoderCard, Preprocess
from carina.encoders.family import ENCODERS, Family, stamped
from carina.encoders.frozen import FrozenImages, FrozenTexts
from carina.encoders.protocol import Encoded
from carina.encoders.weights import fill

__all__ = ["TOY_IMAGE", "TOY_TEXT"]

_DIM = 32
_SIDE, _PATCH = 16, 4
_WORDS = 512
_START = 0  # every text has it, so that the empty one is not a vector of zeros


class _Thumbnail(nn.Module):
    """A thumbnail through one fixed projection, its patches through another."""

    def __init__(self) -> None:
        super().__init__()
        self.whole = nn.Linear(_SIDE * _SIDE, _DIM, bias=False)
        self.patch = nn.Linear(_PATCH * _PATCH, _DIM, bias=False)

    def forward(self, images: Float[Tensor, "items 1 side side"]) -> Encoded:
        patches = nn.functional.unfold(images, _PATCH, stride=_PATCH).transpose(1, 2)
        pooled: Tensor = self.whole(images.flatten(1))
        tokens: Tensor = self.patch(patches)
        return Encoded(pooled=pooled, tokens=tokens)


class _BagOfWords(nn.Module):
    """The mean of fixed random vectors, one for each hashed word."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(_WORDS, _DIM)

    def forward(self, numbers: Int[Tensor, "texts words"]) -> Float[Tensor, "texts dim"]:
        return self.pool(self.word_vectors(numbers))

    def word_vectors(self, numbers: Int[Tensor, "texts words"]) -> Float[Tensor, "texts words dim"]:
        vectors: Tensor = self.words(numbers)
        return vectors

    def pool(self, words: Float[Tensor, "texts words dim"]) -> Float[Tensor, "texts dim"]:
        return words.mean(dim=1)


def _tokenise(text: str) -> list[int]:
    words = re.findall(r"\w+", text.casefold())
    return [_START, *(1 + salted(word, "toy-text") % (_WORDS - 1) for word in words)]


def _drawn(module: nn.Module, name: str) -> dict[str, Tensor]:
    """Weights for a module, drawn by parameter name: the same on every machine."""
    return {
        key: torch.from_numpy(generator(0, name, key).standard_normal(tuple(value.shape)))
        / value.shape[-1] ** 0.5
        for key, value in module.state_dict().items()
    }


def _build_image(card: EncoderCard, _weights: Path | None) -> FrozenImages:
    module = _Thumbnail()
    digest = fill(module, _drawn(module, card.name), who=card.name)
    return FrozenImages(card=stamped(card, digest, known=digest), module=module)


def _build_text(card: EncoderCard, _weights: Path | None) -> FrozenTexts:
    module = _BagOfWords()
    digest = fill(module, _drawn(module, card.name), who=card.name)
    return FrozenTexts(card=stamped(card, digest, known=digest), module=module, tokenise=_tokenise)


TOY_IMAGE = ENCODERS.register("toy-image")(
    Family(
        card=EncoderCard(
            name="toy-image",
            modality="image",
            revision="1",
            recipe_version=1,
            weights="",
            dim=_DIM,
            token_dim=_DIM,
            grid=(_SIDE // _PATCH, _SIDE // _PATCH),
            space="toy",
            preprocess=Preprocess(size=_SIDE, channels=1, mean=(0.5,), deviation=(0.25,)),
            batch=32,
            licence="Apache-2.0",
        ),
        build=_build_image,
    )
)

TOY_TEXT = ENCODERS.register("toy-text")(
    Family(
        card=EncoderCard(
            name="toy-text",
            modality="text",
            revision="1",
            recipe_version=1,
            weights="",
            dim=_DIM,
            token_dim=_DIM,
            space="toy",
            batch=32,
            licence="Apache-2.0",
        ),
        build=_build_text,
    )
)

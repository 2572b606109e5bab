"""The cross-modal Adaptor: two projections and a few transformer layers over frozen encoders.

Qin, Liu, Cheng, Guo, Arcucci, "Freeze the Backbones: A Parameter-Efficient Contrastive Approach to
Robust Medical Vision-Language Pre-training", ICASSP 2024 (arXiv 2401.01179), and the code its
authors released. One set of layers serves both modalities.

The authors feed one vector a modality and let the image attend with the text as query. A softmax
over a single key is 1, so nothing of the text reaches the image: their pair path, and their
image-only path for one sample, are this module on sequences of one token. With patches and words in
its place attention is live, and since an item attends to its own tokens alone, nothing can leak.
"""

from dataclasses import dataclass
from enum import StrEnum

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from carina.adaptors.linear import drawn_linear
from carina.adaptors.sequences import Sequences
from carina.core import ConfigError

__all__ = ["CrossModal", "CrossModalAdaptor", "Reads", "SharedLayer", "one_vector"]

_FIRST_SCALE = 2.6592  # ln(1 / 0.07), as CLIP and the authors have it


class Reads(StrEnum):
    """What of an encoder an adaptor reads."""

    VECTORS = "vectors"
    """The pooled vector, a sequence of one: the authors' form. Its queries and keys are dead."""
    TOKENS = "tokens"
    """Patches and words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossModal:
    """Projection without bias, L2 norm, post-norm transformer layers shared by both modalities.

    The sizes are the authors': 11,912,705 numbers are learned over encoders 384 and 768 wide.

    Attributes:
        reads: Pooled vectors, or tokens.
        width: Of what it gives.
        layers: How many.
        heads: Of attention; they divide the width.
        hidden: Width of the feed-forward layer.
        dropout: Share of numbers dropped in training.
    """

    reads: Reads = Reads.TOKENS
    width: int = 768
    layers: int = 2
    heads: int = 12
    hidden: int = 2048
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if min(self.width, self.layers, self.heads, self.hidden) < 1 or self.width % self.heads:
            raise ConfigError(
                "An Adaptor has sizes of 1 or more and a width that its heads divide; got "
                f"width={self.width}, layers={self.layers}, heads={self.heads}, "
                f"hidden={self.hidden}."
            )
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"Dropout is a share from 0 to below 1; got {self.dropout}.")

    def build(
        self, *, image_dim: int, text_dim: int, generator: torch.Generator
    ) -> "CrossModalAdaptor":
        """The module for encoders of given widths, its weights drawn from the generator."""
        return CrossModalAdaptor(
            image_dim=image_dim,
            text_dim=text_dim,
            width=self.width,
            layers=self.layers,
            heads=self.heads,
            hidden=self.hidden,
            dropout=self.dropout,
            generator=generator,
        )


class CrossModalAdaptor(nn.Module):
    """Embeddings of images and texts in one space; weights are named as the authors name them.

    In training mode dropout reads torch's global generator.

    Args:
        image_dim: Width of the image encoder's vectors or patches.
        text_dim: Width of the text encoder's vectors or words.
        width: Of what it gives.
        layers: How many.
        heads: Of attention.
        hidden: Width of the feed-forward layer.
        dropout: Share of numbers dropped in training.
        generator: Where the first weights are drawn from.
    """

    def __init__(
        self,
        *,
        image_dim: int,
        text_dim: int,
        width: int,
        layers: int,
        heads: int,
        hidden: int,
        dropout: float,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.width, self.layers = width, layers
        self.projection = nn.ModuleDict(
            {
                "visual_projection": drawn_linear(image_dim, width, generator, bias=False),
                "text_projection": drawn_linear(text_dim, width, generator, bias=False),
            }
        )
        stack = [SharedLayer(width, heads, hidden, dropout, generator) for _ in range(layers)]
        self.adaptor_module = nn.ModuleDict({"encoder": nn.ModuleList(stack)})
        self.logit_scale = nn.Parameter(torch.tensor(_FIRST_SCALE))

    def image_tokens(self, images: Sequences) -> Float[Tensor, "images tokens width"]:
        """Each token of the images, adapted and L2-normalised: what a decoder over patches reads."""
        return self._adapted("visual_projection", images)

    def text_tokens(self, texts: Sequences) -> Float[Tensor, "texts tokens width"]:
        """Each token of the texts, adapted and L2-normalised."""
        return self._adapted("text_projection", texts)

    def represent_images(self, images: Sequences) -> Sequences:
        """What `compare` takes of images: one L2-normalised vector each."""
        return one_vector(self.image_tokens(images), images.there)

    def represent_texts(self, texts: Sequences) -> Sequences:
        """What `compare` takes of texts: one L2-normalised vector each."""
        return one_vector(self.text_tokens(texts), texts.there)

    def compare(self, images: Sequences, texts: Sequences) -> Float[Tensor, "texts images"]:
        """Cosine of each text with each image, of what the two methods above gave."""
        return texts.values[:, 0] @ images.values[:, 0].T

    def embed_images(self, images: Sequences) -> Float[Tensor, "images width"]:
        """One L2-normalised vector an image; it depends on nothing but the image."""
        return self.represent_images(images).values[:, 0]

    def embed_texts(self, texts: Sequences) -> Float[Tensor, "texts width"]:
        """One L2-normalised vector a text; it depends on nothing but the text."""
        return self.represent_texts(texts).values[:, 0]

    def embed_images_mixing_the_batch(
        self, vectors: Float[Tensor, "images dim"]
    ) -> Float[Tensor, "images width"]:
        """What the authors' code for classification computes: the images of a batch attend to each other.

        An image's vector then depends on its company. For comparison with their numbers only.
        """
        whole = Sequences(values=vectors[None], there=torch.ones(1, len(vectors), dtype=torch.bool))
        return self.image_tokens(whole)[0]

    def _adapted(self, side: str, items: Sequences) -> Float[Tensor, "items tokens width"]:
        adapted: Tensor = F.normalize(self.projection[side](items.values), dim=-1)
        for layer in self.adaptor_module["encoder"].children():
            adapted = layer(adapted, query=adapted, keys=adapted, there=items.there)
        return F.normalize(adapted, dim=-1)


class SharedLayer(nn.Module):
    """A post-norm transformer layer whose query may be another sequence than its residual.

    Args:
        width: Of every token.
        heads: Of attention.
        hidden: Width of the feed-forward layer.
        dropout: Share of numbers dropped in training.
        generator: Where the first weights are drawn from.
    """

    def __init__(
        self, width: int, heads: int, hidden: int, dropout: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        attention = nn.MultiheadAttention(
            width, heads, dropout=dropout, batch_first=True, device="meta"
        )
        self.attn = attention.to_empty(device="cpu")
        with torch.no_grad():  # as torch draws it by default, from a generator
            nn.init.xavier_uniform_(self.attn.in_proj_weight, generator=generator)
            self.attn.in_proj_bias.zero_()
            self.attn.out_proj.load_state_dict(
                drawn_linear(width, width, generator).state_dict() | {"bias": torch.zeros(width)}
            )
        self.linear1 = drawn_linear(width, hidden, generator)
        self.linear2 = drawn_linear(hidden, width, generator)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        residual: Float[Tensor, "items tokens width"],
        *,
        query: Float[Tensor, "items tokens width"],
        keys: Float[Tensor, "items others width"],
        there: Bool[Tensor, "items others"],
    ) -> Float[Tensor, "items tokens width"]:
        """The residual, with what the query finds among the keys that are there."""
        padding = None if bool(there.all()) else ~there
        found, _ = self.attn(query, keys, keys, key_padding_mask=padding, need_weights=False)
        between: Tensor = self.norm1(residual + self.dropout(found))
        inner = self.dropout(torch.relu(self.linear1(between)))
        given: Tensor = self.norm2(between + self.dropout(self.linear2(inner)))
        return given


def one_vector(
    tokens: Float[Tensor, "items tokens width"], there: Bool[Tensor, "items tokens"]
) -> Sequences:
    """The L2-normalised mean of each item's tokens, as a sequence of one."""
    mean = Sequences(values=tokens, there=there).mean
    return Sequences.of_vectors(F.normalize(mean, dim=-1))

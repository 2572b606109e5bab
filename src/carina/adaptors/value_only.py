"""The authors' Adaptor on one vector a modality, without the queries and keys that do nothing there.

A softmax over one key is 1 whatever the query, so attention gives the value of the one token there
is: two affine maps, one after the other. The outputs are those of `CrossModal` on vectors; for two
layers 768 wide 2,362,368 numbers fewer are kept.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from carina.adaptors.cross_modal import CrossModalAdaptor, Reads
from carina.adaptors.linear import drawn_linear
from carina.adaptors.sequences import Sequences
from carina.core import ConfigError

__all__ = ["ValueOnly", "ValueOnlyAdaptor", "without_dead_weights"]

_FIRST_SCALE = 2.6592  # as the whole form has it


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueOnly:
    """`CrossModal` on pooled vectors, less what is never trained there.

    Attributes:
        width: Of what it gives.
        layers: How many.
        hidden: Width of the feed-forward layer.
        dropout: Share of numbers dropped in training.
    """

    width: int = 768
    layers: int = 2
    hidden: int = 2048
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if min(self.width, self.layers, self.hidden) < 1 or not 0 <= self.dropout < 1:
            raise ConfigError(
                "An Adaptor has sizes of 1 or more and a dropout from 0 to below 1; got "
                f"width={self.width}, layers={self.layers}, hidden={self.hidden}, "
                f"dropout={self.dropout}."
            )

    @property
    def reads(self) -> Reads:
        """Pooled vectors."""
        return Reads.VECTORS

    def build(
        self, *, image_dim: int, text_dim: int, generator: torch.Generator
    ) -> "ValueOnlyAdaptor":
        """The module for encoders of given widths, its weights drawn from the generator."""
        return ValueOnlyAdaptor(
            image_dim=image_dim,
            text_dim=text_dim,
            width=self.width,
            layers=self.layers,
            hidden=self.hidden,
            dropout=self.dropout,
            generator=generator,
        )


class ValueOnlyAdaptor(nn.Module):
    """Embeddings of images and texts in one space, from one vector each.

    Args:
        image_dim: Width of the image encoder's vectors.
        text_dim: Width of the text encoder's vectors.
        width: Of what it gives.
        layers: How many.
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
        hidden: int,
        dropout: float,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.width = width
        self.image_projection = drawn_linear(image_dim, width, generator, bias=False)
        self.text_projection = drawn_linear(text_dim, width, generator, bias=False)
        self.layers = nn.ModuleList(
            _Layer(width, hidden, dropout, generator) for _ in range(layers)
        )
        self.logit_scale = nn.Parameter(torch.tensor(_FIRST_SCALE))

    def represent_images(self, images: Sequences) -> Sequences:
        """What `compare` takes of images: one L2-normalised vector each."""
        return Sequences.of_vectors(self._adapted(self.image_projection, images))

    def represent_texts(self, texts: Sequences) -> Sequences:
        """What `compare` takes of texts: one L2-normalised vector each."""
        return Sequences.of_vectors(self._adapted(self.text_projection, texts))

    def compare(self, images: Sequences, texts: Sequences) -> Float[Tensor, "texts images"]:
        """Cosine of each text with each image, of what the two methods above gave."""
        return texts.values[:, 0] @ images.values[:, 0].T

    def embed_images(self, images: Sequences) -> Float[Tensor, "images width"]:
        """One L2-normalised vector an image."""
        return self.represent_images(images).values[:, 0]

    def embed_texts(self, texts: Sequences) -> Float[Tensor, "texts width"]:
        """One L2-normalised vector a text."""
        return self.represent_texts(texts).values[:, 0]

    def _adapted(self, projection: nn.Linear, items: Sequences) -> Float[Tensor, "items width"]:
        adapted: Tensor = F.normalize(projection(items.mean), dim=-1)
        for layer in self.layers:
            adapted = layer(adapted)
        return F.normalize(adapted, dim=-1)


class _Layer(nn.Module):
    """What is left of a post-norm transformer layer where there is one token."""

    def __init__(self, width: int, hidden: int, dropout: float, generator: torch.Generator) -> None:
        super().__init__()
        self.value = drawn_linear(width, width, generator)
        self.out = drawn_linear(width, width, generator)
        self.linear1 = drawn_linear(width, hidden, generator)
        self.linear2 = drawn_linear(hidden, width, generator)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, token: Float[Tensor, "items width"]) -> Float[Tensor, "items width"]:
        between: Tensor = self.norm1(token + self.dropout(self.out(self.value(token))))
        inner = self.dropout(torch.relu(self.linear1(between)))
        given: Tensor = self.norm2(between + self.dropout(self.linear2(inner)))
        return given


def without_dead_weights(whole: CrossModalAdaptor) -> ValueOnlyAdaptor:
    """The adaptor that says the same of one vector an item, less the queries and keys."""
    state = whole.state_dict()
    layer = "adaptor_module.encoder."
    lean = {
        "logit_scale": state["logit_scale"],
        "image_projection.weight": state["projection.visual_projection.weight"],
        "text_projection.weight": state["projection.text_projection.weight"],
    }
    for name, tensor in state.items():
        if not name.startswith(layer):
            continue
        kept = f"layers.{name.removeprefix(layer)}"
        if "attn.in_proj" in kept:  # queries, keys and values stand one below the other
            lean[kept.replace("attn.in_proj_", "value.")] = tensor.chunk(3)[2]
        else:
            lean[kept.replace("attn.out_proj.", "out.")] = tensor
    config = ValueOnly(
        width=whole.width,
        layers=whole.layers,
        hidden=state[f"{layer}0.linear1.weight"].shape[0],
    )
    built = config.build(
        image_dim=lean["image_projection.weight"].shape[1],
        text_dim=lean["text_projection.weight"].shape[1],
        generator=torch.Generator(),
    )
    built.load_state_dict(lean)
    return built.train(whole.training)

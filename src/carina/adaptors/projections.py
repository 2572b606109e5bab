"""One affine map a modality into a common space: the plainest Adaptor.

It is what CLIP puts behind its encoders (Radford et al., Learning Transferable Visual Models From
Natural Language Supervision, ICML 2021, section 2.3), with a constant beside.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from carina.adaptors.cross_modal import Reads
from carina.adaptors.linear import drawn_linear
from carina.adaptors.sequences import Sequences
from carina.core import ConfigError

__all__ = ["Projections", "ProjectionsAdaptor"]

_FIRST_SCALE = 2.6592  # ln(1 / 0.07), as CLIP has it


@dataclass(frozen=True, slots=True, kw_only=True)
class Projections:
    """An affine map of each modality's pooled vector, then L2 norm.

    Attributes:
        width: Of what it gives.
    """

    width: int = 128

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ConfigError(f"Projections are 1 wide or wider; got width={self.width}.")

    @property
    def reads(self) -> Reads:
        """Pooled vectors."""
        return Reads.VECTORS

    def build(
        self, *, image_dim: int, text_dim: int, generator: torch.Generator
    ) -> "ProjectionsAdaptor":
        """The module for encoders of given widths, its weights drawn from the generator."""
        return ProjectionsAdaptor(
            image_dim=image_dim, text_dim=text_dim, width=self.width, generator=generator
        )


class ProjectionsAdaptor(nn.Module):
    """Embeddings of images and texts in one space, from one vector each.

    Args:
        image_dim: Width of the image encoder's vectors.
        text_dim: Width of the text encoder's vectors.
        width: Of what it gives.
        generator: Where the first weights are drawn from.
    """

    def __init__(
        self, *, image_dim: int, text_dim: int, width: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.image = drawn_linear(image_dim, width, generator)
        self.text = drawn_linear(text_dim, width, generator)
        self.logit_scale = nn.Parameter(torch.tensor(_FIRST_SCALE))

    def represent_images(self, images: Sequences) -> Sequences:
        """What `compare` takes of images: one L2-normalised vector each."""
        return Sequences.of_vectors(self.embed_images(images))

    def represent_texts(self, texts: Sequences) -> Sequences:
        """What `compare` takes of texts: one L2-normalised vector each."""
        return Sequences.of_vectors(self.embed_texts(texts))

    def compare(self, images: Sequences, texts: Sequences) -> Float[Tensor, "texts images"]:
        """Cosine of each text with each image, of what the two methods above gave."""
        return texts.values[:, 0] @ images.values[:, 0].T

    def embed_images(self, images: Sequences) -> Float[Tensor, "images width"]:
        """One L2-normalised vector an image; it depends on nothing but the image."""
        return F.normalize(self.image(images.mean), dim=-1)

    def embed_texts(self, texts: Sequences) -> Float[Tensor, "texts width"]:
        """One L2-normalised vector a text; it depends on nothing but the text."""
        return F.normalize(self.text(texts.mean), dim=-1)

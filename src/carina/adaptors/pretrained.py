"""An Adaptor that has learned, and whose encoders it stands on."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from carina.adaptors.all_pairs import AllPairs
from carina.adaptors.cross_modal import CrossModalAdaptor, Reads
from carina.adaptors.cross_modal_forms import CrossModalConfig, CrossModalModule, Embeds
from carina.adaptors.sequences import Sequences
from carina.core import Mismatch, digest_arrays, fingerprint

__all__ = ["PretrainedAdaptor"]


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PretrainedAdaptor:
    """An Adaptor, the encoders it stands on, and what it was learned from.

    Attributes:
        config: Its form.
        module: What it has learned.
        image_dim: Width of the vectors or patches it takes.
        text_dim: Width of the vectors or words it takes.
        image_encoder: Fingerprint of the frozen encoder of the images.
        text_encoder: Fingerprint of the frozen encoder of the texts.
        data: Fingerprint of the pairs it was learned from.
        pairs: How many they were.
        patients: Whose they were, by number.
    """

    config: CrossModalConfig
    module: CrossModalModule
    image_dim: int
    text_dim: int
    image_encoder: str
    text_encoder: str
    data: str
    pairs: int
    patients: int

    @property
    def reads(self) -> Reads:
        """Whether it takes pooled vectors, or tokens."""
        return self.config.reads

    @property
    def width(self) -> int:
        """Of the vectors it gives; 0 where its form gives none."""
        return 0 if isinstance(self.config, AllPairs) else self.config.width

    @property
    def learned(self) -> int:
        """How many numbers it has learned."""
        return sum(weight.numel() for weight in self.module.parameters())

    @property
    def tensors(self) -> dict[str, Tensor]:
        """What it has learned, by name."""
        return {name: tensor.detach() for name, tensor in self.module.state_dict().items()}

    @property
    def bytes(self) -> int:
        """How many bytes those are."""
        return sum(tensor.nbytes for tensor in self.tensors.values())

    @property
    def fingerprint(self) -> str:
        """Changes when, and only when, its form, its encoders or one of its numbers does."""
        tensors = {name: tensor.numpy() for name, tensor in self.tensors.items()}
        made_by = (self.config, self.image_encoder, self.text_encoder, self.data)
        return fingerprint({"made_by": made_by, "tensors": digest_arrays(tensors)})

    def embed_images(self, images: Sequences) -> Float[Tensor, "images width"]:
        """One L2-normalised vector an image, without gradient and dropout.

        Raises:
            Mismatch: where the images are of another encoder, or the form has no vector of its own.
        """
        self._check("images", images, self.image_dim)
        with torch.no_grad():
            return self._embedding().embed_images(images)

    def embed_texts(self, texts: Sequences) -> Float[Tensor, "texts width"]:
        """One L2-normalised vector a text, without gradient and dropout.

        Raises:
            Mismatch: as `embed_images`.
        """
        self._check("texts", texts, self.text_dim)
        with torch.no_grad():
            return self._embedding().embed_texts(texts)

    def adapt_cells(
        self, cells: Float[Tensor, "images cells dim"]
    ) -> Float[Tensor, "images cells width"]:
        """Each cell of some images, adapted and L2-normalised, without gradient and dropout.

        What a decoder over the grid reads. In a `CrossModal` the cells of an image attend to each
        other, as in Qin et al. (arXiv 2401.01179), also where it was pre-trained on single vectors
        and so its queries and keys never were, as theirs. A `ValueOnly` takes each cell as if it were
        a whole film. In neither does an image know of another.

        Raises:
            Mismatch: as `embed_images`.
        """
        images = Sequences(
            values=cells, there=torch.ones(cells.shape[:2], dtype=torch.bool, device=cells.device)
        )
        self._check("images", images, self.image_dim)
        module = self._embedding()
        with torch.no_grad():
            if isinstance(module, CrossModalAdaptor):
                return module.image_tokens(images)
            each = module.embed_images(Sequences.of_vectors(cells.flatten(0, 1)))
            return each.reshape(*cells.shape[:2], -1)

    def _embedding(self) -> Embeds:
        if not isinstance(self.module, Embeds):
            raise Mismatch(
                f"A {type(self.config).__name__} compares each image with each text and has no "
                "vector of either. Pre-train a CrossModal to embed."
            )
        self.module.train(mode=False)
        return self.module

    def _check(self, what: str, items: Sequences, width: int) -> None:
        if items.values.shape[2] != width:
            raise Mismatch(
                f"The Adaptor takes {what} {width} wide; got {items.values.shape[2]}. It was "
                "pre-trained over another encoder."
            )

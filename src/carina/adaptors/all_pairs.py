"""Words that look at patches, for every text and every image: nothing a pair has that others have not.

Lee et al., "Stacked Cross Attention for Image-Text Matching", ECCV 2018 (arXiv 1803.08024), text to
image with average pooling (equations 1 to 4), over the tokens of a `CrossModal`. Each word gathers
the patches it is like; a text and an image are as similar as the words are, in the mean, to what they
gathered. The paper cuts negative cosines and normalises them over words before the soft-max; here
they go into it as they are.

Cross-attention inside the pairs of a batch alone would tell pairs from others by construction. Here
all texts attend to all images, so it costs texts x images, and there is no vector of an image alone.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from carina.adaptors.cross_modal import CrossModal, CrossModalAdaptor, Reads
from carina.adaptors.sequences import Sequences
from carina.core import ConfigError

__all__ = ["AllPairs", "AllPairsAdaptor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AllPairs:
    """Cross-attention over all pairs of a `CrossModal`'s tokens.

    Attributes:
        towers: What each side is, before they meet; it reads tokens.
        sharpness: Factor of the cosines in the soft-max over patches; 9 is the paper's.
    """

    towers: CrossModal = CrossModal()
    sharpness: float = 9.0

    def __post_init__(self) -> None:
        if self.towers.reads is not Reads.TOKENS or self.sharpness <= 0:
            raise ConfigError(
                "Words that look at patches take towers that read tokens, and a sharpness above 0; "
                f"got reads={self.towers.reads}, sharpness={self.sharpness}."
            )

    @property
    def reads(self) -> Reads:
        """Patches and words."""
        return Reads.TOKENS

    def build(
        self, *, image_dim: int, text_dim: int, generator: torch.Generator
    ) -> "AllPairsAdaptor":
        """The module for encoders of given widths, its weights drawn from the generator."""
        towers = self.towers.build(image_dim=image_dim, text_dim=text_dim, generator=generator)
        return AllPairsAdaptor(towers=towers, sharpness=self.sharpness)


class AllPairsAdaptor(nn.Module):
    """Compares each text with each image by what its words find there.

    Args:
        towers: What each side is, before they meet.
        sharpness: Factor of the cosines in the soft-max over patches.
    """

    def __init__(self, *, towers: CrossModalAdaptor, sharpness: float) -> None:
        super().__init__()
        self.towers = towers
        self._sharpness = sharpness

    @property
    def logit_scale(self) -> nn.Parameter:
        """That of the towers."""
        return self.towers.logit_scale

    def represent_images(self, images: Sequences) -> Sequences:
        """What `compare` takes of images: their patches, adapted."""
        return Sequences(values=self.towers.image_tokens(images), there=images.there)

    def represent_texts(self, texts: Sequences) -> Sequences:
        """What `compare` takes of texts: their words, adapted."""
        return Sequences(values=self.towers.text_tokens(texts), there=texts.there)

    def compare(self, images: Sequences, texts: Sequences) -> Float[Tensor, "texts images"]:
        """Mean cosine of each text's words with what they gather of each image."""
        patches, here = images.values, images.there
        alike = patches @ patches.transpose(1, 2)
        rows = [
            checkpoint(self._one, words[there], patches, here, alike, use_reentrant=False)
            for words, there in zip(texts.values, texts.there, strict=True)
        ]
        return torch.stack(rows)

    def _one(
        self,
        words: Float[Tensor, "words width"],
        patches: Float[Tensor, "images patches width"],
        here: Bool[Tensor, "images patches"],
        alike: Float[Tensor, "images patches patches"],
    ) -> Float[Tensor, " images"]:
        """One text with every image; the length of what a word gathers comes of `alike` alone."""
        cosine = torch.einsum("wd,ipd->iwp", words, patches)
        hidden = ~here[:, None].expand_as(cosine)
        weights = (self._sharpness * cosine).masked_fill(hidden, -torch.inf).softmax(dim=-1)
        along = (weights * cosine).sum(dim=-1)
        length = ((weights @ alike) * weights).sum(dim=-1).clamp(min=1e-12).sqrt()
        return (along / length).mean(dim=1)

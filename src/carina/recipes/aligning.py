"""How encoders that share no space are made comparable: a map fitted here, or an Adaptor over both."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from carina.adaptors import PretrainedAdaptor, Reads, Sequences, embed_in_blocks
from carina.core import Mismatch
from carina.encoders import EncoderCard
from carina.features import PromptVectors
from carina.learning import load_adaptor

__all__ = ["Adapted", "adapted", "adaptor_over", "images_adapted", "prompts_adapted"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Adapted:
    """Features and prompts as an Adaptor gives them: in one space.

    Attributes:
        features: (images, width), L2-normalised.
        prompts: Each prompt's vector, as wide.
        adaptor: What gave them.
    """

    features: Float[Tensor, "images width"]
    prompts: PromptVectors
    adaptor: PretrainedAdaptor


def adapted(
    folder: Path,
    features: Float[Tensor, "images dim"],
    prompts: PromptVectors,
    cards: Sequence[EncoderCard],
) -> Adapted:
    """Put a pre-trained Adaptor over the features of films and the vectors of prompts.

    Args:
        folder: Where `carina pretrain` left it.
        features: Pooled, as the image encoder gave them.
        prompts: As the text encoder gave them.
        cards: Image encoder, text encoder.

    Raises:
        MissingFile, UnreadableFile: where it is not there, or not whole.
        Mismatch: where it stands on other encoders, or reads tokens.
    """
    adaptor = load_adaptor(folder)
    _check_reads(adaptor)
    _check_encoders(cards, (adaptor.image_encoder, adaptor.text_encoder))
    return Adapted(
        features=embed_in_blocks(adaptor, features),
        prompts=prompts_adapted(adaptor, prompts),
        adaptor=adaptor,
    )


def prompts_adapted(adaptor: PretrainedAdaptor, prompts: PromptVectors) -> PromptVectors:
    """Prompts in the space of an Adaptor that reads vectors."""

    def side(vectors: Float[Tensor, "labels prompts dim"]) -> Float[Tensor, "labels prompts width"]:
        flat = adaptor.embed_texts(Sequences.of_vectors(vectors.flatten(0, 1)))
        return flat.reshape(*vectors.shape[:2], -1)

    return replace(prompts, positive=side(prompts.positive), negative=side(prompts.negative))


def images_adapted(
    folder: Path, features: Float[Tensor, "images dim"], card: EncoderCard
) -> tuple[Float[Tensor, "images width"], PretrainedAdaptor]:
    """Features of films through a pre-trained Adaptor, and the Adaptor; no text is needed.

    Raises:
        MissingFile, UnreadableFile, Mismatch: as `adapted`.
    """
    adaptor = adaptor_over(folder, card)
    _check_reads(adaptor)
    return embed_in_blocks(adaptor, features), adaptor


def adaptor_over(folder: Path, card: EncoderCard) -> PretrainedAdaptor:
    """The pre-trained Adaptor in a folder, which stands over an image encoder.

    Raises:
        MissingFile, UnreadableFile: where it is not there, or not whole.
        Mismatch: where it stands on another encoder.
    """
    adaptor = load_adaptor(folder)
    _check_encoders((card,), (adaptor.image_encoder,))
    return adaptor


def _check_reads(adaptor: PretrainedAdaptor) -> None:
    if adaptor.reads is not Reads.VECTORS:
        raise Mismatch(
            "This Adaptor reads patches and words, and here is one vector a film and a prompt. "
            "Pre-train one with reads = 'vectors'."
        )


def _check_encoders(cards: Sequence[EncoderCard], wanted: tuple[str, ...]) -> None:
    if tuple(card.fingerprint for card in cards) != wanted:
        raise Mismatch(
            f"This Adaptor stands on other encoders than {' and '.join(c.name for c in cards)}, or "
            "on other weights of theirs. Pre-train one over these: carina pretrain DATA "
            f"--image-encoder {cards[0].name}"
            f" --text-encoder {cards[1].name if len(cards) > 1 else 'T'}."
        )

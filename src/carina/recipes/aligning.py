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
        Mismatch: where it stands on other encoders, gives no vectors, or reads tokens.
    """
    adaptor = load_adaptor(folder)
    _check_encoders(cards, (adaptor.image_encoder, adaptor.text_encoder))
    _check_gives(adaptor, cards)
    _check_reads(adaptor, cards)
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
    _check_reads(adaptor, (card,))
    return embed_in_blocks(adaptor, features), adaptor


def adaptor_over(folder: Path, card: EncoderCard) -> PretrainedAdaptor:
    """The pre-trained Adaptor in a folder, which stands over an image encoder.

    Raises:
        MissingFile, UnreadableFile: where it is not there, or not whole.
        Mismatch: where it stands on another encoder, or gives no vectors.
    """
    adaptor = load_adaptor(folder)
    _check_encoders((card,), (adaptor.image_encoder,))
    _check_gives(adaptor, (card,))
    return adaptor


def _check_gives(adaptor: PretrainedAdaptor, cards: Sequence[EncoderCard]) -> None:
    if not adaptor.width:
        raise Mismatch(
            f"This Adaptor, of the form {type(adaptor.config).__name__}, compares each film with each "
            "report and gives no vector of either for anything to stand on. Pre-train a CrossModal: "
            f"{_pretrain(cards)}."
        )


def _check_reads(adaptor: PretrainedAdaptor, cards: Sequence[EncoderCard]) -> None:
    if adaptor.reads is not Reads.VECTORS:
        raise Mismatch(
            f"This Adaptor, of the form {type(adaptor.config).__name__}, reads tokens, and a stream or "
            "a probe has one vector a film. Over the grid it serves carina segment; here stands one "
            "that reads vectors: in its recipe reads = 'vectors' under [training.adaptor], or "
            f"{_pretrain(cards, recipe='adaptor-canonical')}."
        )


def _check_encoders(cards: Sequence[EncoderCard], wanted: tuple[str, ...]) -> None:
    pairs = zip(cards, wanted, strict=True)
    if others := [card for card, fingerprint in pairs if card.fingerprint != fingerprint]:
        told = " and ".join(f"{card.name} ({card.fingerprint})" for card in others)
        raise Mismatch(
            f"This Adaptor stands on other encoders than {told}, or on other weights of theirs: "
            f"{' and '.join(wanted)}. Name those, or pre-train one over these: {_pretrain(cards)}."
        )


def _pretrain(cards: Sequence[EncoderCard], *, recipe: str = "") -> str:
    """The command that makes an Adaptor over some encoders."""
    text = cards[1].name if len(cards) > 1 else "T"
    asked = f" --recipe {recipe}" if recipe else ""
    return (
        f"carina pretrain DATA{asked} --image-encoder {cards[0].name} --text-encoder {text} "
        "--store STORE --out OUT"
    )

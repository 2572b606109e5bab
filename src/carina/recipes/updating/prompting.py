"""Prompts for a reader that learns on, by the text encoder that read those it has."""

from carina.adaptors import encode_bank, load_bank
from carina.bundles import Bundle
from carina.core import Mismatch
from carina.encoders import load_text_encoder
from carina.features import PromptVectors
from carina.recipes.aligning import prompts_adapted
from carina.studies import LabelSpace

__all__ = ["prompts_of"]


def prompts_of(bundle: Bundle, bank: str, findings: tuple[str, ...]) -> PromptVectors | None:
    """Prompts of some findings, in the space of the reader's; None where it has no text.

    Args:
        bundle: The reader.
        bank: Of prompts, by name or path.
        findings: Which.

    Raises:
        UnknownName: where there is no such bank.
        Mismatch: where the text encoder here is not the one the bundle was made with.
    """
    if bundle.text_encoder is None:
        return None
    text = load_text_encoder(bundle.text_encoder.name)
    if text.card.fingerprint != bundle.text_encoder.fingerprint:
        raise Mismatch(
            f"The bundle's prompts were read by {bundle.text_encoder.name} "
            f"({bundle.text_encoder.fingerprint}); the one here is {text.card.fingerprint}. Use the "
            "carina and the weights it was made with."
        )
    prompts = encode_bank(load_bank(bank), LabelSpace(names=findings), text)
    return prompts if bundle.pretrained is None else prompts_adapted(bundle.pretrained, prompts)

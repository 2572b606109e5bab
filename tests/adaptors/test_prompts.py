"""Prompt banks: versioned texts, encoded once."""

from dataclasses import replace

import pytest
import torch

from carina.adaptors import PromptBank, bank_names, encode_bank, load_bank
from carina.core import InvalidValue, UnknownName
from carina.encoders import Encoded, EncoderCard, load_text_encoder
from carina.studies import LabelSpace


class Counting:
    """A text encoder that keeps count of what it is asked for."""

    def __init__(self) -> None:
        self.inner = load_text_encoder("toy-text")
        self.asked: list[str] = []

    @property
    def card(self) -> EncoderCard:
        return self.inner.card

    def to(self, device: torch.device) -> "Counting":
        return self

    def encode(self, texts: tuple[str, ...]) -> Encoded:
        self.asked += texts
        return self.inner.encode(texts)


@pytest.mark.parametrize("name", bank_names())
def test_every_bank_can_be_loaded_by_its_name(name: str) -> None:
    assert load_bank(name).name == name


def test_the_authors_prompts_come_first_four_and_four() -> None:
    wording = load_bank("retune-4").texts("Pleural_Effusion")

    assert wording.positive == (
        "Findings consistent with Pleural Effusion",
        "Findings suggesting Pleural Effusion",
        "This opacity can represent Pleural Effusion",
        "Findings are most compatible with Pleural Effusion",
    )
    assert wording.negative == (
        "There is no Pleural Effusion",
        "No evidence of Pleural Effusion",
        "No evidence of acute Pleural Effusion",
        "No signs of Pleural Effusion",
    )


@pytest.mark.parametrize("name", bank_names())
@pytest.mark.parametrize("finding", ["No_Finding", "No Finding", "no finding"])
def test_a_normal_chest_is_not_called_evidence_of_no_finding(name: str, finding: str) -> None:
    wording = load_bank(name).texts(finding)

    assert all("normal chest" in text for text in wording.positive)
    assert all("disease" in text for text in wording.negative)


def test_prompts_are_encoded_once_and_stand_where_they_belong() -> None:
    bank, encoder = load_bank("retune-4"), Counting()
    space = LabelSpace(names=("Edema", "Hernia"))
    vectors = encode_bank(bank, space, encoder)

    assert len(encoder.asked) == len(set(encoder.asked)) == 16
    assert vectors.positive.shape == vectors.negative.shape == (2, 4, encoder.card.dim)
    assert (vectors.bank, vectors.encoder) == (bank.fingerprint, encoder.card.fingerprint)
    for row, finding in enumerate(space.names):
        wording = bank.texts(finding)
        for texts, block in (
            (wording.positive, vectors.positive),
            (wording.negative, vectors.negative),
        ):
            for place, text in enumerate(texts):
                alone = encoder.inner.encode((text,)).pooled[0]
                torch.testing.assert_close(block[row, place], alone)


def test_the_fingerprint_is_that_of_the_texts() -> None:
    bank = load_bank("retune-4")
    other = replace(bank, positive=("Signs of {finding}", *bank.positive[1:]))

    assert replace(bank, name="other", source="other").fingerprint == bank.fingerprint
    assert other.fingerprint != bank.fingerprint
    assert replace(bank, own={}).fingerprint != bank.fingerprint


def test_an_unknown_bank_names_its_neighbour() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'retune-4'"):
        load_bank("retune4")


def test_a_space_without_findings_has_prompts_of_none() -> None:
    vectors = encode_bank(load_bank("retune-1"), LabelSpace(names=()), Counting())

    assert vectors.positive.shape == (0, 1, Counting().card.dim)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"positive": ()}, "prompts a side"),
        ({"positive": ("only {finding}",)}, "prompts a side"),
        ({"positive": ("no place",) * 4}, "has no place for a name"),
        ({"own": {"No Finding": load_bank("retune-4").own["no finding"]}}, "folded"),
        ({"own": load_bank("retune-1").own}, "prompts a side"),
    ],
)
def test_a_bank_with_uneven_or_nameless_texts_is_refused(
    changes: dict[str, object], message: str
) -> None:
    bank = load_bank("retune-4")
    fields = {name: getattr(bank, name) for name in PromptBank.__slots__}

    with pytest.raises(InvalidValue, match=message):
        PromptBank(**{**fields, **changes})

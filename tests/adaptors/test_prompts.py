"""Prompt banks: versioned texts by name or path, encoded once."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from carina.adaptors import (
    PromptBank,
    PromptTexts,
    TemplateBank,
    bank_names,
    encode_bank,
    is_bank_path,
    load_bank,
)
from carina.core import ConfigError, InvalidValue, MissingFile, UnknownName, to_json
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


def retune_4() -> TemplateBank:
    bank = load_bank("retune-4")
    assert isinstance(bank, TemplateBank)
    return bank


@pytest.mark.parametrize("name", bank_names())
def test_every_bank_can_be_loaded_by_its_name(name: str) -> None:
    bank = load_bank(name)

    assert isinstance(bank, PromptBank)
    assert bank.name == name


@pytest.mark.parametrize(
    ("name", "version", "fingerprint"),
    [
        ("carina-14", 1, "8e0722a7b53c5a8c98e6"),
        ("retune-1", 1, "869935df2da4d43fd6bc"),
        ("retune-4", 1, "ab3ae7f9bec22f3ebf60"),
    ],
)
def test_a_text_that_changes_raises_the_version_of_its_bank(
    name: str, version: int, fingerprint: str
) -> None:
    """Runs are named by these fingerprints: change a text, raise the version, and write both here."""
    bank = load_bank(name)

    assert (bank.version, bank.fingerprint) == (version, fingerprint)


@pytest.mark.parametrize("name", bank_names())
def test_every_finding_has_as_many_different_prompts_on_every_side(name: str) -> None:
    bank = load_bank(name)
    for finding in bank.findings:
        texts = bank.texts(finding)
        for side in (texts.positive, texts.negative, texts.uncertain):
            assert len(set(side)) == len(side)
            assert len(side) == bank.a_side or side is texts.uncertain == ()


@pytest.mark.parametrize("name", bank_names())
def test_a_style_alone_is_a_bank_of_that_style(name: str) -> None:
    bank = load_bank(name)
    alone = [bank.only(style) for style in bank.style_names]

    assert {len(one.style_names) for one in alone} == {1}
    assert sum(one.a_side for one in alone) == bank.a_side
    with pytest.raises(UnknownName, match="style"):
        bank.only("verse")


def test_each_pair_of_templates_is_a_style() -> None:
    texts = load_bank("retune-4").only("3").texts("Edema")

    assert (texts.positive, texts.negative) == (
        ("This opacity can represent Edema",),
        ("No evidence of acute Edema",),
    )
    assert load_bank("retune-4").only("3").texts("No Finding").opposed


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


@pytest.mark.parametrize("name", ["retune-1", "retune-4"])
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
    bank = retune_4()
    other = replace(bank, positive=("Signs of {finding}", *bank.positive[1:]))

    assert replace(bank, name="other", source="other").fingerprint == bank.fingerprint
    assert other.fingerprint != bank.fingerprint
    assert replace(bank, own={}).fingerprint != bank.fingerprint


def test_an_unknown_bank_names_its_neighbour_and_the_way_to_ones_own() -> None:
    with pytest.raises(UnknownName, match=r"Did you mean 'retune-4'.* ./mine"):
        load_bank("retune4")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("retune-4", False),
        ("mine", False),
        ("./mine", True),
        ("mine/", True),
        ("mine.json", True),
        (r"..\\mine", True),
    ],
)
def test_what_has_a_slash_or_ends_in_json_is_a_path(text: str, path: bool) -> None:
    assert is_bank_path(text) == path


def test_a_file_of_templates_of_ones_own_is_a_bank(tmp_path: Path) -> None:
    bank = replace(retune_4(), name="mine", positive=("Seen: {finding}",) * 4)
    (tmp_path / "mine.json").write_text(to_json(bank))
    mine = load_bank(str(tmp_path / "mine.json"))

    assert mine.texts("Edema").positive[0] == "Seen: Edema"
    assert mine.fingerprint == bank.fingerprint != retune_4().fingerprint


def test_a_path_to_nothing_and_a_file_with_faults_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingFile):
        load_bank(str(tmp_path / "none.json"))
    with pytest.raises(MissingFile):
        load_bank(str(tmp_path / "none"))
    plain = {**json.loads(to_json(retune_4())), "positve": [], "version": "2"}
    (tmp_path / "mine.json").write_text(json.dumps(plain))
    with pytest.raises(ConfigError, match=r"(?s)2 fault.*positve.*Did you mean"):
        load_bank(str(tmp_path / "mine.json"))


def test_uneven_sides_are_no_prompts() -> None:
    with pytest.raises(InvalidValue, match="as many prompts"):
        PromptTexts(positive=("a",), negative=("b", "c"), uncertain=(), styles=("1",))


def test_a_space_without_findings_has_prompts_of_none() -> None:
    vectors = encode_bank(load_bank("retune-1"), LabelSpace(names=()), Counting())

    assert vectors.positive.shape == (0, 1, Counting().card.dim)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"positive": ()}, "prompts a side"),
        ({"positive": ("only {finding}",)}, "prompts a side"),
        ({"positive": ("no place",) * 4}, "has no place for a name"),
        ({"own": {"No Finding": retune_4().own["no finding"]}}, "folded"),
        ({"own": retune_4().only("1").own}, "prompts a side"),
    ],
)
def test_a_bank_with_uneven_or_nameless_texts_is_refused(
    changes: dict[str, object], message: str
) -> None:
    bank = retune_4()
    fields = {name: getattr(bank, name) for name in TemplateBank.__slots__}

    with pytest.raises(InvalidValue, match=message):
        TemplateBank(**{**fields, **changes})

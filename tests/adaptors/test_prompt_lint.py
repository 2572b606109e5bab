"""Lint: each fault is found where it was planted, and nothing is said of a sound bank."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from carina.adaptors import FindingBank, PromptRemark, TemplateBank, lint_prompts, load_bank
from carina.adaptors.finding_bank import Style
from carina.adaptors.finding_words import FindingWords, Signs
from carina.adaptors.template_bank import Wording
from carina.encoders import Encoded, EncoderCard, FrozenTexts, TextEncoder, load_text_encoder
from carina.studies import Severity

NOTE = Style(
    name="note",
    positive=("{finding} seen", "Picture of {finding}"),
    negative=("No {finding} seen", "Picture without {finding}"),
    uncertain=("Possible {finding}", "Questionable {finding}"),
)


def words(finding: str, *names: str, **changes: object) -> FindingWords:
    signs = Signs(positive=(), negative=(), uncertain=())
    return replace(FindingWords(finding=finding, names=names, signs=signs), **changes)  # type: ignore[arg-type]


def bank(*of: FindingWords, style: Style = NOTE, signs: int = 0) -> FindingBank:
    found = of or (words("Edema", "edema"), words("Mass", "mass"))
    return FindingBank(
        name="test", version=1, source="a test", styles=(style,), signs=signs, words=found
    )


def topics(*remarks: PromptRemark) -> list[tuple[str, str]]:
    return [(remark.topic, remark.finding) for remark in remarks]


def written(
    positive: tuple[str, ...] = ("{finding} seen", "Picture of {finding}"),
    negative: tuple[str, ...] = ("No {finding} seen", "Picture without {finding}"),
    uncertain: tuple[str, ...] = ("Possible {finding}", "Questionable {finding}"),
) -> FindingBank:
    style = Style(name="note", positive=positive, negative=negative, uncertain=uncertain)
    return bank(words("Edema", "edema"), style=style)


class Drawn:
    """A text encoder that puts texts where a function says."""

    def __init__(self, place: Callable[[str], tuple[float, float, float]]) -> None:
        self.inner = load_text_encoder("toy-text")
        self.place = place

    @property
    def card(self) -> EncoderCard:
        return replace(self.inner.card, dim=3)

    def to(self, device: torch.device) -> "Drawn":
        return self

    def encode(self, texts: tuple[str, ...]) -> Encoded:
        rows = [self.place(text.casefold()) for text in texts]
        return Encoded(pooled=torch.tensor(rows).reshape(len(rows), 3))


def read_by(tokenise: Callable[[str], list[int]], most: int = 8) -> TextEncoder:
    toy = load_text_encoder("toy-text")
    assert isinstance(toy, FrozenTexts)
    return replace(toy, tokenise=tokenise, card=replace(toy.card, max_tokens=most))


def test_nothing_is_said_of_a_sound_bank() -> None:
    assert lint_prompts(bank()) == ()


@pytest.mark.parametrize(
    ("planted", "topic"),
    [
        (written(negative=("No {finding} seen", "Picture of some {finding}")), "no-negation"),
        (written(positive=("{finding} seen", "Picture free of {finding}")), "negation"),
        (written(uncertain=("Possible {finding}", "Certain {finding}")), "no-doubt"),
        (written(positive=("{finding} seen", "{finding} seen")), "twice"),
        (written(positive=("{finding} seen", "no {finding} seen")), "both-ways"),
    ],
)
def test_a_planted_fault_is_found(planted: FindingBank, topic: str) -> None:
    assert (topic, "Edema") in topics(*lint_prompts(planted))


def test_a_negative_may_name_what_is_ordinary_instead() -> None:
    signs = Signs(
        positive=("A broad band.",), negative=("A normal band.",), uncertain=("Perhaps a band.",)
    )
    stiff = replace(signs, negative=("A band as ever.",))

    assert lint_prompts(bank(words("Edema", "edema", signs=signs), signs=1)) == ()
    found = lint_prompts(bank(words("Edema", "edema", signs=stiff), signs=1))
    assert topics(*found) == [("no-negation", "Edema")]
    assert found[0].prompts == ("A band as ever.",)
    assert found[0].severity is Severity.ERROR


def test_what_names_its_opposite_need_not_deny() -> None:
    opposed = words("No Finding", "clear chest", opposite=("disease",))

    assert lint_prompts(bank(opposed)) == ()


def test_two_findings_of_one_name_cannot_be_told_apart_whatever_the_case() -> None:
    found = lint_prompts(bank(words("Edema", "fluid"), words("Effusion", "Fluid")))
    positive = [remark for remark in found if remark.severity is Severity.ERROR]
    negative = [remark for remark in found if remark.severity is Severity.WARNING]

    assert {remark.topic for remark in found} == {"shared"}
    assert {remark.prompts[0] for remark in negative} == {"no fluid seen", "picture without fluid"}
    assert len(positive) == 4
    assert positive[0].text.startswith("It is positive of Edema and of Effusion")


def test_the_authors_positives_suggest_and_a_labeller_reads_that_as_doubt() -> None:
    authors = lint_prompts(load_bank("retune-1"))

    assert {remark.topic for remark in authors} == {"doubt"}
    assert len(authors) == len(load_bank("retune-1").findings)


def test_empty_texts_are_found() -> None:
    empty = TemplateBank(
        name="t", version=1, source="", positive=("{finding}",), negative=("no {finding}",)
    )
    own = replace(empty, own={"edema": Wording(positive=(" ",), negative=("no edema",))})

    assert ("empty", "Edema") in topics(*lint_prompts(own))


def test_words_in_many_pieces_unknown_words_and_cut_texts_are_found() -> None:
    """Tokens: a letter each, with 1 and 2 around them; x and strange signs are not known."""
    reader = read_by(
        lambda text: [1, *[9 if sign in "xꙮ𓀀⸎" else ord(sign) for sign in text][:38], 2], most=40
    )
    found = lint_prompts(
        bank(words("Cyst", "cyst"), words("Mass", "x-ray"), words("Edema", "f l u i d " * 5)),
        reader,
    )
    about = {
        topic: {one.finding for one in found if one.topic == topic} for topic, _ in topics(*found)
    }

    assert about["pieces"] == {"Mass"}
    assert about["unknown"] == {"Mass"}
    assert about["too-long"] == {"Edema"}


def test_an_encoder_without_a_token_for_the_unknown_knows_every_word() -> None:
    reader = read_by(lambda text: [1, *text.encode(), 2], most=400)

    assert "unknown" not in {topic for topic, _ in topics(*lint_prompts(bank(), reader))}


def test_an_encoder_that_shows_no_tokenizer_is_said_to_show_none() -> None:
    found = lint_prompts(bank(), Drawn(lambda _: (1.0, 0.0, 0.0)))

    assert ("no-tokenizer", "") in topics(*found)


def test_positives_nearer_to_the_negatives_are_found() -> None:
    def place(text: str) -> tuple[float, float, float]:
        if "mass" in text:
            return (0.0, 0.0, 1.0)
        return (0.0, 1.0, 0.0) if "no" in text or text == "edema here" else (1.0, 0.0, 0.0)

    style = replace(
        NOTE,
        positive=("{finding} seen", "Picture of {finding}", "{finding} here"),
        negative=("No {finding} seen", "No picture of {finding}", "No {finding} here"),
        uncertain=("Possible {finding}", "Questionable {finding}", "{finding} possible"),
    )
    found = lint_prompts(bank(style=style), Drawn(place))
    near = [one for one in found if one.topic == "near-negative" and one.finding == "Edema"]

    assert [one.prompts for one in near] == [("Edema here",)]
    assert "(mean cosine 1.00 against 0.00)" in near[0].text
    assert near[0].severity is Severity.WARNING


def test_positives_nearer_to_another_finding_are_found() -> None:
    def place(text: str) -> tuple[float, float, float]:
        if "no" in text or "without" in text:
            return (0.0, 0.0, 1.0)
        return (0.0, 1.0, 0.0) if text == "picture of edema" or "mass" in text else (1.0, 0.0, 0.0)

    found = [one for one in lint_prompts(bank(), Drawn(place)) if one.topic == "near-other"]

    assert [(one.finding, one.prompts) for one in found] == [("Edema", ("Picture of edema",))]
    assert "Mass foremost" in found[0].text


def test_one_prompt_a_side_has_nothing_to_be_near_to() -> None:
    found = lint_prompts(load_bank("retune-1"), load_text_encoder("toy-text"))

    assert [one.topic for one in found if one.topic != "doubt"] == ["one-prompt"]


def test_errors_come_first() -> None:
    planted = written(positive=("{finding} seen", "{finding} seen"), uncertain=("a {finding}",) * 2)
    severities = [remark.severity for remark in lint_prompts(planted)]

    assert severities == sorted(severities, key=list(Severity).index)
    assert severities[0] is Severity.ERROR
    assert severities[-1] is Severity.WARNING

"""A report says what was drawn and what is ordinary, nothing else, and never as a prompt does."""

import re

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from carina.adaptors import FindingBank, TemplateBank, bank_names, load_bank
from carina.core import InvalidValue
from carina.phantoms import FINDINGS, Place, Telling, sentence_templates, tell
from carina.studies import Presence

PROMPTS = (
    "findings consistent with {finding}",
    "findings suggesting {finding}",
    "this opacity can represent {finding}",
    "findings are most compatible with {finding}",
    "there is no {finding}",
    "no evidence of {finding}",
    "no evidence of acute {finding}",
    "no signs of {finding}",
    "there is {finding}",
    "{finding} is seen",
)
WORDS = {
    "Atelectasis": "atelecta",
    "Cardiomegaly": r"cardiomegaly|heart is enlarged|enlarge",
    "Consolidation": "consolidat",
    "Edema": "edema",
    "Pleural Effusion": "effusion",
    "Pneumothorax": "pneumothorax",
}
DENIALS = r"absent|without|negative for|free of|neither|not enlarged"

places = st.builds(
    Place,
    side=st.sampled_from(("right", "left", "bilateral")),
    zone=st.sampled_from(("upper", "middle", "lower")),
    size=st.sampled_from(("small", "moderate", "large")),
)
drawings = st.dictionaries(st.sampled_from(FINDINGS), places)


def told(drawn: dict[str, Place], seed: int) -> Telling:
    return tell(np.random.default_rng(seed), drawn, "PA")


@settings(max_examples=150, deadline=None)
@given(drawn=drawings, seed=st.integers(0, 10_000))
def test_every_drawn_finding_is_told_and_no_other_is_affirmed(
    drawn: dict[str, Place], seed: int
) -> None:
    telling = told(drawn, seed)

    for finding, said in telling.said.items():
        if finding in drawn:
            assert said in (Presence.PRESENT, Presence.UNCERTAIN)
        else:
            assert said in (Presence.ABSENT, Presence.UNMENTIONED)


@settings(max_examples=150, deadline=None)
@given(drawn=drawings, seed=st.integers(0, 10_000))
def test_a_sentence_that_names_a_finding_not_drawn_denies_it(
    drawn: dict[str, Place], seed: int
) -> None:
    for sentence in re.split(r"[.:]\s", told(drawn, seed).text.lower()):
        for finding in FINDINGS:
            if finding not in drawn and re.search(WORDS[finding], sentence):
                assert re.search(DENIALS, sentence)


@settings(max_examples=100, deadline=None)
@given(drawn=drawings, seed=st.integers(0, 10_000))
@example(drawn={}, seed=438)  # an opening alone
@example(drawn={}, seed=340)  # not even that
def test_a_report_has_findings_and_an_impression_without_blanks_left(
    drawn: dict[str, Place], seed: int
) -> None:
    text = told(drawn, seed).text

    assert re.fullmatch(r"FINDINGS: .*[.] IMPRESSION: .+[.]", text)
    assert not set("{}") & set(text)
    assert "  " not in text


def test_drawn_findings_stand_in_the_words_of_the_report() -> None:
    for seed, finding in enumerate(FINDINGS * 20):
        telling = told({finding: Place(side="left", zone="lower", size="large")}, seed)
        assert re.search(WORDS[finding], telling.text.lower())


def test_reports_deny_hedge_leave_out_and_vary() -> None:
    small = Place(side="right", zone="upper", size="small")
    tellings = [told({"Consolidation": small}, seed) for seed in range(300)]
    said = [telling.said["Consolidation"] for telling in tellings]
    others = [telling.said["Edema"] for telling in tellings]

    assert 0.15 < np.mean([one == Presence.UNCERTAIN for one in said]) < 0.35
    assert 0.4 < np.mean([one == Presence.ABSENT for one in others]) < 0.7
    assert Presence.UNMENTIONED in others
    assert sum(bool(re.search(DENIALS, one.text)) for one in tellings) > 100
    assert len({telling.text for telling in tellings}) > 280


def test_a_hedge_is_worded_as_one() -> None:
    for seed in range(300):
        telling = told({"Edema": Place(size="small")}, seed)
        hedged = re.search(r"possibl|may be|questionable", telling.text.lower())
        assert bool(hedged) == (telling.said["Edema"] == Presence.UNCERTAIN)


def prompts() -> list[str]:
    """What scores an image, but for a bare name, which every report has that speaks of it."""
    banked: list[str] = []
    for name in bank_names():
        bank = load_bank(name)
        if isinstance(bank, TemplateBank):
            banked += [*bank.positive, *bank.negative]
        if isinstance(bank, FindingBank):
            banked += [text for style in bank.styles for text in (*style.positive, *style.negative)]
            signs = [each.signs for each in bank.words]
            banked += [text for each in signs for text in (*each.positive, *each.negative)]
    templates = {text.replace("{a finding}", "{finding}") for text in (*PROMPTS, *banked)}
    return sorted(templates - {"{finding}"})


def test_no_sentence_of_a_report_shares_a_template_with_a_prompt() -> None:
    sentences = {one.lower() for one in sentence_templates()}
    assert len(sentences) > 100
    assert len(prompts()) > 200
    for prompt in prompts():
        before, _, after = prompt.lower().partition("{finding}")
        for sentence in sentences:
            if before:
                assert not sentence.startswith(before)
            if len(before.split()) > 1 and before != "there is ":
                assert before not in sentence
            if after.strip(". "):
                assert after.strip(". ") not in sentence


def test_no_report_holds_a_prompt() -> None:
    rng = np.random.default_rng(0)
    for seed in range(200):
        drawn = {f: Place(side="left", zone="lower") for f in FINDINGS if rng.random() < 0.3}
        text = told(drawn, seed).text.lower()
        for prompt in prompts():
            for finding in FINDINGS:
                assert prompt.lower().format(finding=finding.lower()) not in text


def test_a_telling_speaks_of_every_finding() -> None:
    with pytest.raises(InvalidValue, match="every finding"):
        Telling(text="", said={"Edema": Presence.PRESENT})

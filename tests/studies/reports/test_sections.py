import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carina.studies import Heading, Sections, split_sections

USUAL = """                                 FINAL REPORT
 EXAMINATION:  CHEST (PA AND LAT)

 INDICATION:  ___F with fever.  // pneumonia?

 TECHNIQUE:  Chest PA and lateral

 COMPARISON:  None.

 FINDINGS:

 The lungs are clear.
 No effusion.

 IMPRESSION:

 No acute process.
"""


def test_a_usual_report_is_parted_by_its_headings() -> None:
    parts = split_sections(USUAL)

    assert [str(heading) for heading, _ in parts.parts] == [
        "examination",
        "indication",
        "technique",
        "comparison",
        "findings",
        "impression",
    ]
    assert parts.findings == "The lungs are clear.\n No effusion."
    assert parts.read == "The lungs are clear.\n No effusion.\n\nNo acute process."


@pytest.mark.parametrize(
    "text",
    [
        "FINDINGS: Clear. IMPRESSION: Normal.",
        "findings: Clear.\nimpressions: Normal.",
        "Findings\nClear.\nConclusion\nNormal.",
        "FINDINGS Clear.\nIMPRESSION Normal.",
        "**Findings:** Clear.\n**Impression:** Normal.",
        "Findings : Clear.\r\nOpinion : Normal.",
        "FINDINGS:\n\nClear.\n\nFINAL IMPRESSION:\n\nNormal.",
        "Finding: Clear.  Impression: Normal.",
    ],
)
def test_headings_are_known_however_they_are_written(text: str) -> None:
    parts = split_sections(text)

    assert (parts.findings, parts.impression) == ("Clear.", "Normal.")


@pytest.mark.parametrize(
    "sentence",
    [
        "Findings are consistent with pneumonia.",
        "FINDINGS CONSISTENT WITH PNEUMONIA.",
        "In comparison to the prior study there is no change.",
        "The clinical impression was of pneumonia.",
        "History of cancer, with new nodule.",
    ],
)
def test_a_word_within_a_sentence_is_no_heading(sentence: str) -> None:
    assert split_sections(sentence).parts == ((Heading.BODY, sentence),)


def test_a_heading_without_text_is_there_and_empty() -> None:
    parts = split_sections("FINDINGS: Clear.\nIMPRESSION:\n")

    assert "impression" in parts
    assert parts.impression == ""
    assert parts.read == "Clear."
    assert "comparison" not in parts


def test_findings_and_impression_under_one_heading_are_read() -> None:
    parts = split_sections("HISTORY: Cough.\nFINDINGS AND IMPRESSION: Small effusion.")

    assert parts.read == "Small effusion."
    assert parts[Heading.FINDINGS_AND_IMPRESSION] == "Small effusion."


def test_unheaded_prose_after_the_last_heading_is_the_body() -> None:
    parts = split_sections("INDICATION: Fever.\n\nThe lungs are clear.\n\nNo effusion.")

    assert parts["indication"] == "Fever."
    assert parts.read == "The lungs are clear.\n\nNo effusion."


def test_a_preliminary_reading_is_read_only_where_there_is_no_other() -> None:
    assert split_sections("WET READ: Left effusion.").read == "Left effusion."
    assert split_sections("WET READ: Left effusion.\nIMPRESSION: None.").read == "None."


def test_the_texts_of_a_repeated_heading_are_joined() -> None:
    parts = split_sections("IMPRESSION: One.\nADDENDUM: Late.\nIMPRESSION: Two.")

    assert parts.impression == "One.\n\nTwo."


def test_an_empty_report_has_no_parts() -> None:
    assert split_sections(" \n\n ") == Sections(parts=())
    assert split_sections("").read == ""


def test_no_heading_is_known_that_is_none() -> None:
    with pytest.raises(ValueError, match="anamnesis"):
        split_sections("")["anamnesis"]


_LINES = st.sampled_from(
    ["FINDINGS:", "Impression:", "COMPARISON", "clear lungs.", "", "No effusion.", "_____", "x: y"]
)


@given(st.lists(_LINES).map("\n".join))
def test_no_word_is_lost_or_made_up(text: str) -> None:
    parts = split_sections(text)

    def words(text: str) -> list[str]:
        kept = re.findall(r"[a-z]+", text.casefold())
        return sorted(w for w in kept if w not in ("findings", "impression", "comparison"))

    assert words(" ".join(text for _, text in parts.parts)) == words(text)

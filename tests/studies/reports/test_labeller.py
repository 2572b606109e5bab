import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carina.core import InvalidValue
from carina.studies import (
    LABELLED,
    Presence,
    explain_report,
    label_report,
    resolve,
    split_sections,
    told_by_words,
)
from carina.studies.reports.labeller import _rules
from carina.studies.reports.phrases import fold, pattern

P, U, A, N = Presence.PRESENT, Presence.UNCERTAIN, Presence.ABSENT, Presence.UNMENTIONED


@pytest.mark.parametrize(
    ("sentence", "finding", "presence"),
    [
        ("There is a small left pleural effusion.", "Pleural Effusion", P),
        ("No pleural effusion.", "Pleural Effusion", A),
        ("No pneumothorax, consolidation, or pleural effusion.", "Pleural Effusion", A),
        ("Negative for effusion.", "Pleural Effusion", A),
        ("Pleural effusion is not seen.", "Pleural Effusion", A),
        ("The effusion has resolved.", "Pleural Effusion", A),
        ("Pericardial effusion.", "Pleural Effusion", N),
        ("Possible small effusion.", "Pleural Effusion", U),
        ("A small effusion cannot be excluded.", "Pleural Effusion", U),
        ("Cannot exclude effusion.", "Pleural Effusion", U),
        ("No change in the effusion.", "Pleural Effusion", P),
        ("No pneumothorax, but there is an effusion.", "Pleural Effusion", P),
        ("No pneumothorax, but there is an effusion.", "Pneumothorax", A),
        ("No pneumothorax, mild cardiomegaly.", "Cardiomegaly", P),
        ("Cardiomegaly without edema.", "Cardiomegaly", P),
        ("Cardiomegaly without edema.", "Edema", A),
        ("Effusion has resolved, atelectasis remains.", "Atelectasis", P),
        ("The heart is enlarged.", "Cardiomegaly", P),
        ("The heart is not enlarged.", "Cardiomegaly", A),
        ("Heart size is normal.", "Cardiomegaly", A),
        ("Normal cardiomediastinal silhouette.", "Enlarged Cardiomediastinum", A),
        ("The lungs are clear.", "Lung Opacity", A),
        ("Opacities, atelectasis versus pneumonia.", "Atelectasis", U),
        ("Opacities, atelectasis versus pneumonia.", "Pneumonia", U),
        ("Opacities, atelectasis versus pneumonia.", "Lung Opacity", P),
        ("No opacity to suggest pneumonia.", "Pneumonia", A),
        ("Opacity which may be secondary to edema.", "Edema", U),
        ("History of pneumonia.", "Pneumonia", N),
        ("Evaluate for pneumothorax.", "Pneumothorax", N),
        ("Fractures may not be demonstrated.", "Fracture", N),
        ("The PICC has been removed.", "Support Devices", A),
        ("Subcutaneous emphysema.", "Emphysema", N),
        ("Breast mass.", "Lung Lesion", N),
        ("Nodule of 4.5 mm without mass.", "Nodule", P),
        ("Nodule of 4.5 mm without mass.", "Mass", A),
        ("No\nfocal\nconsolidation.", "Consolidation", A),
        ("NO FOCAL CONSOLIDATION.", "Consolidation", A),
    ],
)
def test_a_sentence_says_of_a_finding(sentence: str, finding: str, presence: Presence) -> None:
    assert label_report(sentence)[finding] is presence


def test_a_cue_does_not_reach_into_the_next_sentence() -> None:
    assert label_report("No effusion. Pneumothorax.")["Pneumothorax"] is P
    assert label_report("No effusion\n\nPneumothorax")["Pneumothorax"] is P


def test_present_outweighs_uncertain_and_that_absent() -> None:
    assert label_report("No edema. Possible edema.")["Edema"] is U
    assert label_report("Edema. No edema. Possible edema.")["Edema"] is P


def test_no_finding_is_present_where_nothing_else_is_present_or_uncertain() -> None:
    assert label_report("No effusion. Heart size normal.")["No Finding"] is P
    assert label_report("A PICC is in place.")["No Finding"] is P
    assert label_report("Possible effusion.")["No Finding"] is N
    assert label_report("Degenerative changes of the spine.")["No Finding"] is N


def test_a_report_without_a_reading_says_nothing() -> None:
    assert set(label_report("").values()) == {N}
    assert set(label_report("INDICATION: Effusion?\nIMPRESSION:").values()) == {N}


def test_what_was_feared_is_not_what_was_seen() -> None:
    found = label_report("INDICATION: Pneumonia.\nFINDINGS: Edema.")

    assert (found["Pneumonia"], found["Edema"]) == (N, P)


def test_a_text_and_its_parts_are_labelled_alike() -> None:
    text = "HISTORY: Cough.\nFINDINGS: Small effusion.\nIMPRESSION: Possible pneumonia."

    assert label_report(split_sections(text)) == label_report(text)


def test_an_explanation_names_place_and_cue() -> None:
    report = "FINDINGS: No definite effusion."
    (mention,) = explain_report(report)

    assert split_sections(report).read[mention.start : mention.end] == "effusion"
    assert (mention.finding, mention.presence, mention.cue) == ("Pleural Effusion", A, "No")


def test_every_label_is_of_the_registry_and_has_rules() -> None:
    assert [resolve(name).name for name in LABELLED] == list(LABELLED)
    assert set(_rules().findings) == {*LABELLED[1:], "Other"}
    assert set(label_report("Clear.")) == set(LABELLED)


@given(st.text())
def test_any_text_is_labelled(text: str) -> None:
    assert len(fold(text)) == len(text)
    read = split_sections(text).read
    assert all(0 <= m.start < m.end <= len(read) for m in explain_report(text))


def test_the_same_words_in_capitals_say_the_same() -> None:
    text = "No effusion, but mild cardiomegaly. Possible left pneumonia; nodule not seen."

    assert label_report(text.upper()) == label_report(text)


@pytest.mark.parametrize(
    ("phrase", "text", "found"),
    [
        ("nodule", "nodules", True),
        ("nodule", "nodular", False),
        ("icd", "icds", False),
        ("atelecta*", "atelectatic", True),
        ("a|b nodule", "b nodule", True),
        ("heart size?", "heart", True),
        ("small? heart", "heart", True),
        ("heart ... enlarged", "heart is mildly enlarged", True),
        ("heart ... enlarged", "heart. enlarged", False),
        ("heart ... enlarged", "heart a b c d e f enlarged", False),
        (", mild", "clear, mild", True),
        (", mild", "clear mild", False),
    ],
)
def test_phrases_match_words(phrase: str, text: str, found: bool) -> None:

    assert (re.search(pattern([phrase]), fold(text)) is not None) is found


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Small effusion", set()),
        ("no effusion", {A}),
        ("the effusion is not seen", {A}),
        ("possible effusion", {U}),
        ("an effusion cannot be excluded", {U}),
        ("no change in the effusion", set()),
        ("no mass; may be a cyst", {A, U}),
        ("", set()),
    ],
)
def test_words_tell_what_they_do_to_whatever_is_named(text: str, told: set[Presence]) -> None:
    assert told_by_words(text) == told


@pytest.mark.parametrize("phrase", ["", "Heart", "a.b", "... a", "a ..."])
def test_a_phrase_outside_the_language_is_refused(phrase: str) -> None:
    with pytest.raises(InvalidValue, match="phrase"):
        pattern([phrase])


def test_a_hundred_reports_a_second_are_labelled() -> None:
    report = "FINDINGS: " + 12 * "No focal consolidation, effusion, or pneumothorax is seen. "
    label_report(report)
    began = time.process_time()
    for _ in range(20):
        label_report(report)

    assert time.process_time() - began < 0.2 * 5  # the hook that checks shapes is on in tests

"""Sentences of reports, by the one way in which they speak of a finding."""

import numpy as np
import pytest

from carina.adaptors.report_sentences import ReportSentences, report_sentences
from carina.studies import LabelSpace

SPACE = LabelSpace(names=("Cardiomegaly", "Edema", "Tree In Bud"))


def found(reports: list[str], seed: int = 0) -> ReportSentences:
    return report_sentences(reports, SPACE, rng=np.random.default_rng(seed))


def texts(of: ReportSentences, kind: str, column: int) -> list[str]:
    table = getattr(of, kind)
    return [text for text, is_in in zip(of.texts, table[:, column], strict=True) if is_in]


def reports() -> list[str]:
    return [
        f"INDICATION: edema? FINDINGS: Edema of grade {n}. No edema on film {n}. Heart {n} is "
        f"normal. Cardiomegaly {n}; possible edema {n}. Cardiomegaly {n}, no edema."
        for n in range(12)
    ]


def test_sentences_stand_by_what_they_say_and_mixed_or_doubting_ones_nowhere() -> None:
    of = found(reports())

    assert texts(of, "affirmed", 1) == [f"Edema of grade {n}." for n in range(12)]
    assert texts(of, "denied", 1) == [f"No edema on film {n}." for n in range(12)]
    assert texts(of, "ordinary", 0) == [f"Heart {n} is normal." for n in range(12)]
    assert not any("possible" in text or ", no" in text for text in of.texts)
    assert not of.affirmed[:, 2].any()


def test_each_sentence_counts_once_and_knows_its_report() -> None:
    of = found([*reports(), *reports()])

    assert len(set(of.texts)) == len(of.texts)
    assert [of.reports[of.texts.index(f"Edema of grade {n}.")] for n in range(12)] == list(
        range(12)
    )


def test_a_kind_with_fewer_than_ten_is_left_out() -> None:
    of = found([*reports()[:9]])

    assert of.texts == ()
    assert of.affirmed.shape == (0, 3)


def test_a_sentence_that_many_reports_hold_is_no_more_than_one() -> None:
    said = " ".join(f"Edema of grade {n}." for n in range(9))

    assert found([f"FINDINGS: {said} Film {n}." for n in range(20)]).texts == ()


def test_at_most_fifty_of_a_kind_are_drawn_by_the_generator() -> None:
    many = [f"FINDINGS: Edema of grade {n}." for n in range(300)]
    first, other = found(many), found(many, seed=1)

    assert first.affirmed[:, 1].sum() == 50
    assert first.texts == found(many).texts != other.texts


@pytest.mark.parametrize("reports", [[], ["", " "]])
def test_no_report_gives_no_sentence(reports: list[str]) -> None:
    assert found(reports).texts == ()

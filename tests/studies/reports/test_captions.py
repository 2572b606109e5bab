"""What stands for a report beside its film."""

from dataclasses import replace
from pathlib import Path

import pytest

from carina.studies import ReportText, caption, read_data, reports_as
from tests.studies.sources.conftest import build_mini

REPORT = """ FINAL REPORT
 INDICATION: Fever, effusion feared.

 FINDINGS:
 Heart size is normal. Unchanged. PICC at 2° tilt.

 IMPRESSION:
 1. No acute process.  2. Old rib fracture.
"""


def test_it_is_the_words_of_impression_then_findings_and_nothing_of_what_was_feared() -> None:
    assert caption(REPORT) == (
        "no acute process old rib fracture heart size is normal picc at 2 tilt"
    )


@pytest.mark.parametrize(
    ("report", "wanted"),
    [
        ("", ""),
        ("IMPRESSION: Clear lungs.", ""),
        ("IMPRESSION: Normal. Unchanged. Stable.", ""),
        ("IMPRESSION: No pneumothorax seen.", "no pneumothorax seen"),
        ("FINDINGS AND IMPRESSION: Lungs are clear.", "lungs are clear"),
        ("Chest radiograph without any heading at all.", ""),
        ("IMPRESSION: Cœur de taille normale.", "cur de taille normale"),
    ],
)
def test_fewer_than_three_words_and_sentences_of_one_are_left_out(report: str, wanted: str) -> None:
    assert caption(report) == wanted


def test_a_manifest_is_told_in_captions_and_is_otherwise_as_it_was(tmp_path: Path) -> None:
    manifest = read_data(build_mini("mimic-cxr-jpg", tmp_path))
    told = reports_as(manifest, ReportText.CAPTION)

    assert reports_as(manifest, ReportText.WHOLE) is manifest
    assert told.report == tuple(map(caption, manifest.report))
    assert "edema of degree" in " ".join(told.report)
    assert replace(told, report=manifest.report).digest == manifest.digest

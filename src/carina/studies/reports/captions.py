"""What of a report stands for it when films and reports are paired."""

import re
from dataclasses import replace
from enum import StrEnum

from carina.studies.manifest import Manifest
from carina.studies.reports.sections import Heading, split_sections

__all__ = ["ReportText", "caption", "reports_as"]

_SENTENCE = re.compile(r"[0-9]+\.|\.")
_FEWEST = 3
_PARTS = (Heading.IMPRESSION, Heading.FINDINGS_AND_IMPRESSION, Heading.FINDINGS)


class ReportText(StrEnum):
    """What an encoder of texts reads of a report."""

    WHOLE = "whole"
    """All of it, indication and headings too."""
    CAPTION = "caption"
    """The words of impression and findings; see `caption`."""


def caption(report: str) -> str:
    """The words of impression and findings in lower case, a space between; "" for fewer than three.

    Impression comes first; sentences of a single word, marks and characters beyond ASCII are left
    out. So MGCA (Wang et al., NeurIPS 2022) made captions of MIMIC-CXR, and Freeze the backbones
    (arXiv 2401.01179) after it. They part reports by the data set's own script, which names
    headings otherwise here and there.

    >>> caption("INDICATION: Cough. FINDINGS: Lungs are clear. Normal. IMPRESSION: 1. No effusion.")
    'no effusion lungs are clear'
    """
    parts = split_sections(report)
    kept: list[str] = []
    for sentence in _SENTENCE.split(" ".join(parts[heading] for heading in _PARTS)):
        words = re.findall(r"\w+", sentence.lower())
        plain = (word.encode("ascii", "ignore").decode() for word in words)
        kept += filter(None, plain) if len(words) > 1 else ()
    return " ".join(kept) if len(kept) >= _FEWEST else ""


def reports_as(manifest: Manifest, text: ReportText) -> Manifest:
    """The manifest with what stands for each report in its place."""
    if text is ReportText.WHOLE:
        return manifest
    told = {report: caption(report) for report in dict.fromkeys(manifest.report)}
    return replace(manifest, report=tuple(told[report] for report in manifest.report))

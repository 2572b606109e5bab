"""A report parted by its headings, however irregularly they are written."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Heading", "Sections", "split_sections"]


class Heading(StrEnum):
    """What a part of a report is, whatever it is headed."""

    FINDINGS = "findings"
    IMPRESSION = "impression"
    FINDINGS_AND_IMPRESSION = "findings_and_impression"
    INDICATION = "indication"
    HISTORY = "history"
    TECHNIQUE = "technique"
    COMPARISON = "comparison"
    EXAMINATION = "examination"
    WET_READ = "wet_read"
    RECOMMENDATION = "recommendation"
    NOTIFICATION = "notification"
    ADDENDUM = "addendum"
    BODY = "body"
    """What stands under no heading."""


_WRITTEN = {
    Heading.FINDINGS_AND_IMPRESSION: (
        r"findings?\s*(?:and|&|/)\s*(?:impressions?|conclusions?)",
        r"impressions?\s*(?:and|&|/)\s*findings?",
    ),
    Heading.FINDINGS: (r"(?:chest\s+|radiographic\s+)?findings?", "observations?"),
    Heading.IMPRESSION: (r"(?:final\s+)?impressions?", "conclusions?", "opinion", "summary"),
    Heading.INDICATION: (
        r"(?:clinical\s+)?indications?",
        r"reasons?\s+for\s+(?:this\s+)?(?:exam|examination|study)",
        r"clinical\s+(?:information|data|question|details)",
    ),
    Heading.HISTORY: (r"(?:clinical\s+|patient\s+|medical\s+)?history",),
    Heading.TECHNIQUE: ("techniques?", "procedure"),
    Heading.COMPARISON: (
        r"comparisons?(?:\s+(?:studies|study|films?|exams?))?",
        r"compared\s+to",
    ),
    Heading.EXAMINATION: (r"(?:type\s+of\s+)?exam(?:ination)?s?", "study"),
    Heading.WET_READ: (r"wet\s+read", r"preliminary\s+(?:report|read(?:ing)?)"),
    Heading.RECOMMENDATION: (r"recommendations?(?:\(s\))?",),
    Heading.NOTIFICATION: ("notifications?", "communication"),
    Heading.ADDENDUM: ("addend(?:um|a)",),
}
_WORDS = "|".join(f"(?P<{heading}>{'|'.join(forms)})" for heading, forms in _WRITTEN.items())
# With a colon a heading stands at the start of a line or after the end of a sentence; without one
# it fills a line, or is in capitals before a sentence that is not.
_HEADING = re.compile(
    r"(?:(?P<line>^[^\S\n]*[#*_\d.)]*[^\S\n]*)|(?<=[.;:!?])[^\S\n]+|[^\S\n]{2,})"
    rf"(?:{_WORDS})[*_]*[^\S\n]*(?:(?P<colon>:[*_]*)|(?P<bare>[.]?(?=[^\S\n]*$))|(?=[^\S\n]+[A-Z0-9]))",
    re.IGNORECASE | re.MULTILINE,
)
_CAPITALS = re.compile(r"[A-Z][A-Z&/ ()]+")
_SHOUTED = re.compile(r"[A-Z0-9]{2,}\b")
_BANNER = re.compile(
    r"^[^\S\n]*(?:final report|end of report)[^\S\n]*$", re.IGNORECASE | re.MULTILINE
)
_RULE = re.compile(r"^[\s_=*-]+$", re.MULTILINE)
_GAP = re.compile(r"\n[^\S\n]*\n")
_READ = (Heading.FINDINGS, Heading.FINDINGS_AND_IMPRESSION, Heading.IMPRESSION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sections:
    """The parts of one report, in the order in which they stand.

    Attributes:
        parts: Heading and text of each; a heading stands once, and an empty text means that it
            is there with nothing under it.
    """

    parts: tuple[tuple[Heading, str], ...]

    def __getitem__(self, heading: Heading | str) -> str:
        """The text under a heading; "" where it is empty or not there."""
        return dict(self.parts).get(Heading(heading), "")

    def __contains__(self, heading: object) -> bool:
        """Whether the heading stands in the report, with text or without."""
        return any(heading == there for there, _ in self.parts)

    @property
    def findings(self) -> str:
        """What was seen."""
        return self[Heading.FINDINGS]

    @property
    def impression(self) -> str:
        """What it was taken for."""
        return self[Heading.IMPRESSION]

    @property
    def read(self) -> str:
        """What the radiologist says of this film: findings and impression, or what there is.

        Where neither has a text, what stands under no heading; where nothing does, the
        preliminary reading. Indication and history are never read: they tell what was feared.
        """
        texts = [text for heading, text in self.parts if heading in _READ and text]
        return "\n\n".join(texts) or self[Heading.BODY] or self[Heading.WET_READ]


def split_sections(text: str) -> Sections:
    """Part a report by its headings.

    Headings may be in any case, with a colon or alone on a line or in capitals before their text,
    several on a line, missing altogether (all of it is then `Heading.BODY`), or without any text.
    The texts under a heading that stands more than once are joined. Where neither findings nor
    impression is headed, paragraphs after the first of the last part are the body: such reports
    end with unheaded prose.

    >>> parts = split_sections("INDICATION: Cough. Findings: Clear lungs. IMPRESSION:")
    >>> parts.read, "impression" in parts, parts["indication"]
    ('Clear lungs.', True, 'Cough.')
    """
    text = _BANNER.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    parts = list(_parted(text))
    if len(parts) > 1 and not any(heading in _READ for heading, _ in parts):
        heading, last = parts.pop()
        first, *rest = _GAP.split(last.strip(), maxsplit=1)
        parts += [(heading, first), *((Heading.BODY, prose) for prose in rest)]
    return _joined(parts)


def _parted(text: str) -> Iterator[tuple[Heading, str]]:
    found = [match for match in _HEADING.finditer(text) if _is_heading(match, text)]
    first, *ends = [*(match.start() for match in found), len(text)]
    yield Heading.BODY, text[:first]
    for match, end in zip(found, ends, strict=True):
        yield _named(match), text[match.end() : end]


def _named(match: re.Match[str]) -> Heading:
    return next(heading for heading in _WRITTEN if match[heading] is not None)


def _is_heading(match: re.Match[str], text: str) -> bool:
    words = match[_named(match)]
    if match["colon"]:
        return match["line"] is not None or words[0].isupper()
    if match["line"] is None:
        return False
    if match["bare"] is not None:
        return True
    follows = text[match.end() :].lstrip()
    # "FINDINGS CONSISTENT WITH" in a report all in capitals is a sentence.
    return bool(_CAPITALS.fullmatch(words)) and not _SHOUTED.match(follows)


def _joined(parts: Iterable[tuple[Heading, str]]) -> Sections:
    texts: dict[Heading, list[str]] = {}
    for heading, text in parts:
        kept = texts.setdefault(heading, [])
        if text := _RULE.sub("", text).strip():
            kept.append(text)
    return Sections(
        parts=tuple(
            (heading, "\n\n".join(kept))
            for heading, kept in texts.items()
            if kept or heading is not Heading.BODY
        )
    )

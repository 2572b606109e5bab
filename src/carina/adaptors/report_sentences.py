"""Sentences of reports that affirm a finding, deny it, or call its place ordinary."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Int

from carina.studies import (
    LABELLED,
    LabelSpace,
    Mention,
    Presence,
    explain_report,
    finding_id,
    split_sections,
)

__all__ = ["ReportSentences", "report_sentences"]

_ENDS = re.compile(r"(?<=[.;!?])\s+|\n\s*\n")
_MOST = 50
"""Sentences of a kind and finding, drawn where there are more."""
_REPORTS = 1500
"""Reports read, drawn where there are more: the labeller takes some milliseconds for each."""
_FEWEST = 10
"""Of each kind, or the finding is left out."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReportSentences:
    """Different sentences, each from one report, and what the report labeller reads in them.

    Attributes:
        texts: The sentences.
        reports: Number of the report of each.
        affirmed: Whether it says that a finding is there.
        denied: Whether it names one and denies it ("no effusion").
        ordinary: Whether it says instead what is ordinary ("the heart is normal").
    """

    texts: tuple[str, ...]
    reports: Int[np.ndarray, " sentences"]
    affirmed: Bool[np.ndarray, "sentences labels"]
    denied: Bool[np.ndarray, "sentences labels"]
    ordinary: Bool[np.ndarray, "sentences labels"]


def report_sentences(
    reports: Iterable[str], space: LabelSpace, *, rng: np.random.Generator
) -> ReportSentences:
    """Sentences of findings and impressions in which every finding is spoken of in one way.

    Of at most 1,500 reports, at most 50 sentences of each kind and finding are drawn. A finding
    with fewer than 10 that affirm it keeps none; a kind with fewer than 10 is left out.

    Args:
        reports: Texts; equal ones count once.
        space: The findings wanted; those the labeller does not know have no sentence.
        rng: Draws them.
    """
    known = {finding_id(name) for name in LABELLED}
    columns = {finding_id(name): at for at, name in enumerate(space.names)}
    kinds: dict[tuple[int, str], list[str]] = {}
    place: dict[str, int] = {}
    for number, report in enumerate(_drawn(list(dict.fromkeys(reports)), _REPORTS, rng)):
        for sentence, kind, found in _told(report):
            if sentence in place:
                continue
            place[sentence] = number
            for name in found:
                if name in known and name in columns:
                    kinds.setdefault((columns[name], kind), []).append(sentence)
    drawn = {
        key: _drawn(sentences, _MOST, rng)
        for key, sentences in kinds.items()
        if min(len(sentences), len(kinds.get((key[0], "affirmed"), []))) >= _FEWEST
    }
    texts = tuple(dict.fromkeys(text for some in drawn.values() for text in some))
    row = {text: at for at, text in enumerate(texts)}
    tables = {
        kind: np.zeros((len(texts), len(space)), dtype=bool)
        for kind in ("affirmed", "denied", "ordinary")
    }
    for (column, kind), some in drawn.items():
        tables[kind][[row[text] for text in some], column] = True
    return ReportSentences(
        texts=texts,
        reports=np.array([place[text] for text in texts], dtype=np.int64),
        **tables,
    )


def _told(report: str) -> Iterator[tuple[str, str, list[str]]]:
    """Sentences with the one way in which they speak of findings, and these by id."""
    parts = split_sections(report)
    mentions = explain_report(parts)
    for start, end in _spans(parts.read):
        here = [mention for mention in mentions if start <= mention.start < end]
        ways = {_way(mention, parts.read) for mention in here}
        if len(ways) == 1 and (way := ways.pop()):
            sentence = parts.read[start:end].strip()
            yield sentence, way, [finding_id(mention.finding) for mention in here]


def _way(mention: Mention, read: str) -> str:
    if mention.presence is Presence.PRESENT:
        return "affirmed"
    if mention.presence is not Presence.ABSENT:
        return ""
    by_itself = read[mention.start : mention.end] == mention.cue
    return "ordinary" if by_itself else "denied"


def _spans(read: str) -> Iterator[tuple[int, int]]:
    ends = [*(match.end() for match in _ENDS.finditer(read)), len(read)]
    return pairwise([0, *ends])


def _drawn(texts: list[str], most: int, rng: np.random.Generator) -> list[str]:
    """Some of them, in their order; all where there are no more than wanted."""
    return [texts[at] for at in sorted(rng.permutation(len(texts))[:most])]

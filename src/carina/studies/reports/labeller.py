"""Findings of a report by rules: what is mentioned, what of it is denied, what is doubted.

The way is that of the CheXpert labeller (Irvin et al., AAAI 2019): find mentions, decide each by
the words around it, and gather them by finding. Rules, words and code are carina's own; the
words are data, in the folder ``rules``.
"""

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cache
from importlib.resources import files

from carina.core import load
from carina.studies.findings import FOURTEEN, resolve
from carina.studies.labels import Presence
from carina.studies.reports.phrases import fold, pattern
from carina.studies.reports.sections import Sections, split_sections

__all__ = ["LABELLED", "Mention", "explain_report", "label_report", "told_by_words"]

LABELLED = (
    *FOURTEEN,
    "Emphysema",
    "Fibrosis",
    "Hernia",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pleural Thickening",
    "Granuloma",
    "Scoliosis",
)
"""The findings a report is labelled with: CheXpert's fourteen, then others of the registry."""

_NO_FINDING = "No Finding"
_SUPPORT = "Support Devices"
_OTHER = "Other"
_COMPARED = 40
"""Characters between "versus" and what it compares, at most."""
_WEIGHT = {Presence.PRESENT: 2, Presence.UNCERTAIN: 1, Presence.ABSENT: 0}


class _Cue(StrEnum):
    """What words around a mention do to it."""

    DENIES_AFTER = "denies_after"
    """Denies what follows it: "no evidence of"."""
    DENIES_BEFORE = "denies_before"
    """Denies what stands before it: "is not seen"."""
    DOUBTS_AFTER = "doubts_after"
    DOUBTS_BEFORE = "doubts_before"
    DOUBTS_AROUND = "doubts_around"
    """Doubts both what stands before it and what follows: "versus"."""
    SKIPS_AFTER = "skips_after"
    """What follows is not said of this film: "history of"."""
    SKIPS_BEFORE = "skips_before"
    ENDS = "ends"
    """No cue reaches across it: "but"."""
    NOTHING = "nothing"
    """Looks like a cue and is none: "no change in"."""


_FORWARD = (_Cue.DENIES_AFTER, _Cue.DOUBTS_AFTER, _Cue.DOUBTS_AROUND, _Cue.SKIPS_AFTER)
_BACKWARD = (_Cue.DENIES_BEFORE, _Cue.DOUBTS_BEFORE, _Cue.DOUBTS_AROUND, _Cue.SKIPS_BEFORE)
_DECIDES = {
    _Cue.DENIES_AFTER: Presence.ABSENT,
    _Cue.DENIES_BEFORE: Presence.ABSENT,
    _Cue.DOUBTS_AFTER: Presence.UNCERTAIN,
    _Cue.DOUBTS_BEFORE: Presence.UNCERTAIN,
    _Cue.DOUBTS_AROUND: Presence.UNCERTAIN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _FindingRule:
    """Words of one finding.

    Attributes:
        mentions: Phrases that name it.
        present: Phrases that say it is there, whatever stands around them.
        absent: Phrases that say it is not, such as "heart size is normal" of Cardiomegaly.
        uncertain: Phrases that speak of it and do not commit, whatever stands around them.
        unless: Phrases within which a mention is of something else.
    """

    mentions: tuple[str, ...]
    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    uncertain: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _CueRules:
    """Phrases of each kind of cue; where two kinds begin at one word the first here wins."""

    nothing: tuple[str, ...]
    skips_after: tuple[str, ...]
    skips_before: tuple[str, ...]
    doubts_before: tuple[str, ...]
    doubts_around: tuple[str, ...]
    doubts_after: tuple[str, ...]
    denies_before: tuple[str, ...]
    denies_after: tuple[str, ...]
    ends: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rules:
    """The compiled rules: an expression a finding, whose group tells the kind, and one of cues."""

    findings: dict[str, re.Pattern[str]]
    cues: re.Pattern[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """One place where a report speaks of a finding, and why it was decided as it was.

    Attributes:
        finding: Name in the registry, or "Other" for what has no column and stands against
            No Finding only.
        presence: What is said of it there; UNMENTIONED where it is not said of this film.
        start: First character, in `Sections.read` of the report.
        end: Behind the last.
        cue: The words that decided, or "" where nothing spoke against its presence.
    """

    finding: str
    presence: Presence
    start: int
    end: int
    cue: str


def label_report(report: str | Sections) -> dict[str, Presence]:
    """What a report says of every finding the rules know.

    PRESENT outweighs UNCERTAIN, and that ABSENT; what is not mentioned is UNMENTIONED. No Finding
    is PRESENT where there is a reading and no finding, Support Devices apart, is present or
    uncertain in it, and UNMENTIONED otherwise.

    Args:
        report: Text with headings or without, or its parts. Only `Sections.read` is read.

    >>> found = label_report("FINDINGS: Possible edema. No effusion. Large heart.")
    >>> [found[name].name for name in ("Cardiomegaly", "Edema", "Pleural Effusion", "Fracture")]
    ['PRESENT', 'UNCERTAIN', 'ABSENT', 'UNMENTIONED']
    """
    read = _parts(report).read
    found = dict.fromkeys((*LABELLED, _OTHER), Presence.UNMENTIONED)
    for mention in _mentions(read):
        if _WEIGHT.get(mention.presence, -1) > _WEIGHT.get(found[mention.finding], -1):
            found[mention.finding] = mention.presence
    against = (found[name] for name in found if name != _SUPPORT)
    if read and not any(p in (Presence.PRESENT, Presence.UNCERTAIN) for p in against):
        found[_NO_FINDING] = Presence.PRESENT
    del found[_OTHER]
    return found


def explain_report(report: str | Sections) -> tuple[Mention, ...]:
    """Every mention of a finding with its decision, in the order of the text."""
    found = _mentions(_parts(report).read)
    return tuple(sorted(found, key=lambda mention: (mention.start, mention.end, mention.finding)))


def told_by_words(text: str) -> frozenset[Presence]:
    """What words of a text do to whatever it names: ABSENT where one denies, UNCERTAIN where one doubts.

    >>> sorted(said.name for said in told_by_words("No edema; effusion cannot be excluded."))
    ['ABSENT', 'UNCERTAIN']
    """
    kinds = {_Cue(match.lastgroup or "") for match in _rules().cues.finditer(fold(text))}
    return frozenset(_DECIDES[kind] for kind in kinds if kind in _DECIDES)


def _parts(report: str | Sections) -> Sections:
    return report if isinstance(report, Sections) else split_sections(report)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A cue where it stands."""

    kind: _Cue
    start: int
    end: int


def _mentions(read: str) -> Iterator[Mention]:
    text, rules = fold(read), _rules()
    ends = [at for at, sign in enumerate(text) if sign == "."]
    cues = _cues_by_sentence(text, ends, rules.cues)
    for finding, expression in rules.findings.items():
        for match in expression.finditer(text):
            kind = match.lastgroup
            if kind == "unless":
                continue
            presence, cue = Presence.PRESENT, ""
            if kind == "mentions":
                sentence = cues.get(bisect_right(ends, match.start()), [])
                presence, cue = _decision(match, sentence, read)
            elif kind is not None:
                presence, cue = Presence[kind.upper()], read[match.start() : match.end()]
            yield Mention(
                finding=finding, presence=presence, start=match.start(), end=match.end(), cue=cue
            )


def _cues_by_sentence(text: str, ends: list[int], cues: re.Pattern[str]) -> dict[int, list[_Place]]:
    found: dict[int, list[_Place]] = {}
    for match in cues.finditer(text):
        place = _Place(kind=_Cue(match.lastgroup or ""), start=match.start(), end=match.end())
        found.setdefault(bisect_right(ends, match.start()), []).append(place)
    return found


def _decision(mention: re.Match[str], cues: list[_Place], read: str) -> tuple[Presence, str]:
    """What the nearest cue that reaches the mention makes of it.

    One within it goes first ("heart is not enlarged"), then one before it, then one after.
    """
    within = [cue for cue in cues if mention.start() <= cue.start and cue.end <= mention.end()]
    before = [cue for cue in cues if cue.end <= mention.start()]
    after = [cue for cue in cues if cue.start >= mention.end()]
    inside = [cue for cue in within if cue.kind in _FORWARD]
    ways = ((_FORWARD, inside), (_FORWARD, before[::-1]), (_BACKWARD, after))
    for reaching, order in ways:
        for cue in order:
            if cue.kind is _Cue.DOUBTS_AROUND and not _beside(cue, mention):
                continue
            if cue.kind in reaching:
                words = " ".join(read[cue.start : cue.end].split())
                return _DECIDES.get(cue.kind, Presence.UNMENTIONED), words
            if cue.kind is not _Cue.NOTHING:
                break
    return Presence.PRESENT, ""


def _beside(cue: _Place, mention: re.Match[str]) -> bool:
    """Whether a cue that compares is near enough to compare the mention with something."""
    first, last = min(cue.end, mention.end()), max(cue.start, mention.start())
    between = mention.string[first:last]
    return "," not in between and len(between) <= _COMPARED


@cache
def _rules() -> _Rules:
    findings = {
        name: load(rule, _FindingRule, what=f"findings.toml, {name}")
        for name, rule in _toml("findings.toml").items()
    }
    cues = load(_toml("cues.toml"), _CueRules, what="cues.toml")
    return _Rules(
        findings={
            _OTHER if name == _OTHER else resolve(name).name: _either(
                unless=rule.unless,
                uncertain=rule.uncertain,
                absent=rule.absent,
                present=rule.present,
                mentions=rule.mentions,
            )
            for name, rule in findings.items()
        },
        cues=_either(**{each.name: getattr(cues, each.name) for each in fields(cues)}),
    )


def _either(**phrases: tuple[str, ...]) -> re.Pattern[str]:
    """Any of several kinds of phrase; where two begin at one place the first kind named wins."""
    return re.compile("|".join(f"(?P<{kind}>{pattern(these)})" for kind, these in phrases.items()))


def _toml(name: str) -> dict[str, object]:
    shipped = files("carina.studies.reports").joinpath("rules", name)
    return tomllib.loads(shipped.read_text(encoding="utf-8"))

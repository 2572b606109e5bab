"""What is wrong with a prompt bank, by its texts alone and by what an encoder makes of them.

Texts are checked for what they say with the cues of the report labeller (see
docs/explanation/report-labeller.md), so "no", "is absent" and their like count as denying.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from carina.adaptors.prompts import encode_bank
from carina.adaptors.wording import PromptBank, PromptTexts
from carina.encoders import FrozenTexts, TextEncoder
from carina.studies import LabelSpace, Presence, Severity, told_by_words

__all__ = ["PromptRemark", "lint_prompts"]

_PIECES = 5
"""A word in so many pieces or more is told of: most of its meaning is left to the context."""
_ORDINARY = re.compile(
    r"\b(normal(ly)?|clear|sharp(ly)?|smooth|intact|straight|midline|preserved|unremarkable|ordinary"
    r"|usual|patent|well|crisp|even(ly)?|thin|deep|taper)\b"
)
"""Words of a healthy chest, which say without denying that a finding is not there."""
_STRANGE = ("ꙮ", "𓀀", "⸎")
"""Signs of no vocabulary: where all become one token, it is the one for what is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptRemark:
    """Something to know about a prompt bank.

    Attributes:
        severity: ERROR where prompts do not say what they should; else they work, but not as well.
        topic: A short name that stays the same, for machines.
        finding: Whose prompts it is about; "" for the bank.
        text: A sentence.
        prompts: Those it is about, the worst first.
    """

    severity: Severity
    topic: str
    finding: str
    text: str
    prompts: tuple[str, ...] = ()


def lint_prompts(bank: PromptBank, encoder: TextEncoder | None = None) -> tuple[PromptRemark, ...]:
    """Remarks on a bank, errors first.

    Without an encoder: empty texts, duplicates, and sides whose texts lack the words that deny or
    doubt, or have them where they should not. With one: texts it cuts off, words it does not know
    or breaks into many pieces, and positives nearer to the negatives, or to the positives of
    another finding, than to their own.

    Args:
        bank: Whose findings are all looked at.
        encoder: What shall read the prompts.
    """
    texts = {finding: bank.texts(finding) for finding in bank.findings}
    remarks = [*_empty(texts), *_twice(texts), *_both_ways(texts), *_spoken(texts)]
    if encoder is not None:
        remarks += [*_tokens(bank, texts, encoder), *_near(bank, encoder)]
    order = list(Severity)
    return tuple(sorted(remarks, key=lambda remark: order.index(remark.severity)))


def _empty(texts: Mapping[str, PromptTexts]) -> Iterator[PromptRemark]:
    for finding, prompts in texts.items():
        if count := sum(not text.strip() for text in _every(prompts)):
            yield _error("empty", finding, f"{count} of its prompts say nothing.")


def _twice(texts: Mapping[str, PromptTexts]) -> Iterator[PromptRemark]:
    """The same text more than once on one side of a finding."""
    for finding, prompts in texts.items():
        for side in (prompts.positive, prompts.negative, prompts.uncertain):
            again = [text for text in dict.fromkeys(side) if side.count(text) > 1]
            if again:
                yield PromptRemark(
                    severity=Severity.WARNING,
                    topic="twice",
                    finding=finding,
                    text="The same prompt stands twice on one side, and so counts twice.",
                    prompts=tuple(again),
                )


def _both_ways(texts: Mapping[str, PromptTexts]) -> Iterator[PromptRemark]:
    """The same text for two sides of a finding, or for two findings."""
    users: defaultdict[str, dict[tuple[str, str], None]] = defaultdict(dict)
    for finding, prompts in texts.items():
        for side in ("positive", "negative", "uncertain"):
            for text in getattr(prompts, side):
                users[_folded(text)].setdefault((finding, side))
    for text, places in users.items():
        findings = list(dict.fromkeys(finding for finding, _ in places))
        sides = list(dict.fromkeys(side for _, side in places))
        if len(sides) > 1:
            yield _error("both-ways", findings[0], f"It is {' and '.join(sides)} at once.", text)
        elif len(findings) > 1:
            said = f"It is {sides[0]} of {' and of '.join(findings)}, which it cannot tell apart."
            kind = _warning if sides == ["negative"] else _error
            yield kind("shared", findings[0], said, text)


def _spoken(texts: Mapping[str, PromptTexts]) -> Iterator[PromptRemark]:
    """Sides whose words do not say what they are for."""
    for finding, prompts in texts.items():
        told = {text: told_by_words(text) for text in _every(prompts)}
        silent = [text for text in prompts.negative if not _says_absent(text, told[text])]
        denying = [text for text in prompts.positive if Presence.ABSENT in told[text]]
        sure = [text for text in prompts.uncertain if Presence.UNCERTAIN not in told[text]]
        hedged = [text for text in prompts.positive if Presence.UNCERTAIN in told[text]]
        if silent and not prompts.opposed:
            said = "negative(s) neither deny nor name what is ordinary."
            yield _error("no-negation", finding, f"{len(silent)} {said}", *silent)
        if denying and not prompts.opposed:
            said = "positive(s) hold a word that denies."
            yield _error("negation", finding, f"{len(denying)} {said}", *denying)
        if sure:
            said = "uncertain prompt(s) hold no word that doubts."
            yield _error("no-doubt", finding, f"{len(sure)} {said}", *sure)
        if hedged:
            said = "positive(s) hold a word that doubts, as a report labeller reads them."
            yield _warning("doubt", finding, f"{len(hedged)} {said}", *hedged)


def _says_absent(text: str, told: frozenset[Presence]) -> bool:
    return Presence.ABSENT in told or bool(_ORDINARY.search(text.casefold()))


def _tokens(
    bank: PromptBank, texts: Mapping[str, PromptTexts], encoder: TextEncoder
) -> Iterator[PromptRemark]:
    if not isinstance(encoder, FrozenTexts):
        said = f"{encoder.card.name} shows no tokenizer, so names and lengths are not checked."
        yield PromptRemark(severity=Severity.NOTE, topic="no-tokenizer", finding="", text=said)
        return
    tokenise, unknown = encoder.tokenise, _unknown(encoder.tokenise)
    around = set(tokenise(""))
    for finding, prompts in texts.items():
        # a further word changes nothing where there is no room for one
        cut = [text for text in _every(prompts) if tokenise(text) == tokenise(f"{text} lung")]
        if cut:
            said = f"{len(cut)} prompt(s) fill or overflow its {encoder.card.max_tokens} tokens."
            yield _error("too-long", finding, said, *cut)
        strange = [text for text in _every(prompts) if unknown in tokenise(text)]
        if strange:
            said = f"{len(strange)} prompt(s) hold a word that {encoder.card.name} does not know."
            yield _warning("unknown", finding, said, *strange)
        for word in dict.fromkeys(" ".join(bank.names(finding)).split()):
            pieces = [number for number in tokenise(word) if number not in around]
            if len(pieces) >= _PIECES:
                yield _warning("pieces", finding, f"{word!r} is read in {len(pieces)} pieces.")


def _unknown(tokenise: Callable[[str], list[int]]) -> int | None:
    """The number of the token for unknown words, where there is one."""
    around = set(tokenise(""))
    found = {tuple(n for n in tokenise(sign) if n not in around) for sign in _STRANGE}
    alike = found.pop()
    return alike[0] if not found and len(alike) == 1 else None


def _near(bank: PromptBank, encoder: TextEncoder) -> Iterator[PromptRemark]:
    """Positives that lie nearer to what they should be told from, by mean cosine."""
    if bank.a_side < 2:
        said = "One prompt a side has none of its own to be near to; cosines are not compared."
        yield PromptRemark(severity=Severity.NOTE, topic="one-prompt", finding="", text=said)
        return
    vectors = encode_bank(bank, LabelSpace(names=bank.findings), encoder)
    positive = F.normalize(vectors.positive, dim=2)
    negative = F.normalize(vectors.negative, dim=2)
    for row, finding in enumerate(bank.findings):
        prompts, unit = bank.texts(finding).positive, positive[row]
        own = (unit @ unit.sum(dim=0) - 1) / (bank.a_side - 1)
        away = unit @ negative[row].mean(dim=0)
        yield from _nearer(finding, prompts, own, away, "near-negative", "the negatives")
        others = unit @ positive.mean(dim=1).T
        others[:, row] = -torch.inf
        nearest = bank.findings[int(others.mean(dim=0).argmax())]
        away = others.amax(dim=1)
        what = f"the positives of another finding, {nearest} foremost,"
        yield from _nearer(finding, prompts, own, away, "near-other", what)


def _nearer(
    finding: str,
    prompts: tuple[str, ...],
    own: Float[Tensor, " prompts"],
    away: Float[Tensor, " prompts"],
    topic: str,
    what: str,
) -> Iterator[PromptRemark]:
    excess = away - own
    worst = [int(place) for place in excess.argsort(descending=True) if excess[place] > 0]
    if worst:
        said = (
            f"{len(worst)} of {len(prompts)} positives lie nearer to {what} than to one another "
            f"(mean cosine {float(away[worst].mean()):.2f} against {float(own[worst].mean()):.2f})."
        )
        yield _warning(topic, finding, said, *(prompts[place] for place in worst))


def _every(prompts: PromptTexts) -> tuple[str, ...]:
    return (*prompts.positive, *prompts.negative, *prompts.uncertain)


def _folded(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def _error(topic: str, finding: str, text: str, *prompts: str) -> PromptRemark:
    return PromptRemark(
        severity=Severity.ERROR, topic=topic, finding=finding, text=text, prompts=prompts
    )


def _warning(topic: str, finding: str, text: str, *prompts: str) -> PromptRemark:
    return PromptRemark(
        severity=Severity.WARNING, topic=topic, finding=finding, text=text, prompts=prompts
    )

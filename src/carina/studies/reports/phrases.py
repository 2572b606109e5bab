"""The small language rules are written in: phrases of words, matched on a text folded once.

A phrase is words between blanks. ``a|b`` is either word, ``word*`` any word that begins so,
``word?`` one that may be left out, ``...`` up to five words of the same clause, and ``,`` a comma.
A word of four letters or more also stands for its plural.
"""

import re
from collections.abc import Iterable

from carina.core import InvalidValue

__all__ = ["fold", "pattern"]

_GAP = r"(?:\s+[a-z0-9_]+){0,5}?"
_WORD = re.compile(r"[a-z0-9|]+[*]?[?]?")
_PLURAL_FROM = 4
_ASIDE = {"(": ",", ")": ",", "[": ",", "]": ",", ";": ".", "?": ".", "!": "."}
_DECIMAL = re.compile(r"(?<=\d)[.,](?=\d)")
_PARAGRAPH = re.compile(r"\n(?=[^\S\n]*\n)")


def fold(text: str) -> str:
    """A text of the same length in small letters, with sentences ended by full stops alone.

    Brackets become commas, decimals keep together, a blank line ends a sentence, and every other
    sign is a blank.
    """
    plain = _DECIMAL.sub("_", _PARAGRAPH.sub(".", text))
    return "".join(map(_folded, plain))


def _folded(sign: str) -> str:
    if sign in _ASIDE:
        return _ASIDE[sign]
    small = sign.lower()
    return small if len(small) == 1 and (small.isalnum() or small in ".,_") else " "


def pattern(phrases: Iterable[str]) -> str:
    """A regular expression that finds any of the phrases in a folded text, the longest first.

    Raises:
        InvalidValue: for a phrase that is not in the language.
    """
    ordered = sorted(phrases, key=lambda phrase: (-len(phrase.split()), phrase))
    return "|".join(map(_compiled, ordered)) or r"(?!)"


def _compiled(phrase: str) -> str:
    words = phrase.split()
    if not words or words[-1] == "..." or words[0] == "...":
        raise InvalidValue(f"A phrase begins and ends with a word; got {phrase!r}.")
    first, *rest = words
    opening = f"(?:{_one(first, phrase)}\\s+)?" if first.endswith("?") else _one(first, phrase)
    spaces = r"\s*" if first.endswith("?") or first == "," else r"\s+"
    parts = [opening]
    for word in rest:
        part = _one(word, phrase)
        if word == "...":
            parts.append(_GAP)
        elif word == ",":
            parts.append(r"\s*,")
        else:
            parts.append(f"(?:{spaces}{part})?" if word.endswith("?") else f"{spaces}{part}")
        spaces = r"\s*" if word == "," else r"\s+"
    return "".join(parts)


def _one(word: str, phrase: str) -> str:
    if word in (",", "..."):
        return word
    if not _WORD.fullmatch(word):
        raise InvalidValue(
            f"The phrase {phrase!r} holds {word!r}; wanted small letters, digits, '|', '*', '?', "
            "'...' and ','."
        )
    begins = word.rstrip("?").endswith("*")
    forms = (_form(form, begins=begins) for form in word.rstrip("*?").split("|"))
    return f"(?<![a-z0-9_])(?:{'|'.join(forms)})(?![a-z0-9_])"


def _form(form: str, *, begins: bool) -> str:
    if begins:
        return f"{form}[a-z0-9]*"
    return f"{form}(?:e?s)?" if len(form) >= _PLURAL_FROM else form

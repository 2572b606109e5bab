"""The words of one finding: what it is called, how severe and where it may be, how it looks.

Every phrase is a severity, a name and a location, where the finding has them: "small left pleural
effusion". Which of the many are taken is a rule without chance, `spread`.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from carina.core import InvalidValue

__all__ = ["FindingWords", "Phrase", "Signs", "spread"]

_NAME, _NAMES = "{name}", "{name}s"
_ARTICLES = ("a ", "an ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """A finding in words.

    Attributes:
        bare: As after "no": "small left pleural effusion".
        whole: With its article, where it takes one: "a small left pleural effusion".
    """

    bare: str
    whole: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """Whole sentences on how a finding looks, and how the same place looks without it.

    Attributes:
        positive: What is seen where it is there.
        negative: What is ordinary where it is not, said without denying: "the angles are sharp".
        uncertain: What may be it.
    """

    positive: tuple[str, ...]
    negative: tuple[str, ...]
    uncertain: tuple[str, ...]

    def __post_init__(self) -> None:
        if not len(self.positive) == len(self.negative) == len(self.uncertain):
            raise InvalidValue(
                f"got {len(self.positive)} positive, {len(self.negative)} negative and "
                f"{len(self.uncertain)} uncertain signs; wanted as many of each"
            )
        _checked("signs", (*self.positive, *self.negative, *self.uncertain))


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingWords:
    """What a file of a finding says.

    Attributes:
        finding: Its name in label spaces.
        names: What it is called, the plainest first; one that takes an article has it: "a mass".
        signs: How it looks.
        kinds: Kinds of it, for the sides that affirm and doubt: "no interstitial edema" would
            not deny edema.
        severities: Words before a name that fit every name and location: "small".
        locations: Where it may be, with ``{name}`` for a name: "left {name}", "{name} at the
            base". ``{name}s`` makes the plural of a name with an article.
        opposite: What is there where it is not, for a finding that nobody denies ("disease" of
            No Finding): the negative texts then affirm this.
    """

    finding: str
    names: tuple[str, ...]
    signs: Signs
    kinds: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    locations: tuple[str, ...] = ()
    opposite: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.finding.strip() or not self.names:
            raise InvalidValue("a finding has a name in label spaces, and names in prompts")
        _checked("names and kinds", (*self.names, *self.kinds, *self.opposite))
        _checked("severities", self.severities)
        _checked("locations", self.locations)
        if wrong := [place for place in self.locations if place.count(_NAME) != 1]:
            raise InvalidValue(f"location {wrong[0]!r} has no place for a name: write {_NAME} once")

    @property
    def spoken(self) -> tuple[str, ...]:
        """Names and kinds without articles."""
        return tuple(_bare(name)[0] for name in (*self.names, *self.kinds))

    def present(self, count: int) -> list[Phrase]:
        """So many phrases of all there are, of every severity and at every location."""
        wheels = ((*self.names, *self.kinds), ("", *self.severities), ("", *self.locations))
        return [_phrase(*words) for words in spread(wheels, count)]

    def absent(self, count: int) -> list[Phrase]:
        """So many phrases of its names alone: to deny a kind or a place is not to deny it."""
        return [_phrase(name) for (name,) in spread((self.opposite or self.names,), count)]

    def doubted(self, count: int) -> list[Phrase]:
        """So many phrases without severity, which nobody gives to what may not be there."""
        if self.opposite:
            return self.absent(count)
        wheels = ((*self.names, *self.kinds), ("", *self.locations))
        return [_phrase(name, "", place) for name, place in spread(wheels, count)]


def spread(wheels: Sequence[tuple[str, ...]], count: int) -> list[tuple[str, ...]]:
    """So many combinations of a word from each wheel.

    Each is the one whose words were taken least often so far, the first in order among equals.
    Once all combinations are taken they are taken again. A larger count only adds to the end.
    """
    taken: Counter[tuple[int, str]] = Counter()
    every = list(product(*wheels))
    left: list[tuple[str, ...]] = []
    chosen: list[tuple[str, ...]] = []
    while len(chosen) < count:
        left = left or every.copy()
        best = min(left, key=lambda words: sum(taken[at] for at in enumerate(words)))
        left.remove(best)
        taken.update(enumerate(best))
        chosen.append(best)
    return chosen


def _phrase(name: str, severity: str = "", location: str = "") -> Phrase:
    bare, counted = _bare(name)
    plural = bare + "s" if counted else bare
    noun = (location or _NAME).replace(_NAMES, plural).replace(_NAME, bare)
    words = f"{severity} {noun}" if severity else noun
    if not counted or _NAMES in location:
        return Phrase(bare=words, whole=words)
    return Phrase(bare=words, whole=f"{'an' if words[0].lower() in 'aeiou' else 'a'} {words}")


def _bare(name: str) -> tuple[str, bool]:
    """A name without its article, and whether it had one."""
    for article in _ARTICLES:
        if name.startswith(article):
            return name.removeprefix(article), True
    return name, False


def _checked(what: str, texts: tuple[str, ...]) -> None:
    if any(not text.strip() for text in texts):
        raise InvalidValue(f"one of its {what} is empty")
    if twice := sorted({text for text in texts if texts.count(text) > 1}):
        raise InvalidValue(f"{twice[0]!r} stands twice among its {what}")

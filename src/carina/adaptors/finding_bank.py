"""A bank that is a folder: styles in one file, and a file for each finding."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from carina.adaptors.finding_words import FindingWords, Phrase
from carina.adaptors.wording import PromptTexts
from carina.core import (
    CarinaError,
    ConfigError,
    InvalidValue,
    MissingFile,
    UnknownName,
    fingerprint,
    near,
    read_json,
    unknown,
)
from carina.studies import finding_id

__all__ = ["FindingBank", "Style", "has_head", "read_finding_bank", "read_findings"]

T = TypeVar("T")

_SIGN = "sign"
_HEAD, _FOLDER = "bank.json", "findings"
_BARE, _WHOLE = "{finding}", "{a finding}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """One way of speaking: templates that differ between sides in what they say alone.

    ``{finding}`` stands for a phrase, ``{a finding}`` for one with its article.

    Attributes:
        name: What it is called.
        positive: Templates that say a finding is there.
        negative: As many that say it is not.
        uncertain: As many that leave it open.
    """

    name: str
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    uncertain: tuple[str, ...]

    def __post_init__(self) -> None:
        sides = (self.positive, self.negative, self.uncertain)
        if self.name == _SIGN:
            raise InvalidValue(f"the style {_SIGN!r} has its texts in the files of findings")
        if not self.positive or len({len(side) for side in sides}) != 1:
            raise InvalidValue(
                f"style {self.name!r} has {[len(side) for side in sides]} templates; wanted one "
                "number, 1 or more, on every side"
            )
        for text in (text for side in sides for text in side):
            if text.count(_BARE) + text.count(_WHOLE) != 1:
                raise InvalidValue(f"template {text!r} has {_BARE} or {_WHOLE} once")


@dataclass(frozen=True, slots=True, kw_only=True)
class BankHead:
    """What ``bank.json`` says: all of a bank but its findings."""

    name: str
    version: int
    source: str
    signs: int
    styles: tuple[Style, ...]

    def __post_init__(self) -> None:
        named = [style.name for style in self.styles]
        if self.signs < 0 or not self.signs + len(named) or len(set(named)) != len(named):
            raise InvalidValue(
                f"a bank has styles, each named once, or signs; got {named} and {self.signs}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingBank:
    """Prompts of the findings it has words for, in every style.

    A prompt is a template with a phrase in it; the style "sign" is whole sentences from the
    finding's file. So a finding has as many prompts a side as there are templates and signs.

    Attributes:
        name: As in recipes; of a folder of one's own, its name.
        version: Raised whenever a text changes.
        source: Where the texts come from.
        styles: Ways of speaking, each with its templates.
        signs: How many signs a side.
        words: The words of each finding.
    """

    name: str
    version: int
    source: str
    styles: tuple[Style, ...]
    signs: int
    words: tuple[FindingWords, ...]

    def __post_init__(self) -> None:
        if few := [
            f"{each.finding} has {len(each.signs.positive)}"
            for each in self.words
            if len(each.signs.positive) < self.signs
        ]:
            raise ConfigError(
                f"The prompt bank {self.name!r} takes {self.signs} signs a side; {', '.join(few)}."
            )

    @property
    def fingerprint(self) -> str:
        """Changes when, and only when, a text does."""
        texts = {name: self.texts(name) for name in self.findings}
        return fingerprint(
            {name: (t.positive, t.negative, t.uncertain) for name, t in texts.items()}
        )

    @property
    def findings(self) -> tuple[str, ...]:
        """Those it has words for."""
        return tuple(each.finding for each in self.words)

    @property
    def a_side(self) -> int:
        """Templates and signs."""
        return self._templates + self.signs

    @property
    def style_names(self) -> tuple[str, ...]:
        """Those with templates, then the signs."""
        return (*(style.name for style in self.styles), *([_SIGN] if self.signs else []))

    @property
    def _templates(self) -> int:
        return sum(len(style.positive) for style in self.styles)

    def names(self, finding: str) -> tuple[str, ...]:
        """Its names and kinds, without articles."""
        return self._of(finding).spoken

    def texts(self, finding: str) -> PromptTexts:
        """The prompts of a finding: phrase after phrase, in template after template."""
        words, count = self._of(finding), self._templates
        affirming = [text for style in self.styles for text in style.positive]
        denying = [text for style in self.styles for text in style.negative]
        doubting = [text for style in self.styles for text in style.uncertain]
        return PromptTexts(
            positive=(
                *_filled(affirming, words.present(count)),
                *words.signs.positive[: self.signs],
            ),
            negative=(
                *_filled(affirming if words.opposite else denying, words.absent(count)),
                *words.signs.negative[: self.signs],
            ),
            uncertain=(
                *_filled(doubting, words.doubted(count)),
                *words.signs.uncertain[: self.signs],
            ),
            styles=(
                *(style.name for style in self.styles for _ in style.positive),
                *[_SIGN] * self.signs,
            ),
            opposed=bool(words.opposite),
        )

    def only(self, style: str) -> "FindingBank":
        """The bank of one style; its phrases begin anew, so all styles then say the same things.

        Raises:
            UnknownName: naming the near neighbour.
        """
        if style not in self.style_names:
            raise unknown("style", style, self.style_names)
        if style == _SIGN:
            return replace(self, styles=())
        kept = tuple(each for each in self.styles if each.name == style)
        return replace(self, styles=kept, signs=0)

    def plain(self) -> "FindingBank":
        """The bank that says each finding's names alone, the same on every side."""
        bare = (replace(each, kinds=(), severities=(), locations=()) for each in self.words)
        return replace(self, words=tuple(bare))

    def joined(self, words: tuple[FindingWords, ...], *, name: str) -> "FindingBank":
        """With words of further findings, or other words of the same."""
        new = {finding_id(each.finding): each for each in words}
        old = {finding_id(each.finding): each for each in self.words}
        source = f"{self.source}; with {len(words)} finding(s) of {name}"
        return replace(self, name=name, source=source, words=tuple({**old, **new}.values()))

    def _of(self, finding: str) -> FindingWords:
        wanted = finding_id(finding)
        for each in self.words:
            if finding_id(each.finding) == wanted:
                return each
        raise UnknownName(
            f"Prompt bank {self.name!r} has no finding {finding!r}.{near(finding, self.findings)} "
            f"Write {wanted}.json into a folder and name the folder as the bank; see "
            "docs/how-to/add-a-finding.md."
        )


def read_finding_bank(folder: Path) -> FindingBank:
    """A bank from a folder with ``bank.json`` and, in ``findings``, a file for each finding.

    Raises:
        ConfigError: for files with faults, all listed.
    """
    faults: list[str] = []
    head = _read(folder / _HEAD, BankHead, faults)
    words = _words(folder / _FOLDER, faults)
    if head is None or faults:
        raise _refused(folder, faults)
    return FindingBank(
        name=head.name,
        version=head.version,
        source=head.source,
        styles=head.styles,
        signs=head.signs,
        words=words,
    )


def read_findings(folder: Path) -> tuple[FindingWords, ...]:
    """The findings whose files lie in a folder.

    Raises:
        MissingFile: where there is no such folder.
        ConfigError: for files with faults, all listed.
    """
    if not folder.is_dir():
        raise MissingFile(f"There is no folder {folder} with a prompt bank.")
    faults: list[str] = []
    words = _words(folder, faults)
    if faults:
        raise _refused(folder, faults)
    return words


def has_head(folder: Path) -> bool:
    """Whether a folder is a whole bank, and not findings alone."""
    return (folder / _HEAD).is_file()


def _words(folder: Path, faults: list[str]) -> tuple[FindingWords, ...]:
    found = []
    for path in sorted(folder.glob("*.json")):
        each = _read(path, FindingWords, faults)
        if each is None:
            continue
        found.append(each)
        if path.stem != finding_id(each.finding):
            faults.append(
                f"{path.name} is of {each.finding!r}: name it {finding_id(each.finding)}.json"
            )
    if not found and not faults:
        faults.append(f"no file of a finding lies in the folder {folder.name!r}")
    return tuple(found)


def _read(path: Path, kind: type[T], faults: list[str]) -> T | None:
    try:
        return read_json(path, kind)
    except CarinaError as error:
        faults.append(str(error))
        return None


def _refused(folder: Path, faults: list[str]) -> ConfigError:
    return ConfigError(f"The prompt bank {folder.name!r} has faults:\n  " + "\n  ".join(faults))


def _filled(templates: list[str], phrases: list[Phrase]) -> list[str]:
    texts = [
        template.replace(_WHOLE, phrase.whole).replace(_BARE, phrase.bare)
        for template, phrase in zip(templates, phrases, strict=True)
    ]
    return [text[0].upper() + text[1:] for text in texts]

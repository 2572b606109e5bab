"""From manual MeSH tags of a report to findings of the registry; the table is ``mesh.toml``."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from carina.core import load
from carina.studies.findings import resolve
from carina.studies.labels import Presence
from carina.studies.reports.labeller import LABELLED

__all__ = ["MESH_FINDINGS", "NOT_INDEXED", "mesh_findings"]

NOT_INDEXED = "no indexing"
"""The tag of a report nobody tagged."""
MESH_FINDINGS = LABELLED
"""The findings that have MeSH tags."""
_NORMAL = "No Finding"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tag:
    """A heading with qualifiers, in small letters; those of a rule may be forbidden."""

    heading: str
    having: frozenset[str]
    lacking: frozenset[str] = frozenset()

    def fits(self, tag: "_Tag") -> bool:
        """Whether a tag is one of those this rule is for."""
        return (
            self.heading == tag.heading
            and self.having <= tag.having
            and not self.lacking & tag.having
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """The tags of one finding, as they are written."""

    tags: tuple[str, ...]


def mesh_findings(tags: Iterable[str]) -> dict[str, Presence]:
    """What the tags of one report say of each of `MESH_FINDINGS`.

    A finding with a tag is PRESENT. Tags know no doubt and no denial, so one without is
    UNMENTIONED; but the tag ``normal`` says of all others that they are ABSENT. A report nobody
    tagged (``No Indexing``) says nothing.

    >>> found = mesh_findings(["Opacity/lung/base/left", "Pulmonary Atelectasis/base"])
    >>> [name for name, presence in found.items() if presence is Presence.PRESENT]
    ['Lung Opacity', 'Atelectasis']
    """
    read = [_tag(text) for text in tags]
    found = {
        name: Presence.PRESENT
        if any(rule.fits(tag) for rule in rules for tag in read)
        else Presence.UNMENTIONED
        for name, rules in _rules().items()
    }
    if found[_NORMAL] is not Presence.PRESENT:
        return found
    return {
        name: presence if presence is Presence.PRESENT else Presence.ABSENT
        for name, presence in found.items()
    }


def _tag(text: str) -> _Tag:
    heading, *qualifiers = (part.strip() for part in text.casefold().split("/"))
    return _Tag(
        heading=heading,
        having=frozenset(part for part in qualifiers if not part.startswith("!")),
        lacking=frozenset(part[1:] for part in qualifiers if part.startswith("!")),
    )


@cache
def _rules() -> dict[str, tuple[_Tag, ...]]:
    shipped = files("carina.studies.sources").joinpath("mesh.toml")
    table = tomllib.loads(shipped.read_text(encoding="utf-8"))
    return {
        resolve(name).name: tuple(
            map(_tag, load({"tags": table[name]}, _Line, what=f"mesh.toml, {name}").tags)
        )
        for name in MESH_FINDINGS
    }

"""What a look over a data set has to say."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["LEAKAGE", "Remark", "Severity", "remark"]

LEAKAGE = "leakage"
"""The section of remarks on what one split, or one data set, tells of another."""


class Severity(StrEnum):
    """How much a remark matters."""

    ERROR = "error"
    """Results would be wrong: repair it first."""
    WARNING = "warning"
    """Something is set aside or may mislead."""
    NOTE = "note"
    """Good to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something to know about a data set; no patient and no file is named.

    Attributes:
        severity: How much it matters.
        topic: A short name that stays the same, for machines.
        text: A sentence with the next step.
        count: How many of whatever the text counts.
        rows: Rows of the manifest it is about, where it is about rows.
        section: "leakage" for what one split, or one data set, tells of another; else "".
    """

    severity: Severity
    topic: str
    text: str
    count: int
    rows: tuple[int, ...] = ()
    section: str = ""


def remark(
    severity: Severity, topic: str, text: str, rows: Iterable[int], *, section: str = ""
) -> Remark:
    """A remark about rows, which are what it counts."""
    named = tuple(sorted(rows))
    return Remark(
        severity=severity, topic=topic, text=text, count=len(named), rows=named, section=section
    )

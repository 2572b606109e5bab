"""Tables before anybody lays them out: cells that know where in results.json they come from."""

import re
from dataclasses import dataclass

from carina.core import Estimate

__all__ = [
    "Cell",
    "Sentence",
    "Table",
    "duration",
    "estimated",
    "number",
    "plain",
    "pointer",
    "size",
    "text",
    "told",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One entry of a table, or a number in a sentence.

    Attributes:
        text: As it is read; ``0.842 [0.829, 0.855]`` for an estimate.
        pointer: Where it stands in results.json (RFC 6901; ``*`` sums over what is there);
            "" for what does not come from there.
        form: How the number was made text: "estimate", "value", "size", "duration" or "".
        detail: What more there is to know: what it was measured on, and how.
        undefined: The reason, where there is no value.
        shade: Background colour of a heat map.
        ink: Colour of the text on it.
        taught: Whether this step first taught this finding.
        link: Relative address of what it leads to.
        run: Whose results.json, on a page of several runs.
        small: A second line under the text.
    """

    text: str
    pointer: str = ""
    form: str = ""
    detail: str = ""
    undefined: str = ""
    shade: str = ""
    ink: str = ""
    taught: bool = False
    link: str = ""
    run: str = ""
    small: str = ""

    @property
    def head(self) -> str:
        """The value without its interval."""
        return self.text.split(" [", 1)[0]

    @property
    def interval(self) -> str:
        """The interval with its brackets, or nothing."""
        return self.text[len(self.head) :].strip()


Sentence = tuple[str | Cell, ...]
"""Words and numbers in turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table with its caption.

    Attributes:
        caption: What it shows.
        header: Name of each column.
        rows: Its cells; the first of each row names it.
        notes: Read beneath it.
        words: Columns, from 0, that hold words and stand to the left beside the first.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    words: tuple[int, ...] = ()

    @property
    def reasons(self) -> dict[str, str]:
        """Why cells are undefined, each reason with the mark its cells carry."""
        reasons = dict.fromkeys(cell.undefined for row in self.rows for cell in row)
        return {why: _letters(index) for index, why in enumerate(filter(None, reasons))}


def _letters(index: int) -> str:
    """a, b, ..., z, aa, ab, ..."""
    before, last = divmod(index, 26)
    return (_letters(before - 1) if before else "") + "abcdefghijklmnopqrstuvwxyz"[last]


def number(estimate: Estimate) -> str:
    """An estimate as it is read: ``0.842 [0.829, 0.855]``, or ``undefined`` with the reason."""
    return re.sub(r"-(0\.000)(?!\d)", r"\1", str(estimate))


def size(count: int) -> str:
    """Bytes in decimal units: ``7.4 MB``."""
    if count < 1000:
        return f"{count} B"
    amount, unit = count / 1000, "kB"
    for larger in ("MB", "GB", "TB"):
        if round(amount, 1) < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.1f} {unit}"


def duration(seconds: float) -> str:
    """Seconds, in as many figures as matter: ``1.75``, ``340``."""
    if 0 < seconds < 0.01:
        return "under 0.01"
    return f"{seconds:.2f}" if seconds < 100 else f"{seconds:.0f}"


def pointer(*parts: str | int) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def text(words: str) -> Cell:
    """A cell of words that stand nowhere in results.json."""
    return Cell(text=words)


def told(value: str | int, *place: str | int) -> Cell:
    """A word or a count as it stands in results.json."""
    return Cell(text=str(value), pointer=pointer(*place))


def estimated(estimate: Estimate, *place: str | int, run: str = "") -> Cell:
    """A cell of an estimate and its interval."""
    about = f"n = {estimate.n}, {estimate.positives} positive, {estimate.patients} patients"
    return Cell(
        text=number(estimate) if estimate.defined else "undefined",
        pointer=pointer(*place),
        form="estimate",
        detail=f"{about}; {estimate.method}" if estimate.method else about,
        undefined=estimate.why_undefined or "",
        run=run,
    )


def plain(table: Table) -> tuple[list[str], list[list[str]]]:
    """Header and rows as text, for a terminal; a reason is told once in a column."""
    rows = [[_plain(cell) for cell in row] for row in table.rows]
    for column in range(len(table.header)):
        above = ""
        for cells, row in zip(table.rows, rows, strict=True):
            why = cells[column].undefined
            if why and why == above:
                row[column] = "undefined, as above"
            above = why
    return list(table.header), rows


def _plain(cell: Cell) -> str:
    if cell.undefined:
        return f"undefined: {cell.undefined}"
    return f"{cell.text} ({cell.small})" if cell.small else cell.text

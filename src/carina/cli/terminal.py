"""What the verbs share: progress to stderr, tables and JSON to stdout."""

import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from carina.core import to_json

__all__ = ["note", "print_json", "print_table", "progress"]

_WIDE = 200  # columns where stdout is a file or a pipe


@contextmanager
def progress(*, quiet: bool = False) -> Iterator[Progress]:
    """Bars on stderr; where that is no terminal, or another process shows them, nothing is printed."""
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=quiet or not console.is_terminal,
        transient=True,
    ) as bars:
        yield bars


def print_table(
    title: str,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    words: Collection[int] = (),
) -> None:
    """A table on stdout; the first column and those of words to the left, numbers to the right.

    Args:
        title: What it shows.
        header: Name of each column.
        rows: Its cells; the first of each row names it.
        words: Columns, from 0, that hold words.
    """
    console = Console(width=None if sys.stdout.isatty() else _WIDE)
    table = Table(show_edge=False, pad_edge=False)
    for index, name in enumerate(header):
        justify: Literal["left", "right"] = "left" if index in {0, *words} else "right"
        table.add_column(name, justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(Text(title, style="table.title"))  # a table's own title wraps at its width
    console.print(table)


def print_json(value: Any) -> None:
    """A value for machines, on stdout."""
    sys.stdout.write(to_json(value))


def note(text: str) -> None:
    """A line for people, on stderr."""
    sys.stderr.write(f"{text}\n")

"""The page of every verb's help is what the verbs say."""

from io import StringIO
from pathlib import Path

from rich.console import Console

from carina.cli.main import VERBS, app

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "command-line.md"
COLUMNS = 100
INTRODUCTION = """\
# The command line

What `carina --help` and `carina VERB --help` say, at {columns} columns.
`python -m carina` is `carina`.
Data go to stdout, tables for people or, with `--json`, JSON for machines; progress and remarks go to stderr.
The exit status is 0 where a command worked, 1 where `check`, `store --verify` or `prompts lint` found a fault, 2 on bad input and 130 where it was interrupted.

This page is made by `python tests/docs/test_command_line_page.py`.
"""


def page() -> str:
    """The introduction, the front, and a section a verb."""
    sections = [INTRODUCTION.format(columns=COLUMNS), fenced([])]
    for verb in VERBS:
        sections += [f"## carina {verb}\n", fenced([verb])]
        for word in app[verb]:
            if not word.startswith("-"):
                sections += [f"## carina {verb} {word}\n", fenced([verb, word])]
    return "\n".join(sections)


def fenced(words: list[str]) -> str:
    """The help of a verb, without colour and whatever the terminal."""
    said = StringIO()
    console = Console(
        file=said,
        width=COLUMNS,
        color_system=None,
        force_terminal=False,
        legacy_windows=False,
        _environ={},
    )
    app.help_print(words, console=console)
    lines = [line.rstrip() for line in said.getvalue().strip().splitlines()]
    return "\n".join(["```text", *lines, "```", ""])


def test_the_page_says_what_help_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "The command line has changed; rewrite its page: "
        "python tests/docs/test_command_line_page.py"
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

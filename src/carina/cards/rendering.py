"""From tables to pages: the templates, and what they may ask for."""

import re
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

__all__ = ["render"]


def render(template: str, **content: object) -> str:
    """A page without runs of blank lines. What is not the template's own is escaped."""
    page = _environment().get_template(template).render(content)
    return re.sub(r"\n{3,}", "\n\n", page).lstrip()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("carina.cards"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["markdown"] = _markdown
    return environment


def _markdown(words: str) -> Markup:
    """Words that Markdown, and the HTML it becomes, take literally and in one line."""
    one_line = re.sub(r"\s+", " ", words)
    escaped = re.sub(r"([\\`*<>|])", r"\\\1", one_line.replace("&", "&amp;"))
    escaped = re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", escaped)
    escaped = re.sub(r"\](?=[(\[:])", r"\\]", escaped)
    return Markup(escaped)  # noqa: S704 - escaped just above

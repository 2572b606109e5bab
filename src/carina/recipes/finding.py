"""A recipe by what a command line says of it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from carina.core import ConfigError, read_json, read_toml, unknown

__all__ = ["found_recipe"]

Form = TypeVar("Form")


def found_recipe(
    text: str, named: Mapping[str, Callable[[], Form]], form: type[Form], *, what: str
) -> Form:
    """The recipe a command line means: a name, or the path of a TOML or JSON file.

    Args:
        text: What was said.
        named: Those that have names.
        form: What a file holds.
        what: What such a recipe is called.

    Raises:
        UnknownName: for a name nobody gave, with its neighbour.
        MissingFile, ConfigError: for a file that is not there or has faults, all listed.
    """
    if text in named:
        return named[text]()
    match Path(text).suffix.lower():
        case ".toml":
            return read_toml(Path(text), form)
        case ".json":
            return read_json(Path(text), form)
        case "":
            raise unknown(what, text, named)
        case other:
            raise ConfigError(f"A recipe is a TOML or JSON file, or a name; got a {other} file.")

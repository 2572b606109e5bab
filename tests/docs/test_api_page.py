"""Front doors are lists of names, and the page of the library holds every one of them."""

import ast
import inspect
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import UnionType
from typing import get_origin

import pytest

from carina.core import CarinaError

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "api.md"
ROOMS = (
    "core",
    "measures",
    "studies",
    "phantoms",
    "encoders",
    "features",
    "streams",
    "adaptors",
    "objectives",
    "bundles",
    "learning",
    "evaluation",
    "cards",
    "serving",
    "testing",
    "recipes",
    "cli",
)
"""In the order in which data pass through them; a room imports only from rooms before it."""
INTRODUCTION = """\
# The library, room by room

Every public name, each imported from its room: `from carina.learning import Ridge`.
A room imports only from rooms above it on this page.
Names are promised as far as they stand here; what lies in modules within a room is its own affair.

This page is made by `python tests/docs/test_api_page.py`.
"""


def door(room: str) -> Path:
    """The file that lists what a room gives."""
    return ROOT / "src" / "carina" / room / "__init__.py"


def exports(room: str) -> list[ast.ImportFrom]:
    """The statements of a front door after its docstring."""
    body = ast.parse(door(room).read_text(encoding="utf-8")).body[1:]
    return [line for line in body if isinstance(line, ast.ImportFrom)]


def names(room: str) -> dict[str, str]:
    """Public name to the module that defines it."""
    return {name.name: line.module or "" for line in exports(room) for name in line.names}


def kind(thing: object) -> str:
    """What sort of thing a name stands for, in one word."""
    if inspect.isclass(thing):
        if issubclass(thing, BaseException):
            return "error"
        return "protocol" if getattr(thing, "_is_protocol", False) else "class"
    if isinstance(thing, UnionType) or get_origin(thing):
        return "type"
    return "function" if inspect.isfunction(thing) else "value"


def told(room: str, name: str) -> str:
    """The first paragraph of a name's docstring, on one line; "" where there is none."""
    module = import_module(names(room)[name])
    thing = getattr(module, name)
    if kind(thing) in {"type", "value"}:
        text = beneath(module.__file__ or "", name)
    else:
        text = thing.__doc__ or ""
    if text.startswith(f"{name}("):  # what dataclasses write where nobody did
        return ""
    return " ".join(inspect.cleandoc(text).partition("\n\n")[0].split()).replace("``", "`")


def beneath(file: str, name: str) -> str:
    """The docstring that stands beneath an assignment."""
    body = ast.parse(Path(file).read_text(encoding="utf-8")).body
    for line, after in pairwise(body):
        match line, after:
            case (
                ast.Assign(targets=[ast.Name(id=given)]) | ast.AnnAssign(target=ast.Name(id=given)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ) if given == name:
                return text
    return ""


def page() -> str:
    """The introduction, and a table a room."""
    sections = [INTRODUCTION]
    for room in ROOMS:
        module = import_module(f"carina.{room}")
        sections.append(f"## carina.{room}\n\n{inspect.cleandoc(module.__doc__ or '')}\n")
        rows = [
            f"| `{name}` | {kind(getattr(module, name))} | {told(room, name).replace('|', '/')} |"
            for name in sorted(names(room), key=lambda name: (name.lower(), name))
        ]
        sections.append("\n".join(["| name | is | |", "| --- | --- | --- |", *rows, ""]))
    return "\n".join(sections)


def test_every_room_is_on_the_page() -> None:
    assert sorted(ROOMS) == sorted(
        path.parent.name for path in (ROOT / "src" / "carina").glob("*/__init__.py")
    )


@pytest.mark.parametrize("room", ROOMS)
def test_a_front_door_is_a_docstring_and_sorted_explicit_re_exports(room: str) -> None:
    lines = ast.parse(door(room).read_text(encoding="utf-8")).body
    listed = exports(room)

    assert ast.get_docstring(ast.Module(body=lines, type_ignores=[]))
    assert len(listed) == len(lines) - 1
    assert [line.module for line in listed] == sorted(line.module or "" for line in listed)
    for line in listed:
        assert [name.asname for name in line.names] == [name.name for name in line.names]
        assert (line.module or "").startswith(f"carina.{room}.")


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_stands_in_its_modules_list_and_says_what_it_is(room: str) -> None:
    for name, module in names(room).items():
        listed = getattr(import_module(module), "__all__", None)

        assert listed is None or name in listed, f"{module} does not list {name}"
        assert told(room, name).endswith((".", ":")), f"{module}.{name} has no docstring"


def test_what_can_be_raised_can_be_caught_from_the_front_door() -> None:
    errors = {one.__name__ for one in CarinaError.__subclasses__()}

    assert errors <= set(names("core"))


def test_the_page_holds_every_public_name() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "The front doors have changed; rewrite their page: python tests/docs/test_api_page.py"
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

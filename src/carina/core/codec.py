"""Plain dataclasses to JSON-able values and back, strictly: every fault is told, at once."""

import json
import tomllib
from dataclasses import fields, is_dataclass
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from cattrs import BaseValidationError, Converter
from cattrs.cols import homogenous_tuple_structure_factory
from cattrs.errors import (
    AttributeValidationNote,
    ForbiddenExtraKeysError,
    IterableValidationNote,
)
from cattrs.v import format_exception

from carina.core.errors import (
    ConfigError,
    InvalidValue,
    MissingFile,
    UnknownName,
    UnreadableFile,
    near,
)
from carina.core.writing import write_text

__all__ = ["dump", "load", "read_json", "read_toml", "to_json", "write_json"]

T = TypeVar("T")
_KIND = "kind"


def dump(value: Any) -> Any:
    """A value of dataclasses as plain dictionaries, lists, numbers and text.

    A dataclass that is a member of a union carries its class name under ``kind``.
    """
    return _converter().unstructure(value, unstructure_as=type(value))


def load(plain: Any, as_type: type[T], *, what: str = "value") -> T:
    """The value that a plain one describes.

    Numbers are taken as they are: ``"3"``, ``True`` or ``2.7`` is no int. A dataclass with a function
    ``named`` may be given by the name that this takes.

    Args:
        plain: What was read.
        as_type: The dataclass (or union of dataclasses) it should be.
        what: What it is called in the error.

    Raises:
        ConfigError: listing every fault with its place.
    """
    try:
        return _converter().structure(plain, as_type)
    except (BaseValidationError, ForbiddenExtraKeysError, InvalidValue) as error:
        faults = _faults(error)
        raise ConfigError(f"{what} has {len(faults)} fault(s):\n  " + "\n  ".join(faults)) from None


def to_json(value: Any) -> str:
    """Readable JSON with sorted keys, no NaN, and a line end."""
    return (
        json.dumps(dump(value), indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False)
        + "\n"
    )


def write_json(path: Path, value: Any) -> None:
    """Write `to_json` of a value, whole or not at all."""
    write_text(path, to_json(value))


def read_json(path: Path, as_type: type[T]) -> T:
    """The value a JSON file describes; see `load`."""
    return load(_parsed(path, json.loads, "JSON"), as_type, what=path.name)


def read_toml(path: Path, as_type: type[T]) -> T:
    """The value a TOML file describes; see `load`."""
    return load(_parsed(path, tomllib.loads, "TOML"), as_type, what=path.name)


def _parsed(path: Path, parse: Any, form: str) -> Any:
    try:
        return parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MissingFile(f"There is no file {path}.") from None
    except IsADirectoryError:
        raise UnreadableFile(f"{path} is a folder; wanted a file of {form}.") from None
    except (UnicodeDecodeError, ValueError) as error:
        raise UnreadableFile(f"{path.name} is no {form}: {error}.") from None


def _exactly(kind: type) -> Any:
    def take(value: Any, _: Any) -> Any:
        if kind is float and type(value) is int:
            return float(value)
        if type(value) is not kind:
            raise InvalidValue(f"wanted {kind.__name__}, got {value!r} ({type(value).__name__})")
        return value

    return take


def _member(value: Any, kind: Any) -> Any:
    known = [member.value for member in kind]
    if value in known and type(value) is not bool:
        return kind(value)
    names = [str(item) for item in known]
    raise InvalidValue(f"no {value!r} here.{near(str(value), names)} Known: {', '.join(names)}")


def _table_reader(as_type: Any, converter: Converter) -> Any:
    inner = converter.gen_structure_attrs_fromdict(as_type)
    named = getattr(as_type, "named", None)

    def take(value: Any, kind: Any) -> Any:
        if named is not None and isinstance(value, str):
            try:
                return named(value)
            except UnknownName as error:
                raise InvalidValue(str(error)) from None
        if not isinstance(value, dict):
            raise InvalidValue(f"wanted a table of keys, got {type(value).__name__}")
        return inner(value, kind)

    return take


def _is_many(as_type: Any) -> bool:
    return get_origin(as_type) is tuple and get_args(as_type)[1:] == (...,)


def _many_reader(as_type: Any, converter: Converter) -> Any:
    inner = homogenous_tuple_structure_factory(as_type, converter)

    def take(value: Any, kind: Any) -> Any:
        if not isinstance(value, list | tuple):  # text would be taken letter by letter
            raise InvalidValue(f"wanted a list, got {value!r} ({type(value).__name__})")
        return inner(value, kind)

    return take


def _is_tagged_union(as_type: Any) -> bool:
    members = [m for m in get_args(as_type) if m is not type(None)]
    return (
        get_origin(as_type) in (Union, UnionType)
        and len(members) >= 1
        and all(is_dataclass(member) for member in members)
    )


def _union_reader(as_type: Any, converter: Converter) -> Any:
    members = {m.__name__: m for m in get_args(as_type) if m is not type(None)}
    optional = type(None) in get_args(as_type)

    def take(value: Any, _: Any) -> Any:
        if value is None and optional:
            return None
        if not isinstance(value, dict):
            raise InvalidValue(f"wanted a table with a {_KIND!r}, got {value!r}")
        kind = value.get(_KIND)
        if kind is None and len(members) == 1:
            kind = next(iter(members))
        if kind not in members:
            hint = near(str(kind), members)
            raise InvalidValue(f"no {_KIND} {kind!r} here.{hint} Known: {', '.join(members)}")
        rest = {key: item for key, item in value.items() if key != _KIND}
        return converter.structure(rest, members[kind])

    return take


def _union_writer(converter: Converter) -> Any:
    def give(value: Any) -> Any:
        if value is None:
            return None
        return {_KIND: type(value).__name__, **converter.unstructure(value, type(value))}

    return give


_CONVERTER: Converter | None = None


def _converter() -> Converter:
    global _CONVERTER
    if _CONVERTER is None:
        converter = Converter(forbid_extra_keys=True)
        for kind in (int, float, bool, str):
            converter.register_structure_hook(kind, _exactly(kind))
        # Each enum base by name, or the hooks of int and str would take its members.
        for base in (Enum, IntEnum, StrEnum):
            converter.register_structure_hook(base, _member)
            converter.register_unstructure_hook(base, lambda value: value.value)
        converter.register_structure_hook_factory(
            is_dataclass, lambda t: _table_reader(t, converter)
        )
        converter.register_structure_hook_factory(_is_many, lambda t: _many_reader(t, converter))
        converter.register_structure_hook_factory(
            _is_tagged_union, lambda t: _union_reader(t, converter)
        )
        converter.register_unstructure_hook_factory(
            _is_tagged_union, lambda _: _union_writer(converter)
        )
        _CONVERTER = converter
    return _CONVERTER


def _faults(error: BaseException, place: str = "") -> list[str]:
    """One line a fault, with its place and the near neighbour of a misspelt key."""
    if isinstance(error, ForbiddenExtraKeysError):
        known = [f.name for f in fields(error.cl)] if is_dataclass(error.cl) else []
        return [
            f"{place or 'top'}: no key {key!r}.{near(key, known)} Known: {', '.join(known)}"
            for key in sorted(error.extra_fields)
        ]
    if isinstance(error, BaseExceptionGroup):
        faults: list[str] = []
        for inner in error.exceptions:
            step = "".join(
                f".{note.name}" if isinstance(note, AttributeValidationNote) else f"[{note.index}]"
                for note in getattr(inner, "__notes__", [])
                if isinstance(note, AttributeValidationNote | IterableValidationNote)
            )
            faults += _faults(inner, (place + step).lstrip("."))
        return faults
    if isinstance(error, KeyError) and error.args:
        return [f"{place or 'top'}: the key {error.args[0]!r} is missing"]
    if isinstance(error, InvalidValue):
        return [f"{place or 'top'}: {error}"]
    return [f"{place or 'top'}: {format_exception(error, None)}"]

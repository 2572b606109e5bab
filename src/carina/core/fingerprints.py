"""Names for values: a fingerprint changes when, and only when, the value does."""

import json
from collections.abc import Mapping
from dataclasses import Field, field, fields, is_dataclass
from enum import Enum
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from carina.core.errors import InvalidValue

__all__ = [
    "digest_arrays",
    "digest_bytes",
    "digest_file",
    "digest_image",
    "fingerprint",
    "later",
    "salted",
]

_SIZE = 10  # bytes of a short name: twenty hexadecimal digits
_CHUNK = 1 << 20
_LATER = "later"

Value = TypeVar("Value")


def fingerprint(thing: object) -> str:
    """A short name, twenty hexadecimal digits, for a plain value.

    Args:
        thing: Dataclasses, mappings with text keys, sequences, numbers, text, enums or None, nested.

    Raises:
        InvalidValue: where anything else stands in it (a path, an array, a NaN).
    """
    try:
        text = json.dumps(_plain(thing), sort_keys=True, separators=(",", ":"), allow_nan=False)
    except ValueError as error:
        raise InvalidValue(f"A value with NaN or infinity has no fingerprint: {error}.") from error
    return blake2b(text.encode(), digest_size=_SIZE).hexdigest()


def later(default: Value) -> Value:
    """A dataclass's field that was not there at first: at its default, fingerprints are as before.

    So what was made before there was such a choice keeps its name, and is not made again.
    """
    told: Value = field(default=default, metadata={_LATER: True})
    return told


def digest_bytes(data: bytes) -> str:
    """The content's name: BLAKE2b, forty hexadecimal digits."""
    return blake2b(data, digest_size=2 * _SIZE).hexdigest()


def digest_image(data: bytes) -> str:
    """The name of an image file's bytes: BLAKE3, forty hexadecimal digits.

    An uncompressed film is of some 15 MB, which costs BLAKE2b as much as decoding it and BLAKE3 a
    fifth of that.
    """
    from blake3 import blake3  # here, since who reads no images does without

    name: str = blake3(data).hexdigest(length=2 * _SIZE)
    return name


def digest_file(path: Path) -> str:
    """The name of a file's bytes, read in chunks; equal to `digest_bytes` of them."""
    whole = blake2b(digest_size=2 * _SIZE)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            whole.update(chunk)
    return whole.hexdigest()


def digest_arrays(arrays: Mapping[str, np.ndarray]) -> str:
    """The name of a set of named arrays: names, types, shapes and bytes, in order of name."""
    whole = blake2b(digest_size=2 * _SIZE)
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        whole.update(json.dumps([name, array.dtype.str, list(array.shape)]).encode())
        whole.update(array.data.cast("B") if array.size else b"")
    return whole.hexdigest()


def salted(text: str, salt: str) -> int:
    """A 63-bit number for a text; only who has the salt can test whether it stands for a guess."""
    keyed = blake2b(text.encode(), digest_size=8, key=blake2b(salt.encode()).digest())
    return int.from_bytes(keyed.digest(), "big") >> 1


def _plain(thing: Any) -> Any:
    match thing:
        case Enum():
            return _plain(thing.value)
        case None | bool() | int() | float() | str():
            return thing
        case Mapping():
            if wrong := [key for key in thing if not isinstance(key, str)]:
                raise InvalidValue(f"Only text keys have a fingerprint; got {wrong[0]!r}.")
            return {key: _plain(value) for key, value in thing.items()}
        case list() | tuple():
            return [_plain(value) for value in thing]
        case _ if is_dataclass(thing) and not isinstance(thing, type):
            plain = {
                each.name: _plain(getattr(thing, each.name))
                for each in fields(thing)
                if not _as_before(thing, each)
            }
            return {"kind": type(thing).__name__, **plain}
        case _:
            raise InvalidValue(
                f"A {type(thing).__name__} has no fingerprint; "
                "wanted dataclasses, mappings, sequences, numbers, text, enums or None."
            )


def _as_before(thing: Any, each: Field[Any]) -> bool:
    """Whether a field came later and says nothing new."""
    return _LATER in each.metadata and bool(getattr(thing, each.name) == each.default)

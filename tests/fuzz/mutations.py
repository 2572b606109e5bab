"""Damage of the kinds files meet: cut, flipped, repeated, swapped, and headers that lie."""

import re
import struct
import zlib
from collections.abc import Callable

import numpy as np

Damage = Callable[[bytearray, np.random.Generator], bytes]

_TELLING = (0, 1, 0x7F, 0x80, 0xFF)
_SIZES = (0, 1, 2, 7, 255, 256, 32_767, 65_535, 2**31 - 1, 2**32 - 1)
_HUGE = re.compile(rb"\d+")


def damaged(data: bytes, form: str, random: np.random.Generator) -> bytes:
    """The bytes with one to three kinds of damage, some of them made for the form."""
    kinds: list[Damage] = [*_ANY, *_OF_FORM.get(form, ())]
    for _ in range(int(random.integers(1, 4))):
        data = kinds[int(random.integers(len(kinds)))](bytearray(data), random)
        if not data:
            break
    return data


def _flip(data: bytearray, random: np.random.Generator) -> bytes:
    for _ in range(int(random.integers(1, 17))):
        at = int(random.integers(len(data)))
        data[at] ^= 1 << int(random.integers(8))
    return bytes(data)


def _set(data: bytearray, random: np.random.Generator) -> bytes:
    for _ in range(int(random.integers(1, 9))):
        data[int(random.integers(len(data)))] = _TELLING[int(random.integers(len(_TELLING)))]
    return bytes(data)


def _cut(data: bytearray, random: np.random.Generator) -> bytes:
    return bytes(data[: int(random.integers(len(data)))])


def _behead(data: bytearray, random: np.random.Generator) -> bytes:
    return bytes(data[int(random.integers(min(len(data), 64))) :])


def _repeat(data: bytearray, random: np.random.Generator) -> bytes:
    start, end = sorted(random.integers(len(data), size=2).tolist())
    return bytes(data[:end] + data[start:end] * int(random.integers(1, 4)) + data[end:])


def _remove(data: bytearray, random: np.random.Generator) -> bytes:
    start, end = sorted(random.integers(len(data), size=2).tolist())
    return bytes(data[:start] + data[end:])


def _noise(data: bytearray, random: np.random.Generator) -> bytes:
    start = int(random.integers(len(data)))
    return bytes(data[:start]) + random.bytes(int(random.integers(1, 200))) + bytes(data[start:])


def _size(data: bytearray, random: np.random.Generator) -> bytes:
    """A number of 16 or 32 bits, of either order, that declares something else."""
    wide = random.random() < 0.5
    form = ("<" if random.random() < 0.5 else ">") + ("I" if wide else "H")
    room = len(data) - struct.calcsize(form)
    if room > 0:
        value = _SIZES[int(random.integers(len(_SIZES)))] % (2**32 if wide else 2**16)
        struct.pack_into(form, data, int(random.integers(min(room, 2048))), value)
    return bytes(data)


_ANY: tuple[Damage, ...] = (_flip, _set, _cut, _behead, _repeat, _remove, _noise, _size)


def _dicom_tag(data: bytearray, random: np.random.Generator) -> bytes:
    """Another value in an element that says what the pixels are."""
    tags = [(0x28, e) for e in (2, 4, 8, 0x10, 0x11, 0x100, 0x101, 0x102, 0x103, 0x1050, 0x1051)]
    group, element = tags[int(random.integers(len(tags)))]
    at = bytes(data).find(struct.pack("<2H", group, element))
    if 0 <= at < len(data) - 12:
        value = _SIZES[int(random.integers(len(_SIZES)))] % 65_536
        struct.pack_into("<H", data, at + 8, value)
    return bytes(data)


def _png_header(data: bytearray, random: np.random.Generator) -> bytes:
    """Another size, depth or colour, with a right checksum: only the header lies."""
    if len(data) < 33:
        return bytes(data)
    field = int(random.integers(4))
    if field < 2:
        value = _SIZES[int(random.integers(len(_SIZES)))] % 2**31
        struct.pack_into(">I", data, 16 + 4 * field, value)
    else:
        data[22 + field] = int(random.integers(20))
    struct.pack_into(">I", data, 29, zlib.crc32(bytes(data[12:29])))
    return bytes(data)


def _number(data: bytearray, random: np.random.Generator) -> bytes:
    """A number written out that becomes huge, negative or none."""
    found = list(_HUGE.finditer(bytes(data)))
    if not found:
        return bytes(data)
    one = found[int(random.integers(len(found)))]
    value = (b"9" * 400, b"-1", b"1e999", b"nan", b"", b"\xff")[int(random.integers(6))]
    return bytes(data[: one.start()]) + value + bytes(data[one.end() :])


def _cells(data: bytearray, random: np.random.Generator) -> bytes:
    """Marks a table is parted by, in the wrong places."""
    marks = (b",", b'"', b"\n", b"\r", b";", b"\0", b"=cmd", b"../../x", b"\xef\xbb\xbf")
    at = int(random.integers(len(data)))
    mark = marks[int(random.integers(len(marks)))] * int(random.integers(1, 50))
    return bytes(data[:at]) + mark + bytes(data[at:])


_LAUGHS = (
    b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">'
    b'<!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">'
    b'<!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;">'
    b'<!ENTITY f "&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;">'
    b'<!ENTITY x "&f;&f;&f;&f;&f;&f;&f;&f;&f;&f;">]>'
)


def _entities(data: bytearray, random: np.random.Generator) -> bytes:
    """A document type that declares entities, from a harmless one to a billion laughs."""
    kinds = (
        b'<!DOCTYPE a [<!ENTITY x "y">]>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>',
        _LAUGHS,
    )
    head = bytes(data).find(b"?>") + 2
    head = 0 if head == 1 else head
    found = bytes(data[:head]) + kinds[int(random.integers(3))] + bytes(data[head:])
    return found.replace(b"</AbstractText>", b"&x;</AbstractText>", 1)


_OF_FORM: dict[str, tuple[Damage, ...]] = {
    "dicom": (_dicom_tag,) * 4,
    "png": (_png_header,) * 3,
    "csv": (_number, _cells, _cells),
    "xml": (_number, _entities, _entities),
}

"""Pairs of text that many processes append to one file, and a kill cannot spoil."""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from carina.core import write_text

__all__ = ["Ledger"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Lines of key, value and checksum; a torn line is passed over.

    Attributes:
        path: The file; it need not exist yet.
    """

    path: Path

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Every whole line's key and value, oldest first."""
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return
        for line in text.split("\n"):
            body, _, check = line.rpartition("\t")
            key, separator, value = body.partition("\t")
            if separator and check == _check(body):
                yield key, value

    def keep(self, wanted: Callable[[str, str], bool]) -> None:
        """Write the file anew with the pairs wanted alone, whole or not at all.

        Pairs that another process appends meanwhile may be lost.
        """
        pairs = list(self.pairs())
        kept = [f"{key}\t{value}" for key, value in pairs if wanted(key, value)]
        if len(kept) < len(pairs):
            write_text(self.path, "".join(f"{body}\t{_check(body)}\n" for body in kept))

    def append(self, pairs: Iterable[tuple[str, str]], *, flush: bool = False) -> None:
        """Add pairs in one write, so that lines of two processes do not mix.

        Args:
            pairs: Neither tabs nor line ends in them.
            flush: Whether to wait until the disk has them.
        """
        bodies = [f"{key}\t{value}" for key, value in pairs]
        if not bodies:
            return
        # The line end that comes first closes a line a killed writer may have left torn.
        data = ("\n" + "".join(f"{body}\t{_check(body)}\n" for body in bodies)).encode()
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            while data:
                data = data[os.write(descriptor, data) :]
            if flush:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _check(body: str) -> str:
    return f"{crc32(body.encode()):08x}"

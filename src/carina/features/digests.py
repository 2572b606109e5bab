"""Digests of image files, remembered by path, size and time of change; paths never in the clear."""

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from carina.core import (
    Mismatch,
    MissingFile,
    UnreadableFile,
    digest_image,
    fingerprint,
    salted,
)
from carina.encoders import FROM_FILE, EncoderCard
from carina.features.ledger import Ledger
from carina.features.outputs import encode_command
from carina.features.partial import telling_what_is_full
from carina.features.store import Store
from carina.studies import Manifest, image_bytes

__all__ = ["DigestCache", "default_workers", "image_digests", "in_order", "lookup", "read_digested"]

_SETTLED = 2_000_000_000  # ns: a younger file may change again without its time showing it

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestCache:
    """What is known of image files, and what was learned since.

    Attributes:
        ledger: Where it is kept.
        salt: The store's.
        known: Digest by salted hash of path, size and time of change.
        learned: Of `known`, what the ledger has not got yet.
    """

    ledger: Ledger
    salt: str
    known: dict[str, str]
    learned: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, store: Store) -> "DigestCache":
        """The cache of a store."""
        ledger = store.image_ledger
        return cls(ledger=ledger, salt=store.salt, known=dict(ledger.pairs()))

    def key(self, path: Path) -> str:
        """The salted name of a file as it is now; "" where it may change unseen.

        Raises:
            MissingFile, UnreadableFile: without a path in the message.
        """
        try:
            status = path.stat()
        except FileNotFoundError:
            raise MissingFile("The file is not there.") from None
        except OSError as error:
            raise UnreadableFile(f"The file cannot be opened: {error.strerror}.") from None
        if time.time_ns() - status.st_mtime_ns < _SETTLED:
            return ""
        absolute = os.path.abspath(path)  # noqa: PTH100  # resolving links would cost more
        return fingerprint([self.salt, absolute, status.st_size, status.st_mtime_ns])

    def given_key(self, path: Path, card: EncoderCard) -> str:
        """The salted name of an image, there or not, whose features an encoder has from a file."""
        absolute = os.path.abspath(path)  # noqa: PTH100  # as above
        return fingerprint([self.salt, absolute, card.fingerprint])

    def learn(self, key: str, digest: str) -> None:
        """Remember a digest until `write`."""
        if key and self.known.get(key) != digest:
            self.known[key] = self.learned[key] = digest

    def write(self) -> None:
        """Put what was learned into the ledger."""
        self.ledger.append(self.learned.items())
        self.learned.clear()


def read_digested(path: Path, cache: DigestCache) -> tuple[str, str, bytes]:
    """Key for the cache, digest and bytes of a file, from one reading.

    Raises:
        MissingFile, UnreadableFile: without a path in the message.
    """
    before = cache.key(path)
    data = image_bytes(path)
    unchanged = cache.key(path) == before
    return before if unchanged else "", digest_image(data), data


def image_digests(
    manifest: Manifest, store: Store, *, verify: bool = False, workers: int | None = None
) -> tuple[str | None, ...]:
    """The digest of each row's image file; None where there is no such file.

    Args:
        manifest: The rows.
        store: Whose cache is asked and added to.
        verify: Whether to hash every file again.
        workers: Threads that read; by default one a core.
    """
    cache = DigestCache.of(store)

    def digest(name: str) -> tuple[str, str] | None:
        path = manifest.place(name)
        try:
            if not verify and (known := cache.known.get(cache.key(path))):
                return "", known
            key, fresh, _ = read_digested(path, cache)
        except (MissingFile, UnreadableFile):
            return None
        return key, fresh

    digests: list[str | None] = []
    for found in in_order(digest, manifest.image, workers=workers):
        if found is not None:
            cache.learn(*found)
        digests.append(found[1] if found is not None else None)
    with telling_what_is_full():
        cache.write()
    return tuple(digests)


def lookup(
    manifest: Manifest,
    store: Store,
    cards: EncoderCard | Sequence[EncoderCard],
    *,
    outputs: tuple[str, ...] = ("pooled",),
    verify: bool = False,
    workers: int | None = None,
) -> tuple[str | None, ...]:
    """The digest of each row whose features the store has, for `Store.table`.

    None stands where the file is missing, no picture could be made of it when it was encoded, or
    the patient was forgotten.

    Args:
        manifest: The rows.
        store: Where they were encoded.
        cards: The encoders whose features are wanted.
        outputs: Which features; see `Store.table`.
        verify: Whether to hash every file again instead of trusting path, size and time.
        workers: Threads that read; by default one a core.

    Raises:
        Mismatch: where images were never encoded, with their number and the next step, an encoder
            reads texts, the store is from other weights, or features from a file are asked for
            beside others.
    """
    asked = (cards,) if isinstance(cards, EncoderCard) else tuple(cards)
    for card in asked:
        store.require(card)
        _must_read_images(card, store)
    if any(card.engine == FROM_FILE for card in asked):
        digests = _given(manifest, store, asked)
    else:
        digests = image_digests(manifest, store, verify=verify, workers=workers)
    refused = dict(store.unreadable_ledger.pairs())
    forgotten = set(dict(store.forgotten_ledger.pairs()))
    usable: list[str | None] = [
        None if f"{salted(patient, store.salt):016x}" in forgotten else digest
        for patient, digest in zip(manifest.listed_patient, digests, strict=True)
    ]
    digests = tuple(usable)
    for card in asked:
        held = {
            image for segment in store.segments(card, outputs=outputs) for image in segment.images
        }
        missing = 0
        for row, digest in enumerate(digests):
            if digest is not None and digest not in held:
                usable[row] = None
                missing += digest not in refused
        if missing:
            what = "features" if outputs == ("pooled",) else f"{' and '.join(outputs)} features"
            raise Mismatch(
                f"{missing} of {len(manifest)} images have no {what} by {card.name!r} in the "
                f"store. Encode them: {encode_command(card.name, outputs)}."
            )
    return tuple(usable)


def _must_read_images(card: EncoderCard, store: Store) -> None:
    if card.modality != "image":
        there = [other.name for other in store.encoders() if other.modality == "image"]
        raise Mismatch(
            f"{card.name!r} reads texts; wanted an encoder that reads images. In the store: "
            f"{', '.join(there) or 'none'}. See: carina encoders."
        )


def _given(
    manifest: Manifest, store: Store, cards: tuple[EncoderCard, ...]
) -> tuple[str | None, ...]:
    """The digest `take_in` gave each row; "" where it never met it, which no segment holds."""
    if len(cards) > 1:
        raise Mismatch(
            "Features from a file know images by name, not by their bytes, so they stand beside no "
            f"other encoder's: {', '.join(card.name for card in cards)}. Join the columns in one "
            "file, or name one encoder."
        )
    cache = DigestCache.of(store)
    keys = (cache.given_key(manifest.place(name), cards[0]) for name in manifest.image)
    return tuple(cache.known.get(key, "") for key in keys)


def default_workers() -> int:
    """One thread a core, for reading and decoding."""
    return os.cpu_count() or 1


def in_order(
    work: Callable[[T], R], items: Iterable[T], *, workers: int | None, ahead: int = 64
) -> Iterator[R]:
    """Results of a function in the order of its arguments, worked out in threads.

    Args:
        work: The function.
        items: Its arguments.
        workers: Threads; None for `default_workers`.
        ahead: How many results may wait, at most.
    """
    waiting: deque[Future[R]] = deque()
    pool = ThreadPoolExecutor(max_workers=workers or default_workers())
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)

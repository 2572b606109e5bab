"""Features from a file into a store: no image is read, and there need not be any."""

import time
from collections.abc import Iterator

from carina.core import Mismatch, digest_bytes
from carina.encoders import GivenImages
from carina.features.books import Books, EncodedAll, Event
from carina.features.digests import DigestCache
from carina.features.fetching import Found, Held
from carina.features.partial import telling_what_is_full
from carina.features.segment import write_segment
from carina.features.store import Store
from carina.studies import Manifest

__all__ = ["take_in"]

_OUTPUTS = ("pooled",)
_NO_ROW = "The file of features has no row for this image."


def take_in(
    manifest: Manifest,
    encoder: GivenImages,
    store: Store,
    outputs: tuple[str, ...] = _OUTPUTS,
    *,
    rows_per_segment: int = 1024,
) -> Iterator[Event]:
    """Put the rows of a file of features into a store, as `encode` does what it computes.

    A row's digest, by which the store knows it, is over the bytes of the file and the image's name:
    another file is another set of rows, and which rows a table means is where its images lie (or
    would), put down last.

    Args:
        manifest: Whose images. A row the file has nothing of is set aside.
        encoder: The file.
        store: Where to.
        outputs: Pooled features; a file has no others.
        rows_per_segment: Images in a segment.

    Yields:
        One `Progress` a segment, at the end one `EncodedAll`.

    Raises:
        Mismatch: where the file is of another table, or more than pooled features are wanted.
        UnreadableFile: where the store is damaged or cannot be written.
    """
    card, features = encoder.card, encoder.features
    if outputs != _OUTPUTS:
        raise Mismatch(f"{card.name!r} has pooled features alone; asked for {', '.join(outputs)}.")
    started = time.monotonic()
    places = features.places(manifest.image)
    with telling_what_is_full():
        store.admit(card)
        store.prune()
    with store.writing():
        cache = DigestCache.of(store)
        books = Books(store=store, cache=cache, patients=manifest.listed_patient)
        held = Held(store=store, card=card, outputs=_OUTPUTS)
        held.look_again()
        new: dict[str, int] = {}
        for row, place in enumerate(places):
            name = manifest.image[row]
            digest = digest_bytes(f"{features.digest} {name}".encode())
            key = cache.given_key(manifest.place(name), card)
            reason = "" if place is not None else _NO_ROW
            if books.enter(Found(row=row, key=key, digest=digest, reason=reason)):
                if place is not None and digest not in held.images:
                    new.setdefault(digest, place)
            elif reason:
                cache.learn(key, digest)  # so that a later look knows the row was met
        books.encoded = len(new)
        with telling_what_is_full():
            books.write()
            for start in range(0, len(new), rows_per_segment):
                here = slice(start, start + rows_per_segment)
                write_segment(
                    store.encoder_folder(card),
                    card,
                    [*new][here],
                    {"pooled": features.values[[*new.values()][here]]},
                    outputs=_OUTPUTS,
                    batch=1,
                )
                yield books.progress
        yield EncodedAll(
            card=card,
            digests=tuple(books.digests),
            set_aside=tuple(books.set_aside),
            encoded=books.encoded,
            seconds=time.monotonic() - started,
        )

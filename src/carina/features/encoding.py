"""Images to features in a store: each file read once, what is there already not at all."""

import time
from collections.abc import Iterator

from carina.core import Mismatch
from carina.encoders import GivenImages, ImageEncoder, check_when_loaded
from carina.features.books import Books, EncodedAll, Event
from carina.features.digests import DigestCache, default_workers, in_order
from carina.features.fetching import Fetcher, Held
from carina.features.filling import Filling, Running
from carina.features.freed import freed_memory_kept
from carina.features.giving import take_in
from carina.features.lanes import lanes
from carina.features.outputs import checked_outputs, rows_of_segment
from carina.features.partial import telling_what_is_full
from carina.features.store import Store
from carina.studies import Manifest

__all__ = ["encode"]

_TELL = 0.1  # seconds between two events while nothing is encoded


def encode(
    manifest: Manifest,
    encoder: ImageEncoder,
    store: Store,
    *,
    batch: int | None = None,
    rows_per_segment: int | None = None,
    workers: int | None = None,
    outputs: tuple[str, ...] = ("pooled",),
    verify: bool = False,
) -> Iterator[Event]:
    """Put the features of a manifest's images into a store, and tell how it goes.

    Images that are there already are passed over; by the cache of digests that costs one look at
    a file's size and time. The others form segments of a fixed number of rows in the manifest's
    order, so one go, two goes, two processes or a kill in between end in the same bytes. Batches
    go through the encoder side by side, see `lanes`, and decoding runs in threads beside it. A file no picture can be made of is set aside, and tried
    again next time. Where a file of features stands in the encoder's place, its rows are taken in
    and no image is read; see `take_in`.

    Args:
        manifest: Whose images; of several rows with the same file bytes one is encoded.
        encoder: By whom.
        store: Where to; made where there is none.
        batch: Images at a time; the card's where not given. Another number may move the last bits.
        rows_per_segment: Images in a segment: what a kill can cost at most. By default 1024, or 64
            where stages are kept, whose maps wait in memory until a segment is whole.
        workers: Threads that read and decode, and as many that encode; by default one a core.
        outputs: What to keep: "pooled"; "tokens"; "stages", the maps of the card's stages;
            "crops", pooled features of the whole image and of its four corners, each nine
            sixteenths of a side, cut from the image before it is made smaller.
        verify: Whether to hash every file again instead of trusting path, size and time.

    Yields:
        `Progress` after each batch and now and then, at the end one `EncodedAll`.

    Raises:
        Mismatch: where the encoder is not one for images, or lacks an output that is
            wanted.
        InvalidValue: for outputs there are not, fewer than one row a segment, or numbers from the
            encoder that are not finite.
        UnreadableFile: where the store is damaged or cannot be written (full disk); all segments
            finished before are kept.
    """
    rows = rows_of_segment(outputs, rows_per_segment)
    if isinstance(encoder, GivenImages):
        yield from take_in(manifest, encoder, store, outputs, rows_per_segment=rows)
        return
    if (preprocess := encoder.card.preprocess) is None:
        raise Mismatch(f"{encoder.card.name!r} encodes no images; wanted an image encoder.")
    outputs = checked_outputs(encoder.card, outputs)
    started = told = time.monotonic()
    with telling_what_is_full():
        store.admit(encoder.card)
        store.note_check(encoder.card, check_when_loaded(encoder))
        store.prune()
    running = Running(
        encoder=encoder, batch=encoder.card.batch if batch is None else batch, outputs=outputs
    )
    threads = workers or default_workers()
    with (
        store.writing(),
        freed_memory_kept(),
        lanes(encoder, running, threads=threads) as several,
    ):
        books = Books(store=store, cache=DigestCache.of(store), patients=manifest.listed_patient)
        held = Held(store=store, card=encoder.card, outputs=outputs)
        held.look_again()
        filling = Filling(store=store, running=running, lanes=several, rows=rows)
        fetch = Fetcher(
            manifest=manifest, preprocess=preprocess, cache=books.cache, held=held, verify=verify
        )
        # decoded images wait in memory: enough of them that neither side waits for the other
        ahead = 2 * (running.batch + threads)
        for found in in_order(fetch, range(len(manifest)), workers=threads, ahead=ahead):
            wanted, ran = books.enter(found), False
            if wanted and found.digest is not None and found.prepared is not None:
                if found.digest not in held.images and found.digest not in filling.images:
                    books.encoded += 1
                    ran = filling.add(found.digest, found.prepared)
                if len(filling.images) == rows:
                    _write(books, filling)
                    held.look_again()
            if ran or time.monotonic() - told > _TELL:
                told = time.monotonic()
                yield books.progress
        _write(books, filling)
        yield books.progress
        yield EncodedAll(
            card=encoder.card,
            digests=tuple(books.digests),
            set_aside=tuple(books.set_aside),
            encoded=books.encoded,
            seconds=time.monotonic() - started,
        )


def _write(books: Books, filling: Filling) -> None:
    with telling_what_is_full():
        books.write()
        filling.write()

"""Images to features in a store: each file read once, what is there already not at all."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from carina.core import InvalidValue, Mismatch, salted
from carina.encoders import EncoderCard, ImageEncoder, self_checked
from carina.features.digests import DigestCache, in_order
from carina.features.fetching import Fetcher, Found, Held
from carina.features.filling import Filling
from carina.features.partial import telling_what_is_full
from carina.features.store import Store
from carina.studies import Manifest

__all__ = ["EncodedAll", "Event", "Progress", "SetAside", "encode"]

_OUTPUTS = ("pooled", "tokens")
FORGOTTEN = "The patient was forgotten on request (carina forget); no features are made."
_TELL = 0.1  # seconds between two events while nothing is encoded


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """A row without features, and why; the reason names neither file nor patient."""

    row: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far `encode` is.

    Attributes:
        done: Rows settled, in the manifest's order.
        total: Rows of the manifest.
        encoded: Of those done, how many went through the encoder.
        set_aside: Of those done, how many have no features.
    """

    done: int
    total: int
    encoded: int
    set_aside: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedAll:
    """The last event of `encode`: every row is settled and on disk.

    Attributes:
        card: The encoder.
        digests: Each row's image, for `Store.table`; None where it was set aside.
        set_aside: The rows without features.
        encoded: Images that went through the encoder; the others were there already.
        seconds: How long it took.
    """

    card: EncoderCard
    digests: tuple[str | None, ...]
    set_aside: tuple[SetAside, ...]
    encoded: int
    seconds: float


Event = Progress | EncodedAll
"""What `encode` yields."""


def encode(
    manifest: Manifest,
    encoder: ImageEncoder,
    store: Store,
    *,
    batch: int | None = None,
    rows_per_segment: int = 1024,
    workers: int | None = None,
    outputs: tuple[str, ...] = ("pooled",),
    verify: bool = False,
) -> Iterator[Event]:
    """Put the features of a manifest's images into a store, and tell how it goes.

    Images that are there already are passed over; by the cache of digests that costs one look at
    a file's size and time. The others form segments of a fixed number of rows in the manifest's
    order, so one go, two goes, two processes or a kill in between end in the same bytes. Decoding
    runs in threads beside the encoder. A file no picture can be made of is set aside, and tried
    again next time.

    Args:
        manifest: Whose images; of several rows with the same file bytes one is encoded.
        encoder: By whom.
        store: Where to; made where there is none.
        batch: Images at a time; the card's where not given. Another number may move the last bits.
        rows_per_segment: Images in a segment: what a kill can cost at most.
        workers: Threads that read and decode; by default one a core.
        outputs: What to keep: "pooled", "tokens".
        verify: Whether to hash every file again instead of trusting path, size and time.

    Yields:
        `Progress` after each batch and now and then, at the end one `EncodedAll`.

    Raises:
        Mismatch: where the encoder is not one for images, or gives no tokens and they are wanted.
        InvalidValue: for outputs there are not, fewer than one row a segment, or numbers from the
            encoder that are not finite.
        UnreadableFile: where the store is damaged or cannot be written (full disk); all segments
            finished before are kept.
    """
    if (preprocess := encoder.card.preprocess) is None:
        raise Mismatch(f"{encoder.card.name!r} encodes no images; wanted an image encoder.")
    _check(encoder.card, outputs, rows_per_segment)
    started = told = time.monotonic()
    with telling_what_is_full():
        store.admit(encoder.card)
        store.note_check(encoder.card, self_checked(encoder))
        store.prune()
    books = _Books(store=store, cache=DigestCache.of(store), patients=manifest.patient)
    held = Held(store=store, card=encoder.card, outputs=outputs)
    held.look_again()
    filling = Filling(
        store=store,
        encoder=encoder,
        batch=encoder.card.batch if batch is None else batch,
        outputs=outputs,
    )
    fetch = Fetcher(
        manifest=manifest, preprocess=preprocess, cache=books.cache, held=held, verify=verify
    )
    for found in in_order(fetch, range(len(manifest)), workers=workers):
        wanted, ran = books.enter(found), False
        if wanted and found.digest is not None and found.prepared is not None:
            if found.digest not in held.images and found.digest not in filling.images:
                books.encoded += 1
                ran = filling.add(found.digest, found.prepared)
            if len(filling.images) == rows_per_segment:
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


@dataclass(slots=True, kw_only=True)
class _Books:
    """What is known of the rows so far, and what the ledgers have not got yet."""

    store: Store
    cache: DigestCache
    patients: tuple[str, ...]
    digests: list[str | None] = field(default_factory=list)
    set_aside: list[SetAside] = field(default_factory=list)
    encoded: int = 0
    _owned: set[tuple[str, str]] = field(init=False)
    _owners: list[tuple[str, str]] = field(default_factory=list)
    _refused: dict[str, str] = field(init=False)
    _forgotten: set[str] = field(init=False)
    _refusals: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._owned = set(self.store.owner_ledger.pairs())
        self._refused = dict(self.store.unreadable_ledger.pairs())
        self._forgotten = set(dict(self.store.forgotten_ledger.pairs()))

    @property
    def progress(self) -> Progress:
        """As things stand."""
        return Progress(
            done=len(self.digests),
            total=len(self.patients),
            encoded=self.encoded,
            set_aside=len(self.set_aside),
        )

    def enter(self, found: Found) -> bool:
        """Note what became of the next row; whether its features may be kept."""
        code = f"{salted(self.patients[found.row], self.cache.salt):016x}"
        if code in self._forgotten:
            self.digests.append(None)
            self.set_aside.append(SetAside(row=found.row, reason=FORGOTTEN))
            return False
        if found.reason:
            self.digests.append(None)
            self.set_aside.append(SetAside(row=found.row, reason=found.reason))
            if found.digest is not None and self._refused.get(found.digest) != found.reason:
                self._refused[found.digest] = found.reason
                self._refusals.append((found.digest, found.reason))
            return False
        assert found.digest is not None  # noqa: S101 - a row has a digest or a reason
        self.digests.append(found.digest)
        self.cache.learn(found.key, found.digest)
        owner = (found.digest, code)
        if owner not in self._owned:
            self._owned.add(owner)
            self._owners.append(owner)
        return True

    def write(self) -> None:
        """Put everything noted into the ledgers; owners are on disk before their features."""
        self.store.owner_ledger.append(self._owners, flush=True)
        self.store.unreadable_ledger.append(self._refusals)
        self.cache.write()
        self._owners.clear()
        self._refusals.clear()


def _write(books: _Books, filling: Filling) -> None:
    with telling_what_is_full():
        books.write()
        filling.write()


def _check(card: EncoderCard, outputs: tuple[str, ...], rows_per_segment: int) -> None:
    if not outputs or not set(outputs) <= set(_OUTPUTS):
        raise InvalidValue(f"Outputs are one or more of {', '.join(_OUTPUTS)}; got {outputs}.")
    if "tokens" in outputs and not card.token_dim:
        raise Mismatch(f"{card.name!r} gives no tokens; ask for pooled features alone.")
    if rows_per_segment < 1:
        raise InvalidValue(f"A segment has at least one row; got {rows_per_segment}.")

"""Reports to features in the store: each different text read once, found by the digest of its words.

A store knows a report as it knows a film: by a digest, and whose it is by a salted hash. Its words
are not kept, but who has the store can test whether a guessed text is in it.
"""

import time
from collections.abc import Iterator

import numpy as np
from torch import Tensor

from carina.core import InvalidValue, Mismatch, digest_bytes
from carina.encoders import Encoded, FrozenTexts, TextEncoder, check_when_loaded
from carina.features.books import Books, EncodedAll, Event
from carina.features.digests import DigestCache
from carina.features.fetching import Found, Held
from carina.features.forgetting import owner_code
from carina.features.outputs import checked_outputs
from carina.features.partial import telling_what_is_full
from carina.features.segment import write_segment
from carina.features.store import Store
from carina.studies import Manifest

__all__ = ["encode_reports", "lookup_reports"]

_ROWS = 256
_OUTPUTS = ("pooled", "tokens")
_NO_REPORT = "The row has no report."
_BATCH = 1  # texts go through an encoder one at a time


def encode_reports(
    manifest: Manifest,
    encoder: TextEncoder,
    store: Store,
    *,
    outputs: tuple[str, ...] = ("pooled",),
    rows_per_segment: int | None = None,
) -> Iterator[Event]:
    """Put the features of a manifest's reports into a store, as `encode` does those of its films.

    Args:
        manifest: Whose reports; a row without one is set aside, equal ones are read once.
        encoder: By whom.
        store: Where to; made where there is none.
        outputs: "pooled"; "tokens", a vector a word.
        rows_per_segment: Reports in a segment: what a kill can cost at most.

    Yields:
        `Progress` after each segment, at the end one `EncodedAll`.

    Raises:
        Mismatch: where the encoder gives no words and they are wanted.
        InvalidValue: for outputs there are not, or numbers that are not finite.
        UnreadableFile: where the store is damaged or cannot be written.
    """
    if not set(outputs) <= set(_OUTPUTS):
        raise InvalidValue(f"Of a report there are {' and '.join(_OUTPUTS)}; got {outputs}.")
    outputs = checked_outputs(encoder.card, outputs)
    started = time.monotonic()
    with telling_what_is_full():
        store.admit(encoder.card)
        store.note_check(encoder.card, check_when_loaded(encoder))
        store.prune()
    with store.writing():
        cache = DigestCache.of(store)
        books = Books(store=store, cache=cache, patients=manifest.listed_patient)
        held = Held(store=store, card=encoder.card, outputs=outputs)
        held.look_again()
        new: dict[str, str] = {}
        for row, text in enumerate(map(str.strip, manifest.report)):
            digest = _digest(text)
            reason = "" if text else _NO_REPORT
            found = Found(row=row, digest=digest if text else None, reason=reason)
            if books.enter(found) and digest not in held.images:
                new.setdefault(digest, text)
        with telling_what_is_full():
            books.write()
        size = rows_per_segment or _ROWS
        waiting = list(new.items())
        for start in range(0, len(waiting), size):
            some = waiting[start : start + size]
            arrays = _arrays(encoder, [text for _, text in some], tokens="tokens" in outputs)
            with telling_what_is_full():
                write_segment(
                    store.encoder_folder(encoder.card),
                    encoder.card,
                    [digest for digest, _ in some],
                    arrays,
                    outputs=outputs,
                    batch=_BATCH,
                )
            books.encoded += len(some)
            yield books.progress
        yield EncodedAll(
            card=encoder.card,
            digests=tuple(books.digests),
            set_aside=tuple(books.set_aside),
            encoded=books.encoded,
            seconds=time.monotonic() - started,
        )


def lookup_reports(manifest: Manifest, store: Store) -> tuple[str | None, ...]:
    """The digest of each row's report, for `Store.table`.

    None stands where there is no report, or the patient was forgotten.
    """
    forgotten = set(dict(store.forgotten_ledger.pairs()))
    return tuple(
        _digest(report.strip())
        if report.strip() and owner_code(store, patient) not in forgotten
        else None
        for report, patient in zip(manifest.report, manifest.listed_patient, strict=True)
    )


def _digest(text: str) -> str:
    """Of a report's words; no file has it, or a film's digest would do for a report's."""
    return digest_bytes(f"report\n{text}".encode())


def _arrays(encoder: TextEncoder, texts: list[str], *, tokens: bool) -> dict[str, np.ndarray]:
    made = [_read(encoder, text, tokens=tokens) for text in texts]
    arrays = {"pooled": np.concatenate([_finite(encoder, each.pooled) for each in made])}
    if tokens:
        words = [_finite(encoder, each.tokens[0]) for each in made if each.tokens is not None]
        arrays["tokens"] = np.concatenate(words)
        ends = np.cumsum([len(each) for each in words], dtype=np.int64)
        arrays["offsets"] = np.concatenate([np.zeros(1, dtype=np.int64), ends])
    return arrays


def _read(encoder: TextEncoder, text: str, *, tokens: bool) -> Encoded:
    if not tokens:
        return encoder.encode((text,))
    if not isinstance(encoder, FrozenTexts):
        raise Mismatch(f"{encoder.card.name!r} shows no words; ask for pooled features alone.")
    return encoder.encode_words(text)


def _finite(encoder: TextEncoder, numbers: Tensor) -> np.ndarray:
    found: np.ndarray = numbers.cpu().numpy()
    if not np.isfinite(found).all():
        raise InvalidValue(
            f"{encoder.card.name!r} gave numbers that are not finite. Check its weights and the "
            "dtype it computes in; nothing of this segment was kept."
        )
    return found

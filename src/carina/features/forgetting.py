"""A patient's rows leave the store; what stays is an entry that says so, and keeps them out."""

from dataclasses import dataclass

import numpy as np

from carina.core import InvalidValue, UnknownName, salted
from carina.encoders import EncoderCard
from carina.features.partial import remove, telling_what_is_full
from carina.features.segment import Segment, write_segment
from carina.features.store import Store

__all__ = ["Forgotten", "forget", "owner_code"]

_RAGGED = ("tokens", "offsets")  # all images' tokens one after the other, and where each begins


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What `forget` took out of a store.

    Attributes:
        images: Different images of the patient the store had features of.
        rows: Rows of segments removed, over all encoders.
        segments: Segments rewritten or removed.
        shared: Of the images, how many another patient's rows named too; theirs are gone as well,
            until they are encoded again.
        before: Whether the patient had been forgotten before.
    """

    images: int
    rows: int
    segments: int
    shared: int
    before: bool


def owner_code(store: Store, patient: str) -> str:
    """What the store's ledgers call a patient: a hash salted for this store alone."""
    return f"{salted(patient, store.salt):016x}"


def forget(store: Store, patient: str) -> Forgotten:
    """Take every row of a patient out of a store, and note that it was done.

    Segments with such rows are written anew without them, put in place by a rename, and the old
    ones removed; a kill in between leaves both, and the same call again ends the work. The ledger
    of forgotten patients keeps the salted hash, so that a later `encode` of data that still name
    the patient sets those rows aside. Sums, heads and bundles learned before are not touched:
    what they carry is said on their cards.

    Args:
        store: Where the features are; held alone meanwhile.
        patient: The identifier, as the data's table has it.

    Raises:
        InvalidValue: for a blank identifier.
        UnknownName: where the store has nothing of that patient, without saying who was asked for.
        MissingFile: where there is no store.
        UnreadableFile: where it is damaged or cannot be written, or somebody is encoding into it.
    """
    if not patient.strip():
        raise InvalidValue("A patient to forget has an identifier; got a blank one.")
    cards = store.encoders()
    code = owner_code(store, patient)
    with store.writing(alone=True), telling_what_is_full():
        before = code in dict(store.forgotten_ledger.pairs())
        owners = list(store.owner_ledger.pairs())
        theirs = {digest for digest, owner in owners if owner == code}
        if not theirs and not before:
            raise UnknownName(
                "The store has nothing of this patient. The identifier is compared letter by "
                "letter with the table's column of patients; see how it is written there."
            )
        if not before:  # first, so that no encode brings back what is being removed
            store.forgotten_ledger.append([(code, str(len(theirs)))], flush=True)
        rows, segments = _rewrite(store, cards, theirs)
        _strike(store, theirs, code)
        store.prune()  # what an earlier call that was killed had taken the name of
    return Forgotten(
        images=len(theirs),
        rows=rows,
        segments=segments,
        shared=len({digest for digest, owner in owners if digest in theirs and owner != code}),
        before=before,
    )


def _rewrite(store: Store, cards: tuple[EncoderCard, ...], theirs: set[str]) -> tuple[int, int]:
    """Every segment without the images; how many rows left and how many segments changed."""
    rows = segments = 0
    for card in cards:
        for segment in store.segments(card, outputs=()):
            keep = np.array([image not in theirs for image in segment.images], dtype=bool)
            if keep.all():
                continue
            rows += int((~keep).sum())
            segments += 1
            if keep.any():
                _write_kept(store, card, segment, keep)
            remove(segment.folder)
    return rows, segments


def _write_kept(store: Store, card: EncoderCard, segment: Segment, keep: np.ndarray) -> None:
    names = segment.array_names
    arrays = {name: segment.array(name)[keep] for name in names if name not in _RAGGED}
    if set(_RAGGED) <= set(names):
        offsets = segment.array("offsets")
        lengths = np.diff(offsets)
        arrays["tokens"] = segment.array("tokens")[np.repeat(keep, lengths)]
        arrays["offsets"] = np.concatenate([[0], np.cumsum(lengths[keep])]).astype(offsets.dtype)
    write_segment(
        store.encoder_folder(card),
        card,
        [image for image, kept in zip(segment.images, keep, strict=True) if kept],
        arrays,
        outputs=segment.made_by.outputs,
        batch=segment.made_by.batch,
    )


def _strike(store: Store, theirs: set[str], code: str) -> None:
    """The ledgers without the patient and without the patient's files."""
    store.image_ledger.keep(lambda _, digest: digest not in theirs)
    store.unreadable_ledger.keep(lambda digest, _: digest not in theirs)
    store.owner_ledger.keep(lambda _, owner: owner != code)

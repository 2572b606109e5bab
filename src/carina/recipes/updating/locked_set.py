"""The locked test set: registered once by digest, apart from whatever teaches, every use counted."""

import numpy as np

from carina.bundles import History, Locked, commit
from carina.core import InvalidValue, Mismatch
from carina.recipes.updating.new_cells import Read
from carina.recipes.updating.protocol import UpdateProtocol

__all__ = ["registered"]


def registered(history: History, locked: Read | None, protocol: UpdateProtocol) -> History:
    """The history, which knows the locked set it was given, or refuses it.

    Args:
        history: The reader's.
        locked: The set; None where none is given.
        protocol: Which may say why another takes the place of the one registered.

    Raises:
        InvalidValue: where one is registered and none is given, or its patients taught the reader.
        Mismatch: where another is given.
    """
    known = history.lineage.locked
    if locked is None:
        if known is not None:
            raise InvalidValue(
                f"This reader is tested on a locked set ({known.locked}, {known.films} films): "
                "name its folder, --locked FOLDER."
            )
        return history
    digest = locked.films.digest
    if known is not None and known.locked != digest and not protocol.another_locked_set:
        raise Mismatch(
            f"This is not the locked set of this reader: {digest}, {len(locked.films.digests)} "
            f"films, where {known.locked}, {known.films} films, is registered. A row, a label or a "
            "film is another, or cannot be read. Name the folder as it was, or say in the protocol "
            "why another takes its place: another_locked_set."
        )
    _check_apart(history, locked)
    if known is not None and known.locked == digest:
        return history
    return commit(
        history,
        Locked(
            locked=digest,
            films=len(locked.films.digests),
            patients=len(np.unique(locked.labelled.patients)),
            why=protocol.another_locked_set if known is not None else "",
        ),
    )


def _check_apart(history: History, locked: Read) -> None:
    """Refuse a set whose patients taught any version that is kept, as far as is known."""
    patients = set(history.codes(locked.labelled.patients).tolist())
    images = set(history.codes(locked.labelled.images).tolist())
    shared: set[int] = set()
    films: set[int] = set()
    for version in history.lineage.versions:
        for lesson in history.taught(version):
            shared |= patients & set(lesson.patients.tolist())
            films |= images & set(lesson.images.tolist())
    if shared or films:
        raise InvalidValue(
            f"{len(shared)} patient(s) of the locked set, and {len(films)} of its films, taught "
            "the reader: it would be tested on what it learned. Take them out of the set."
        )

"""Which cells of which films a stream taught, put down with codes alone."""

import numpy as np
from jaxtyping import Bool, Float

from carina import streams  # `standing` alone would name its module, behind the front door
from carina.bundles import Taught, cell_codes
from carina.streams import Labelled, Stream

__all__ = ["learnable", "shares", "taught_by"]

_UNTELLABLE = 0  # the code of cells that no table says as they were learned


def taught_by(stream: Stream, labelled: Labelled, salt: str) -> Taught:
    """A row for every film of the stream, those held back for validation too.

    What was taken back again does not count; a cell that was told wrong is put down as it was
    told. A film with a cell that stands as it is and as the opposite has a code no film has.

    Args:
        stream: What was shown.
        labelled: Of which labels; codes of patients and films are as they are there.
        salt: The one those codes were made with.
    """
    stood = streams.standing(stream.experiences)
    place = np.ix_(stood.rows, np.array(labelled.space.indices(stood.visible)))
    there, share = learnable(labelled)[place], shares(labelled)[place]
    times = np.where(there, np.maximum(stood.right, stood.wrong), 0).clip(min=0).astype(np.uint8)
    share = np.where(stood.flipped, 1 - share, share)
    images = labelled.images[stood.rows]
    both = (there & (stood.right > 0) & (stood.wrong > 0)).any(axis=1)
    cells = cell_codes(images, share, times, salt)
    held = np.setdiff1d(np.concatenate([one.validation for one in stream.experiences]), stood.rows)
    rows = np.concatenate([stood.rows, held])
    blank = np.zeros((len(held), times.shape[1]), dtype=np.uint8)
    return Taught(
        labels=stood.visible,
        patients=labelled.patients[rows],
        images=labelled.images[rows],
        times=np.concatenate([times, blank]),
        cells=np.concatenate([np.where(both, _UNTELLABLE, cells), held * _UNTELLABLE]),
    )


def learnable(labelled: Labelled) -> Bool[np.ndarray, "images labels"]:
    """Cells that say something: known ones and soft ones."""
    if labelled.soft is None:
        return labelled.known
    return np.asarray(labelled.known | ~np.isnan(labelled.soft))


def shares(labelled: Labelled) -> Float[np.ndarray, "images labels"]:
    """To which share each finding is present; of cells that say nothing, 0."""
    plain: np.ndarray = (labelled.target & labelled.known).astype(np.float32)
    if labelled.soft is None:
        return plain
    soft = labelled.soft.astype(np.float32)
    return np.asarray(np.where(np.isnan(soft), plain, soft))

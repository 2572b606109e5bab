"""Which cells of which films a stream taught, put down with codes alone."""

import numpy as np
from jaxtyping import Bool, Float

from carina.bundles import Taught, cell_codes
from carina.streams import Labelled, Stream

__all__ = ["learnable", "shares", "taught_by"]


def taught_by(stream: Stream, labelled: Labelled, salt: str) -> Taught:
    """A row for every film of the stream, those held back for validation too.

    Args:
        stream: What was shown.
        labelled: Of which labels; codes of patients and films are as they are there.
        salt: The one those codes were made with.
    """
    times = np.zeros(labelled.known.shape, dtype=np.uint8)
    met = np.zeros(len(times), dtype=bool)
    there = learnable(labelled)
    for experience in stream.experiences:
        rows, columns = experience.rows, np.array(stream.space.indices(experience.visible))
        shown = there[rows][:, columns]
        if experience.cells is not None:
            shown = shown & experience.cells
        times[np.ix_(rows, columns)] += shown
        met[rows] = met[experience.validation] = True
    images, times = labelled.images[met], times[met]
    return Taught(
        labels=labelled.space.names,
        patients=labelled.patients[met],
        images=images,
        times=times,
        cells=cell_codes(images, shares(labelled)[met], times, salt),
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

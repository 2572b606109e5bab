"""Splits that published code draws, drawn again to the row."""

from math import ceil

import numpy as np

__all__ = ["seventy_fifteen"]

_HELD = 0.3


def seventy_fifteen(rows: int) -> list[str]:
    """The split of each row in GLoRIA's preprocessing, which MGCA and others took over.

    Scikit-learn's ``train_test_split`` with ``random_state=0`` twice: 30 % of the rows are held
    out, then halved into test, its first part, and validation. Huang et al., ICCV 2021.
    """
    held = _permuted(rows)[: ceil(_HELD * rows)]
    halved = held[_permuted(len(held))]
    val = ceil(len(held) / 2)
    split = np.full(rows, "train", dtype=object)
    split[halved[:val]], split[halved[val:]] = "val", "test"
    return [str(place) for place in split]


def _permuted(rows: int) -> np.ndarray:
    return np.random.RandomState(0).permutation(rows)

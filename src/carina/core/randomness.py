"""Randomness is a generator handed in; these make one from a seed and a purpose."""

import numpy as np

from carina.core.fingerprints import salted

__all__ = ["generator"]


def generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """A stream of random numbers of its own for each purpose under one seed.

    Adding a purpose never moves the numbers of another.

    >>> generator(7, "fold", 1).integers(100) == generator(7, "fold", 1).integers(100)
    True
    """
    words = [salted("\x1f".join(map(str, purpose)), "carina-randomness") & 0xFFFFFFFF]
    return np.random.default_rng([seed, *words])

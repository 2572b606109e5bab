"""Folds joined into fewer parts, always along one chain, so that any two joinings are nested."""

from functools import lru_cache
from itertools import pairwise

import torch
from jaxtyping import Num
from torch import Tensor

__all__ = ["homes", "joined"]


@lru_cache(maxsize=64)
def homes(folds: int, parts: int) -> tuple[int, ...]:
    """For each fold the first fold of the part it is in, where so many parts are left.

    From one number of parts to the next smaller, the two neighbours that hold the fewest folds
    become one, the last such pair where there are several.

    >>> homes(5, 5), homes(5, 3), homes(5, 1)
    ((0, 1, 2, 3, 4), (0, 1, 1, 3, 3), (0, 0, 0, 0, 0))
    """
    groups = [[fold] for fold in range(folds)]
    while len(groups) > parts:
        sizes = [len(one) + len(other) for one, other in pairwise(groups)]
        place = max(range(len(sizes)), key=lambda at: (-sizes[at], at))
        groups[place : place + 2] = [groups[place] + groups[place + 1]]
    return tuple(group[0] for group in groups for _ in group)


def joined(by_fold: Num[Tensor, "folds ..."], parts: int) -> Num[Tensor, "folds ..."]:
    """What is kept by fold, that of each part in the part's first fold and 0 in its others."""
    folds = len(by_fold)
    if parts == folds:
        return by_fold
    home = torch.tensor(homes(folds, parts))
    return torch.zeros_like(by_fold).index_add_(0, home, by_fold)

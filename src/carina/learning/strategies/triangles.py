"""Symmetric matrices kept as their upper triangles, row by row."""

from functools import lru_cache

from jaxtyping import Float64, Int64
from torch import Tensor, triu_indices

__all__ = ["half_of", "packed", "unpacked"]


def half_of(side: int) -> int:
    """Numbers in the triangle of a symmetric matrix."""
    return side * (side + 1) // 2


def packed(full: Float64[Tensor, "side side"]) -> Float64[Tensor, " half"]:
    """The upper triangle."""
    return full.flatten()[_places(len(full))[0]]


def unpacked(half: Float64[Tensor, "many half"], side: int) -> Float64[Tensor, "many side side"]:
    """Matrices in full."""
    full = half.new_empty(len(half), side * side)
    for places in _places(side):
        full.index_copy_(1, places, half)
    return full.reshape(len(half), side, side)


@lru_cache(maxsize=4)
def _places(side: int) -> tuple[Int64[Tensor, " half"], Int64[Tensor, " half"]]:
    """Places of the upper triangle in a flat matrix, and of their mirror images."""
    rows, columns = triu_indices(side, side)
    return rows * side + columns, columns * side + rows

"""Which films show the same picture, however resized, recompressed or brightened.

Each picture is reduced to 64 x 64 means, from which the mean of 9 x 9 neighbours is taken away: what
all chests have in common goes, and what is left of two films correlates where they are one. Pairs
to compare are found by hashing: bits are signs of fixed random projections (Charikar, STOC 2002),
and films that agree in all bits of one of many bands meet (banding: Leskovec, Rajaraman and
Ullman, Mining of Massive Datasets, section 3.4). So the work grows with the films, not with their
pairs. Mirrored, turned, inverted and cropped copies are not found.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int64, Real, UInt8, UInt64

__all__ = ["LIKENESS", "Alike", "alike", "thumbnail"]

LIKENESS = 0.85
"""Correlation from which two films are one picture.

On 2,558 real films (`benchmarks/leakage.py`) copies lie above it and others below.
"""

_SIDE = 64
_REACH = 4  # neighbours on either side whose mean is taken away
_BANDS, _BITS = 64, 14
_CHUNK = 1024  # films, or pairs, at a time
_FAR = 0.24  # share of differing bits; at a correlation of 0.85 it is 0.18, sd 0.013
_FLAT = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """Pairs of films that show the same picture.

    Attributes:
        first: Place of one film.
        second: Place of the other, always the larger.
        correlation: How alike they are; 1 at most.
    """

    first: Int64[np.ndarray, " pairs"]
    second: Int64[np.ndarray, " pairs"]
    correlation: Float32[np.ndarray, " pairs"]


def thumbnail(pixels: Real[np.ndarray, "rows cols"]) -> UInt8[np.ndarray, "64 64"]:
    """A picture as 64 x 64 means, stretched to 0 to 255; its shape and its scale are lost."""
    small = pixels
    for axis in (0, 1):
        if small.shape[axis] < _SIDE:
            small = np.repeat(small, -(-_SIDE // small.shape[axis]), axis=axis)
        edges = (np.arange(_SIDE) * small.shape[axis]) // _SIDE
        widths = np.diff(np.append(edges, small.shape[axis]))
        # A sum along rows is exact enough in float64 for any scale pixels come in.
        small = np.add.reduceat(small, edges, axis=axis, dtype=np.float64)
        small = small / (widths[:, None] if axis == 0 else widths)
    low, high = float(small.min()), float(small.max())
    if high <= low:
        return np.zeros((_SIDE, _SIDE), dtype=np.uint8)
    return np.round((small - low) * (255 / (high - low))).astype(np.uint8)


def alike(thumbnails: UInt8[np.ndarray, "films 64 64"], *, likeness: float = LIKENESS) -> Alike:
    """The pairs of films that show the same picture.

    Films without structure are like nothing. Identical thumbnails meet as a chain, each with the
    next, so that a thousand copies give a thousand pairs and not half a million.

    Args:
        thumbnails: Of each film.
        likeness: Correlation from which a pair counts.
    """
    _, first, back = np.unique(
        thumbnails.reshape(len(thumbnails), _SIDE * _SIDE),
        axis=0,
        return_index=True,
        return_inverse=True,
    )
    back = back.reshape(-1)
    bits, structured = _bits(thumbnails[first])
    films = first[structured]
    pairs = _candidates(bits[structured])
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for start in range(0, len(pairs), _CHUNK):
        some = films[pairs[start : start + _CHUNK]]
        one, other = (_sharpened(thumbnails[some[:, side]]) for side in (0, 1))
        correlation = np.einsum("pd,pd->p", one, other)
        keep = correlation >= likeness
        found.append((some[keep, 0], some[keep, 1], correlation[keep]))
    found.append(_chained(back, structured))
    left, right = (np.concatenate([part[side] for part in found]) for side in (0, 1))
    values = np.concatenate([part[2] for part in found]).astype(np.float32)
    low, high = np.minimum(left, right), np.maximum(left, right)
    order = np.lexsort((high, low))
    return Alike(
        first=low[order].astype(np.int64),
        second=high[order].astype(np.int64),
        correlation=np.minimum(values[order], np.float32(1)),
    )


def _chained(
    back: Int64[np.ndarray, " films"], structured: Bool[np.ndarray, " different"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Films of identical thumbnails, each with the next of them."""
    order = np.argsort(back, kind="stable")
    same = back[order][1:] == back[order][:-1]
    same &= structured[back[order][1:]]
    left, right = order[:-1][same], order[1:][same]
    return left, right, np.ones(len(left))


def _sharpened(thumbnails: UInt8[np.ndarray, "films 64 64"]) -> Float32[np.ndarray, "films 4096"]:
    """Each less its neighbourhood's mean, of length 1; of length 0 where nothing is left."""
    films = thumbnails.astype(np.float32)
    wide = np.pad(films, [(0, 0), (_REACH, _REACH), (_REACH, _REACH)], mode="edge")
    width = 2 * _REACH + 1
    sums = np.pad(wide, [(0, 0), (1, 0), (1, 0)]).cumsum(1, dtype=np.float64).cumsum(2)
    mean = (
        sums[:, width:, width:]
        - sums[:, :-width, width:]
        - sums[:, width:, :-width]
        + sums[:, :-width, :-width]
    ) / width**2
    sharp = (films - mean).reshape(len(films), _SIDE * _SIDE)
    sharp -= sharp.mean(axis=1, keepdims=True)
    length = np.linalg.norm(sharp, axis=1, keepdims=True)
    return np.where(length > _FLAT, sharp / np.maximum(length, _FLAT), 0).astype(np.float32)


def _bits(
    thumbnails: UInt8[np.ndarray, "films 64 64"],
) -> tuple[Bool[np.ndarray, "films bits"], Bool[np.ndarray, " films"]]:
    """On which side of each of many fixed random planes a film lies, and whether it has structure."""
    planes = np.random.default_rng(0).standard_normal(
        (_SIDE * _SIDE, _BANDS * _BITS), dtype=np.float32
    )
    bits = np.zeros((len(thumbnails), _BANDS * _BITS), dtype=bool)
    structured = np.zeros(len(thumbnails), dtype=bool)
    for start in range(0, len(thumbnails), _CHUNK):
        some = slice(start, start + _CHUNK)
        sharp = _sharpened(thumbnails[some])
        structured[some] = sharp.any(axis=1)
        bits[some] = sharp @ planes > 0
    return bits, structured


def _candidates(bits: Bool[np.ndarray, "films bits"]) -> Int64[np.ndarray, "pairs 2"]:
    """Pairs that agree in all bits of some band, and in most of all bits; each once."""
    weights = 1 << np.arange(_BITS)
    words = np.packbits(bits, axis=1).view(np.uint64)
    kept: list[UInt64[np.ndarray, " pairs"]] = [np.empty(0, dtype=np.uint64)]
    for band in range(_BANDS):
        codes = bits[:, band * _BITS : (band + 1) * _BITS] @ weights
        for left, right in _meetings(codes):
            differing = np.bitwise_count(words[left] ^ words[right]).sum(axis=1)
            near = differing < _FAR * bits.shape[1]
            low, high = np.minimum(left, right)[near], np.maximum(left, right)[near]
            kept.append(low.astype(np.uint64) * np.uint64(len(bits)) + high.astype(np.uint64))
    every = np.unique(np.concatenate(kept))
    place = np.uint64(max(1, len(bits)))
    return np.stack([every // place, every % place], axis=1).astype(np.int64)


def _meetings(
    codes: Int64[np.ndarray, " films"],
) -> Iterator[tuple[Int64[np.ndarray, " some"], Int64[np.ndarray, " some"]]]:
    """Pairs of films of one code, in parts: each film with the one so many places on."""
    order = np.argsort(codes, kind="stable")
    run = codes[order]
    for step in range(1, len(run)):
        same = np.flatnonzero(run[step:] == run[:-step])
        if not len(same):
            return
        for start in range(0, len(same), 64 * _CHUNK):
            some = same[start : start + 64 * _CHUNK]
            yield order[some], order[some + step]

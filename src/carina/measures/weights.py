"""How often each image counts in each of many draws: what every weighted measure walks over."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int, Num, Shaped

from carina.core import InvalidValue

__all__ = ["Weights", "ratio", "summed"]

_CELLS = 1 << 24  # float64 numbers in memory at a time: 128 MB
_WHOLE = 1 << 24  # up to here float32 has every whole number


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weights:
    """The weight of each image in each draw, kept once for all images that share it.

    Resampling patients gives all images of a patient one weight, so a row a patient is enough.
    Rows are whole draws side by side: one vector addition moves every draw on by one image.

    Attributes:
        unit: For each image, the row of `rows` that holds its weights.
        rows: Weights, one row a unit and one column a draw.
    """

    unit: Int[np.ndarray, " images"]
    rows: Num[np.ndarray, "units draws"]

    @classmethod
    def of(cls, weights: Num[np.ndarray, "draws images"]) -> "Weights":
        """From one row a draw, each image its own unit.

        Raises:
            InvalidValue: where a weight is negative, infinite or NaN.
        """
        if not np.isfinite(weights).all() or (weights < 0).any():
            raise InvalidValue("Weights are finite and not negative; got one that is not.")
        return cls(unit=np.arange(weights.shape[1]), rows=weights.T)

    @classmethod
    def once(cls, images: int) -> "Weights":
        """One draw that holds each image once: the data as they are."""
        return cls(unit=np.zeros(images, dtype=np.int64), rows=np.ones((1, 1)))

    @property
    def draws(self) -> int:
        """How many draws there are."""
        return len(self.rows.T)

    def only(self, images: Bool[np.ndarray, " images"]) -> "Weights":
        """The weights of some of the images."""
        return replace(self, unit=self.unit[images])

    @property
    def pairs_type(self) -> type[np.float32] | type[np.float64]:
        """In what every half of a product of an image's weight and a sum of weights is exact.

        Half the bytes are walked over in half the time, and the sums are the same to the bit.
        """
        if not np.issubdtype(self.rows.dtype, np.integer) or not self.rows.size:
            return np.float64
        most = int(self.rows.max())
        return np.float32 if 2 * len(self.unit) * most**2 < _WHOLE else np.float64

    def blocks(
        self, kind: type[np.float32] | type[np.float64] = np.float64
    ) -> Iterator[Float[np.ndarray, "units some"]]:
        """The rows in a type, contiguous, as many draws at a time as memory bears."""
        step = max(1, _CELLS // max(1, len(self.rows)))
        for start in range(0, self.draws, step):
            yield np.ascontiguousarray(self.rows[:, start : start + step], dtype=kind)

    def each(
        self,
        walk: Callable[[np.ndarray], np.ndarray],
        kind: type[np.float32] | type[np.float64] = np.float64,
    ) -> Float[np.ndarray, " draws"]:
        """What a walk over a block of rows makes of each of its draws."""
        return np.concatenate([np.empty(0), *map(walk, self.blocks(kind))])

    def totals(self, *values: Shaped[np.ndarray, " images"]) -> Float[np.ndarray, "sums draws"]:
        """The weighted sum of each value over the images, for each draw."""
        of_unit = np.stack(
            [np.bincount(self.unit, weights=value, minlength=len(self.rows)) for value in values]
        )
        empty = np.empty((len(values), 0))
        return np.hstack([empty, *(of_unit @ block for block in self.blocks())])


def ratio(
    above: Float[np.ndarray, " draws"], below: Float[np.ndarray, " draws"]
) -> Float[np.ndarray, " draws"]:
    """A quotient a draw; NaN, without a warning, where there is nothing to divide by."""
    quotient = np.full(len(above), np.nan)
    np.divide(above, below, out=quotient, where=below > 0)
    return quotient


def summed(
    rows: list[Float[np.ndarray, " draws"]], units: list[int]
) -> Float[np.ndarray, " draws"]:
    """The sum of some rows, one or more; of one row the row itself: do not write to it."""
    first, *rest = units
    if not rest:
        return rows[first]
    total = rows[first].copy()
    for unit in rest:
        np.add(total, rows[unit], out=total)
    return total

"""Second moments made ready to solve with: one reduction serves every finding and penalty.

The scatter S of some rows is brought to a tridiagonal T = Q' S Q by reflections (Golub and Van
Loan, Matrix Computations, section 8.3.1), a quarter of the work of an eigendecomposition; then
(a S + b I) x = y is solved in time linear in the width for every a and b, and Q is never formed.
"""

import weakref
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64
from scipy.linalg import lapack
from torch import Tensor

from carina.core import ConfigError
from carina.learning.strategies.sums import Moment
from carina.learning.strategies.triangles import unpacked

__all__ = ["FoldMoment", "Reduced", "Scatter", "reduced"]

_BLOCK = 64  # columns LAPACK works on at a time


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FoldMoment:
    """The second moment of one part of the rows.

    Attributes:
        fold: Where the part's sums stand.
        rows: How many rows, a shared moment's as often as findings are known on them.
        total: Their sum.
        moment: The sum of their outer products.
    """

    fold: int
    rows: float
    total: Float64[Tensor, " dim"]
    moment: Float64[Tensor, "dim dim"]

    def squares(self, weight: Float64[Tensor, "*many dim"]) -> Float64[Tensor, "*many"]:
        """For each weight vector, the summed squares of the rows' scores about their mean."""
        if not self.rows:
            return torch.zeros(weight.shape[:-1], dtype=weight.dtype)
        raw = ((weight @ self.moment) * weight).sum(dim=-1)
        return raw - (weight @ self.total).square() / self.rows


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scatter:
    """The second moment of some rows about their mean, ready to solve with.

    Attributes:
        rows: How many rows.
        diagonal: Of T.
        beside: Next to the diagonal of T.
        reflections: What Q is made of, as LAPACK's dsytrd leaves it.
        lengths: Of the reflections.
    """

    rows: float
    diagonal: Float64[np.ndarray, " dim"]
    beside: Float64[np.ndarray, " less"]
    reflections: Float64[np.ndarray, "less less"]
    lengths: Float64[np.ndarray, " less"]

    @classmethod
    def of(cls, parts: Sequence[FoldMoment], dim: int) -> "Scatter":
        """That of some parts' rows together."""
        rows = sum((part.rows for part in parts), start=0.0)
        total, moment = torch.zeros(dim).double(), torch.zeros(dim, dim).double()
        for part in parts:
            total += part.total
            moment += part.moment
        if rows:
            moment.addr_(total, total, alpha=-1 / rows)
        packed, diagonal, beside, lengths, _ = lapack.dsytrd(
            moment.numpy().T, lower=1, lwork=_BLOCK * dim, overwrite_a=1
        )
        return cls(
            rows=rows,
            diagonal=diagonal,
            beside=beside,
            reflections=np.asfortranarray(packed[1:, :-1]),
            lengths=lengths,
        )

    def solved(
        self,
        right: Float64[Tensor, "labels vectors dim"],
        scale: Float64[Tensor, " labels"],
        penalties: Sequence[float],
    ) -> Float64[Tensor, "labels penalties vectors dim"]:
        """Every ``(scale S + penalty I)^-1 right``.

        Raises:
            ConfigError: where a penalty is lost in rounding.
        """
        turned = self._turned(right, "T")
        found = np.empty((len(right), len(penalties), *right.shape[1:]))
        for label, factor in enumerate(scale.tolist()):
            for place, penalty in enumerate(penalties):
                *_, solution, fault = lapack.dptsv(
                    factor * self.diagonal + penalty, factor * self.beside, turned[label].T
                )
                if fault:
                    raise ConfigError(f"A penalty of {penalty} is too small for these features.")
                found[label, place] = solution.T
        return torch.from_numpy(self._turned(torch.from_numpy(found), "N"))

    def turned(self, rows: Float64[Tensor, "rows dim"]) -> Float64[Tensor, "rows dim"]:
        """Rows in the coordinates of T, where their inner products are the same."""
        return torch.from_numpy(self._turned(rows, "T"))

    def undone(
        self, turned: Float64[Tensor, "rows dim"], scale: float, penalty: float
    ) -> Float64[Tensor, "rows dim"]:
        """``(scale S + penalty I)^-1`` times rows that are turned, turned like them.

        Raises:
            ConfigError: where the penalty is lost in rounding.
        """
        *_, solution, fault = lapack.dptsv(
            scale * self.diagonal + penalty, scale * self.beside, turned.numpy().T
        )
        if fault:
            raise ConfigError(f"A penalty of {penalty} is too small for these features.")
        return torch.from_numpy(solution.T)

    def squares(self, weight: Float64[Tensor, "many dim"]) -> Float64[Tensor, " many"]:
        """For each weight vector, the summed squares of the rows' scores about their mean."""
        turned = self._turned(weight, "T")
        crossed = (turned[:, 1:] * turned[:, :-1]) @ self.beside
        return torch.from_numpy(turned**2 @ self.diagonal + 2 * crossed)

    def _turned(
        self, vectors: Float64[Tensor, "*many dim"], how: str
    ) -> Float64[np.ndarray, "*many dim"]:
        """Vectors times Q ("N") or its transpose ("T")."""
        turned = vectors.reshape(-1, vectors.shape[-1]).numpy().copy()
        columns = np.asfortranarray(turned[:, 1:].T)
        columns, *_ = lapack.dormqr(
            "L", how, self.reflections, self.lengths, columns, _BLOCK * len(turned), overwrite_c=1
        )
        turned[:, 1:] = columns.T
        return turned.reshape(vectors.shape)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reduced:
    """A second moment by parts, and what each is held out from.

    Attributes:
        parts: Those that have rows.
        without: For each of them, the scatter of all others.
        whole: The scatter of all.
    """

    parts: tuple[FoldMoment, ...]
    without: tuple[Scatter, ...]
    whole: Scatter


def reduced(moment: Moment, *, dim: int, parts: int) -> Reduced:
    """A second moment, its folds joined into so many parts, ready to solve with.

    What was made last is remembered for as long as its moment lives: where findings are taught one
    by one on the same films, all share it. It hangs on the moment alone, so the numbers are the
    same when it is made anew.
    """
    known = _LAST.get(moment.half, parts)
    if known is not None:
        return known
    full = unpacked(moment.in_parts(parts).half, dim + 1)
    split = tuple(
        FoldMoment(
            fold=fold,
            rows=float(one[dim, dim]),
            total=one[:dim, dim].clone(),
            moment=one[:dim, :dim].clone(),
        )
        for fold, one in enumerate(full)
        if bool(one[dim, dim] > 0)
    )
    made = Reduced(
        parts=split,
        without=tuple(Scatter.of([o for o in split if o is not one], dim) for one in split),
        whole=Scatter.of(split, dim),
    )
    _LAST.put(moment.half, parts, made)
    return made


class _Last:
    """One `Reduced`, let go of with the tensor it was made from."""

    def __init__(self) -> None:
        self._held: tuple[weakref.ref[Tensor], int, Reduced] | None = None

    def get(self, half: Tensor, parts: int) -> Reduced | None:
        held = self._held
        return held[2] if held and held[0]() is half and held[1] == parts else None

    def put(self, half: Tensor, parts: int, made: Reduced) -> None:
        def forget(gone: weakref.ref[Tensor]) -> None:
            if self._held is not None and self._held[0] is gone:
                self._held = None

        self._held = weakref.ref(half, forget), parts, made


_LAST = _Last()

"""Random features with a ReLU, after RanPAC (McDonnell et al., NeurIPS 2023)."""

from dataclasses import dataclass
from math import sqrt

from jaxtyping import Float, Float64
from torch import Tensor

from carina.adaptors.lifts.drawing import check_lift, digest_of, drawn_normals

__all__ = ["RandomReLU", "ReLULift"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomReLU:
    """``sqrt(2 / width) relu(x P)``, the entries of P standard normal.

    The factor is not RanPAC's: it makes the features of a row of length 1 about as long, so that a
    penalty means the same at every width.

    Attributes:
        width: How many features.
        seed: Of P.
    """

    width: int = 2048
    seed: int = 0

    def __post_init__(self) -> None:
        check_lift(width=self.width)

    def build(self, dim: int) -> "ReLULift":
        """The lift for rows of a width."""
        matrix = drawn_normals(self.seed, "relu", dim, self.width)
        return ReLULift(config=self, digest=digest_of(matrix=matrix), matrix=matrix)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReLULift:
    """A `RandomReLU` drawn for rows of one width.

    Attributes:
        config: What it was drawn from.
        digest: Of P: equal for two lifts that give the same features.
        matrix: P.
    """

    config: RandomReLU
    digest: str
    matrix: Float64[Tensor, "dim out"]

    @property
    def dim(self) -> int:
        """Width of the rows it takes."""
        return self.matrix.shape[0]

    @property
    def out(self) -> int:
        """Width of the features it gives."""
        return self.matrix.shape[1]

    def __call__(self, rows: Float[Tensor, "rows dim"]) -> Float[Tensor, "rows out"]:
        """The features, in the dtype of the rows."""
        return (rows @ self.matrix.to(rows.dtype)).relu() * sqrt(2 / self.out)

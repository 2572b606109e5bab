"""Nystrom features of the Gaussian kernel over landmarks that are nobody's films."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from carina.adaptors.lifts.drawing import check_lift, digest_of, drawn_normals

__all__ = ["LandmarkLift", "Landmarks"]

_NUGGET = 1e-8  # on K's diagonal of ones, so that landmarks that nearly agree have a factor


@dataclass(frozen=True, slots=True, kw_only=True)
class Landmarks:
    """``L^-1 k(x)``: k(x) are a row's kernel values with the landmarks, ``K = L L'`` theirs.

    The product of two rows' features is the kernel ``exp(-|x - y|^2 / (2 bandwidth^2))`` projected
    on the span of the landmarks (Williams and Seeger, NeurIPS 2000), which are drawn at random on
    the sphere of rows of length 1.
    They are never patients: a landmark is kept as it is, and a film's row would be that film's
    features in every bundle. Nor are they prompts: the lift stands before the first film, the
    prompts of a later finding do not.

    Attributes:
        width: How many landmarks, and features.
        bandwidth: Of the kernel; rows of length 1 are at most 2 apart.
        seed: Of the landmarks.
    """

    width: int = 1024
    bandwidth: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        check_lift(width=self.width, bandwidth=self.bandwidth)

    def build(self, dim: int) -> "LandmarkLift":
        """The lift for rows of a width."""
        drawn = drawn_normals(self.seed, "landmarks", self.width, dim)
        points = drawn / drawn.square().sum(dim=1, keepdim=True).sqrt()
        one = torch.eye(self.width, dtype=torch.float64)
        factor = torch.linalg.cholesky(_kernel(points, points, self.bandwidth) + _NUGGET * one)
        return LandmarkLift(
            config=self,
            digest=digest_of(drawn=drawn, bandwidth=drawn.new_tensor(self.bandwidth)),
            points=points,
            inverse=torch.linalg.solve_triangular(factor, one, upper=False),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LandmarkLift:
    """`Landmarks` drawn for rows of one width.

    Attributes:
        config: What it was drawn from.
        digest: Of the landmarks as drawn and of the bandwidth; the rest is computed from these, the
            same to the bit with as many threads and to rounding otherwise.
        points: The landmarks.
        inverse: ``L^-1``.
    """

    config: Landmarks
    digest: str
    points: Float64[Tensor, "out dim"]
    inverse: Float64[Tensor, "out out"]

    @property
    def dim(self) -> int:
        """Width of the rows it takes."""
        return self.points.shape[1]

    @property
    def out(self) -> int:
        """Width of the features it gives."""
        return self.points.shape[0]

    def __call__(self, rows: Float[Tensor, "rows dim"]) -> Float[Tensor, "rows out"]:
        """The features, in the dtype of the rows."""
        near = _kernel(rows, self.points.to(rows.dtype), self.config.bandwidth)
        return near @ self.inverse.T.to(rows.dtype)


def _kernel(
    rows: Float[Tensor, "rows dim"], points: Float[Tensor, "points dim"], bandwidth: float
) -> Float[Tensor, "rows points"]:
    squares = rows.square().sum(dim=1)[:, None] + points.square().sum(dim=1)
    return torch.exp((rows @ points.T - squares / 2) / bandwidth**2)

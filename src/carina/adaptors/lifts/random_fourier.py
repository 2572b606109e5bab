"""Random Fourier features of the Gaussian kernel (Rahimi and Recht, NeurIPS 2007)."""

from dataclasses import dataclass
from math import sqrt, tau

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from carina.adaptors.lifts.drawing import check_lift, digest_of, drawn_normals
from carina.core import generator

__all__ = ["FourierLift", "RandomFourier"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomFourier:
    """``sqrt(2 / width) cos(x W / bandwidth + b)``, W standard normal, b uniform on a full turn.

    The product of two rows' features is near ``exp(-|x - y|^2 / (2 bandwidth^2))``, off by about
    ``1 / sqrt(width)``. KLDA (Momeni et al., AAAI 2025) learns class by class in such features.

    Attributes:
        width: How many features.
        bandwidth: Of the kernel; rows of length 1 are at most 2 apart.
        seed: Of W and b.
    """

    width: int = 2048
    bandwidth: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        check_lift(width=self.width, bandwidth=self.bandwidth)

    def build(self, dim: int) -> "FourierLift":
        """The lift for rows of a width."""
        turns = generator(self.seed, "lift", "shift").random(self.width).astype(np.float32)
        shift = torch.from_numpy(tau * turns.astype(np.float64))
        matrix = drawn_normals(self.seed, "fourier", dim, self.width) / self.bandwidth
        return FourierLift(
            config=self,
            digest=digest_of(matrix=matrix, shift=shift),
            matrix=matrix,
            shift=shift,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FourierLift:
    """A `RandomFourier` drawn for rows of one width.

    Attributes:
        config: What it was drawn from.
        digest: Of W over the bandwidth, and b.
        matrix: W over the bandwidth.
        shift: b.
    """

    config: RandomFourier
    digest: str
    matrix: Float64[Tensor, "dim out"]
    shift: Float64[Tensor, " out"]

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
        turned = rows @ self.matrix.to(rows.dtype) + self.shift.to(rows.dtype)
        return turned.cos() * sqrt(2 / self.out)

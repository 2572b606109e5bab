"""The rows themselves before the features of a lift, so that what lives among rows still does."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from carina.adaptors.lifts.landmarks import LandmarkLift, Landmarks
from carina.adaptors.lifts.random_fourier import FourierLift, RandomFourier
from carina.adaptors.lifts.random_relu import RandomReLU, ReLULift

__all__ = ["Beside", "BesideLift"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """``[x, lift(x)]``: a direction among rows, such as a text's, is one among these features.

    Attributes:
        lift: Of the features behind the row.
    """

    lift: RandomReLU | RandomFourier | Landmarks

    def build(self, dim: int) -> "BesideLift":
        """The lift for rows of a width."""
        lift = self.lift.build(dim)
        return BesideLift(config=self, digest=f"beside-{lift.digest}", lift=lift)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BesideLift:
    """A `Beside` drawn for rows of one width.

    Attributes:
        config: What it was drawn from.
        digest: That of the lift beside the rows, marked.
        lift: Of the features behind the row.
    """

    config: Beside
    digest: str
    lift: ReLULift | FourierLift | LandmarkLift

    @property
    def dim(self) -> int:
        """Width of the rows it takes."""
        return self.lift.dim

    @property
    def out(self) -> int:
        """Width of the features it gives."""
        return self.lift.dim + self.lift.out

    def __call__(self, rows: Float[Tensor, "rows dim"]) -> Float[Tensor, "rows out"]:
        """The features, in the dtype of the rows."""
        return torch.cat([rows, self.lift(rows)], dim=1)

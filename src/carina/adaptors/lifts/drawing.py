"""What lifts have in common: numbers drawn from a seed, and their name."""

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from carina.core import ConfigError, digest_arrays, generator

__all__ = ["check_lift", "digest_of", "drawn_normals"]


def drawn_normals(seed: int, purpose: str, *shape: int) -> Float64[Tensor, "*shape"]:
    """Standard normal numbers, rounded to single precision.

    The last bits of a draw may hang on the machine's logarithm; rounding hides them, so that the
    digest is the same everywhere.
    """
    numbers = generator(seed, "lift", purpose).standard_normal(shape)
    return torch.from_numpy(numbers.astype(np.float32).astype(np.float64))


def digest_of(**numbers: Float64[Tensor, "..."]) -> str:
    """The name of what was drawn."""
    return digest_arrays({name: tensor.numpy() for name, tensor in numbers.items()})


def check_lift(*, width: int, bandwidth: float = 1.0) -> None:
    """Refuse a lift to nothing.

    Raises:
        ConfigError: unless the width is 1 or more and the bandwidth above 0.
    """
    if width < 1 or not bandwidth > 0:
        raise ConfigError(
            f"A lift gives 1 feature or more and has a bandwidth above 0; got width={width}, "
            f"bandwidth={bandwidth}."
        )

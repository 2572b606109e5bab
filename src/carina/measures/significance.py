"""How surprising a difference would be if there were none, in numbers a table can hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc, sqrt, ulp

import numpy as np
from jaxtyping import Float

from carina.core import Estimate, InvalidValue

__all__ = ["PValue", "PairedTest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PValue:
    """The chance of a difference at least as large, either way, where there is none in truth.

    Attributes:
        value: In (0, 1], or None where it is undefined.
        method: How it was made ("DeLong", "patient bootstrap, 1000 draws, 3 redrawn; Holm over 14").
        why_undefined: The reason, exactly where value is None.
    """

    value: float | None
    method: str = ""
    why_undefined: str | None = None

    def __post_init__(self) -> None:
        if (self.value is None) != (self.why_undefined is not None):
            raise InvalidValue("A p value has a value or the reason why it has none, not both.")
        if self.value is not None and not 0 < self.value <= 1:
            raise InvalidValue(f"A p value lies in (0, 1]; got {self.value}.")

    def __str__(self) -> str:
        """The value: ``p = 0.031``, ``p < 0.001``."""
        if self.value is None:
            return f"undefined ({self.why_undefined})"
        return "p < 0.001" if self.value < 0.001 else f"p = {self.value:.3f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedTest:
    """What two readers of the same images differ by, and how surprising that is.

    Attributes:
        difference: First less second, with its 95 % interval.
        p: Two-sided, of no difference.
    """

    difference: Estimate
    p: PValue


def of_draws(draws: Float[np.ndarray, " draws"], method: str) -> PValue:
    """Two-sided, from draws of a difference: how far out 0 lies among them.

    p = 2 min(#(draw <= 0) + 1, #(draw >= 0) + 1) / (draws + 1), and 1 at most: the level at which
    the percentile interval begins to hold 0. The data count as one draw more on either side, so p
    is never 0, and 2 / (draws + 1) at least.

    Source: Davison and Hinkley, Bootstrap Methods and their Application 1997, section 4.2 (the one
    added); Efron and Tibshirani 1993, section 15.4 (interval and test).
    """
    fewer = min(int((draws <= 0).sum()), int((draws >= 0).sum())) + 1
    return PValue(value=min(1.0, 2 * fewer / (len(draws) + 1)), method=method)


def of_normal(z: float, method: str) -> PValue:
    """Two-sided, from a standard normal deviate; the least number above 0 where it is smaller yet."""
    return PValue(value=max(erfc(abs(z) / sqrt(2)), ulp(0.0)), method=method)


def defined_values(values: Sequence[PValue]) -> Float[np.ndarray, " tests"]:
    """The values, NaN where one is undefined."""
    return np.array([np.nan if one.value is None else one.value for one in values])

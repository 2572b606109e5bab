"""P values of many findings looked at together; undefined ones stay so and do not count."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from carina.measures.significance import PValue, defined_values

__all__ = ["benjamini_hochberg", "holm"]


def holm(values: Sequence[PValue]) -> tuple[PValue, ...]:
    """Adjusted so that one false alarm among all of them has a chance of at most their level.

    In rising order p(1) <= ... <= p(m), the k-th becomes max over j <= k of (m - j + 1) p(j), and
    1 at most. It holds whatever the findings have to do with each other.

    Source: Holm, Scandinavian Journal of Statistics 1979.
    """

    def stepped_down(rising: np.ndarray) -> np.ndarray:
        return np.maximum.accumulate(np.arange(len(rising), 0, -1) * rising)

    return _adjusted(values, stepped_down, "Holm")


def benjamini_hochberg(values: Sequence[PValue]) -> tuple[PValue, ...]:
    """Adjusted so that of those at most a level, a share of at most that level is false on average.

    In rising order p(1) <= ... <= p(m), the k-th becomes min over j >= k of m p(j) / j. It holds
    where the tests are independent or rise together.

    Source: Benjamini and Hochberg, Journal of the Royal Statistical Society B 1995; Benjamini and
    Yekutieli, Annals of Statistics 2001 (dependence).
    """

    def stepped_up(rising: np.ndarray) -> np.ndarray:
        scaled = len(rising) * rising / np.arange(1, len(rising) + 1)
        return np.minimum.accumulate(scaled[::-1])[::-1]

    return _adjusted(values, stepped_up, "Benjamini-Hochberg")


def _adjusted(
    values: Sequence[PValue],
    step: Callable[[Float[np.ndarray, " tests"]], Float[np.ndarray, " tests"]],
    name: str,
) -> tuple[PValue, ...]:
    plain = defined_values(values)
    there = np.flatnonzero(~np.isnan(plain))
    order = there[np.argsort(plain[there], kind="stable")]
    adjusted = plain.copy()
    adjusted[order] = np.minimum(step(plain[order]), 1.0)
    return tuple(
        one
        if one.value is None
        else replace(one, value=float(new), method=f"{one.method}; {name} over {len(there)}")
        for one, new in zip(values, adjusted, strict=True)
    )

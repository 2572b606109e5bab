"""Shares of the films with masks: the smaller within the larger, a patient's films together.

A mask is drawn film by film, so a share is of films, and 1 % of 212 is 2 of them; the shares of
`carina.streams.nested_shares` are of patients, who may have one film or six.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Int

from carina.core import InvalidValue

__all__ = ["nested_films"]


def nested_films(
    patients: Int[np.ndarray, " films"], shares: Sequence[float], rng: np.random.Generator
) -> Mapping[float, Int[np.ndarray, " some"]]:
    """Places of the films of each share, one film or more, in order.

    Patients are put in a random order with their films together, and a share is the beginning of
    it: at most one patient is cut, and what a smaller share has a larger one has too.

    Args:
        patients: Whose each film is.
        shares: Above 0 and up to 1.
        rng: Draws the order.

    Raises:
        InvalidValue: where there is no film.
    """
    if not len(patients):
        raise InvalidValue("A share is of one film or more; got none.")
    here, code = np.unique(patients, return_inverse=True)
    order = np.lexsort((rng.random(len(patients)), rng.permutation(len(here))[code]))
    return {
        share: np.sort(order[: max(1, round(share * len(patients)))])
        for share in dict.fromkeys(shares)
    }

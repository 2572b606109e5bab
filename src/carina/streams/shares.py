"""Ever smaller shares of the labelled films, each within the one before: 100, 10 and 1 % of labels.

What patients show is kept alike by iterative stratification (Sechidis, Tsoumakas and Vlahavas, "On
the Stratification of Multi-Label Data", ECML PKDD 2011): the finding with the fewest patients left is
dealt out first, each of its patients to the side that still lacks most of it. Patients are dealt, not
films, so nobody is on both sides.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from carina.core import InvalidValue

__all__ = ["nested_shares"]


def nested_shares(
    patients: Int[np.ndarray, " rows"],
    present: Bool[np.ndarray, "rows labels"],
    shares: Sequence[float],
    *,
    rng: np.random.Generator,
) -> dict[float, Int[np.ndarray, " some"]]:
    """Places of the rows of every share, in order; each share's patients are among the larger's.

    Args:
        patients: Whose each row is.
        present: Whether it is known to show each finding; a patient shows what any film does.
        shares: Of the patients, above 0 and up to 1.
        rng: Where ties and the dealing's order come from.

    Raises:
        InvalidValue: for a share out of range, or one that is less than one patient.
    """
    codes, whose = np.unique(patients, return_inverse=True)
    if not shares or not all(0 < share <= 1 for share in shares):
        raise InvalidValue(f"Shares are above 0 and up to 1, one or more; got {list(shares)}.")
    if round(min(shares) * len(codes)) < 1:
        raise InvalidValue(
            f"A share of {min(shares):g} of {len(codes)} patient(s) is nobody; the smallest that "
            f"holds one is {1 / len(codes):.2g}."
        )
    shows = np.zeros((len(codes), present.shape[1] + 1), dtype=bool)
    np.logical_or.at(shows[:, :-1], whose, present)
    shows[:, -1] = ~shows[:, :-1].any(axis=1)  # nothing at all is dealt out evenly too
    kept = np.arange(len(codes))
    found = {}
    for share in sorted(set(shares), reverse=True):
        wanted = round(share * len(codes))
        if wanted < len(kept):
            kept = kept[_dealt(shows[kept], wanted, rng)]
        found[share] = np.flatnonzero(np.isin(whose, kept))
    return found


def _dealt(
    shows: Bool[np.ndarray, "patients labels"], wanted: int, rng: np.random.Generator
) -> Bool[np.ndarray, " patients"]:
    """Which patients are dealt to a side of so many."""
    part = np.array([wanted, len(shows) - wanted]) / len(shows)
    lacks: Float[np.ndarray, "sides labels"] = part[:, None] * shows.sum(axis=0)
    room = np.array([wanted, len(shows) - wanted])
    side, left = np.full(len(shows), -1), np.ones(len(shows), dtype=bool)
    while left.any():
        counts = shows[left].sum(axis=0)
        rarest = int(np.where(counts > 0, counts, len(shows) + 1).argmin())
        for patient in rng.permutation(np.flatnonzero(left & shows[:, rarest])):
            order = np.lexsort((rng.random(2), -room / part, -lacks[:, rarest], room == 0))
            to = int(order[0])
            side[patient], left[patient] = to, False
            room[to] -= 1
            lacks[to] -= shows[patient]
    first: np.ndarray = side == 0
    return first

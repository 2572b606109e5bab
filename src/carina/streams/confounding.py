"""How well the site alone tells a finding: what a reader could answer without looking at lungs."""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int

from carina.core import Estimate
from carina.measures import delong
from carina.streams.experience import Experience
from carina.streams.stream import Ground

__all__ = ["site_given_label", "tells", "with_confounding"]

_TELLING = 0.6  # AUROC of the site alone, at the lower end of its interval
_FOLDS = 5
_FEWEST = 5  # patients of either class: fewer stand at one site by chance


def site_given_label(
    sites: Int[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    patients: Int[np.ndarray, " images"],
) -> Estimate:
    """AUROC for a finding of a reader who knows the site and nothing else.

    The score of an image is the rank of its site by the share of positives among patients of other
    folds, so a finding that has nothing to do with the site comes out at about 0.5, and not above
    it by having looked. Unlike measures of association, such as Cramer's V, it can be held against
    the AUROC of the reader itself. The interval is DeLong's, of patients; all is undefined where
    there are fewer than five with the finding or without.

    Args:
        sites: A number for the site of each image.
        target: Whether the finding is present.
        patients: A number for the patient of each image.
    """
    patients = np.unique(patients, return_inverse=True)[1]
    fewest = min(np.count_nonzero(np.bincount(patients[one])) for one in (target, ~target))
    if fewest < _FEWEST:
        return Estimate.undefined(
            f"{fewest} patient(s) of one class: too few to tell",
            n=len(target),
            positives=int(target.sum()),
            patients=int(patients.max()) + 1,
        )
    return delong(_rank_elsewhere(sites, target, patients % _FOLDS), target, patients)


def tells(estimate: Estimate) -> bool:
    """Whether the site alone tells a finding well enough to be warned of.

    Where it tells without a single error there is no interval, and the value decides.
    """
    lower = estimate.value if estimate.low is None else estimate.low
    return lower is not None and lower > _TELLING


def with_confounding(experience: Experience, ground: Ground) -> Experience:
    """The experience with what its sites tell of its findings, and a mark where that is much."""
    names = np.array([ground.sites[row] for row in experience.rows] if ground.sites else [])
    if experience.retracts or len(set(names[names != ""])) < 2:
        return experience
    target, known = ground.told(
        experience.rows, experience.visible, cells=experience.cells, flipped=experience.flipped
    )
    codes = np.unique(names, return_inverse=True)[1]
    found = {}
    for column, finding in enumerate(experience.visible):
        rows = known[:, column] & (names != "")
        if target[rows, column].any() and not target[rows, column].all():
            found[finding] = site_given_label(
                codes[rows], target[rows, column], ground.patients[experience.rows][rows]
            )
    marks = [f"the site tells {finding}" for finding, own in found.items() if tells(own)]
    return replace(
        experience,
        confounding=found,
        marks=tuple(dict.fromkeys((*experience.marks, *marks))),
    )


def _rank_elsewhere(
    sites: Int[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    fold: Int[np.ndarray, " images"],
) -> Float[np.ndarray, " images"]:
    """For each image the rank of its site by the share of positives in other folds.

    Ranks, since shares of two folds differ a little, and one fold's sites would be ranked against
    another's. A site that is in no other fold stands in the middle.
    """
    score = np.empty(len(sites))
    for part in np.unique(fold):
        mine = fold == part
        seen = np.bincount(sites[~mine], minlength=sites.max() + 1)
        positive = np.bincount(sites[~mine], weights=target[~mine], minlength=sites.max() + 1)
        share = positive[seen > 0] / seen[seen > 0]
        below, upto = (np.searchsorted(np.sort(share), share, side=s) for s in ("left", "right"))
        rank = np.full(len(seen), 0.5)
        rank[seen > 0] = (below + upto) / (2 * len(share))
        score[mine] = rank[sites[mine]]
    return score

"""Finding the images of a report, and the reports of an image, among all of unseen patients.

Each distinct report is asked once, however often it was written. What is searched stays as it is
while the patients who ask are resampled, so intervals say how the askers vary, not the searched.

Equal similarities are in no order: a hit is worth its chance under a random one, so constant
similarities score exactly chance, and coarse ones, such as an oracle's, are neither lucky nor not.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import gammaln

from carina.core import Estimate, InvalidValue
from carina.measures import PatientResamples, Size, resample_patients

__all__ = ["Direction", "Retrieval", "judge_retrieval", "likeness_of_findings"]

_DEPTHS = (1, 5, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """How well askers find what belongs to them.

    Attributes:
        recall: Depth ("1", "5", "10") -> share of askers with something of theirs that high.
        median_rank: Of the first that is theirs, from 1.
        chance: The same shares where order is random.
        chance_rank: The median rank where order is random.
        searched: How many each looks through.
    """

    recall: Mapping[str, Estimate]
    median_rank: Estimate
    chance: Mapping[str, float]
    chance_rank: float
    searched: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieval:
    """Both ways."""

    text_to_image: Direction
    image_to_text: Direction


def judge_retrieval(
    similar: Float[np.ndarray, "texts images"],
    belongs: Bool[np.ndarray, "texts images"],
    *,
    text_patients: Int[np.ndarray, " texts"],
    image_patients: Int[np.ndarray, " images"],
    draws: int = 1000,
    rng: np.random.Generator,
) -> Retrieval:
    """Recall and median rank with patient-resampled intervals.

    Args:
        similar: Of distinct texts with distinct images; NaN nowhere.
        belongs: What belongs together; something to each.
        text_patients: Whose each text is; of a text that several share, one of them.
        image_patients: Whose each image is.
        draws: Resamples of patients.
        rng: Where randomness comes from.

    Raises:
        InvalidValue: where nothing belongs to a text or an image, or a similarity is NaN.
    """
    if not (belongs.any(axis=1).all() and belongs.any(axis=0).all()):
        raise InvalidValue("Each text has an image and each image a text; one has none.")
    if np.isnan(similar).any():
        raise InvalidValue("Similarities are numbers; got NaN.")
    return Retrieval(
        text_to_image=_direction(similar, belongs, text_patients, draws, rng),
        image_to_text=_direction(similar.T, belongs.T, image_patients, draws, rng),
    )


def likeness_of_findings(
    texts: Bool[np.ndarray, "texts findings"], images: Bool[np.ndarray, "images findings"]
) -> Float[np.ndarray, "texts images"]:
    """Similarities of an oracle that knows the findings and nothing else: minus how many differ."""
    differ: np.ndarray = (texts[:, None] != images[None]).sum(axis=2)
    return -differ.astype(np.float64)


def _direction(
    similar: Float[np.ndarray, "askers searched"],
    belongs: Bool[np.ndarray, "askers searched"],
    patients: Int[np.ndarray, " askers"],
    draws: int,
    rng: np.random.Generator,
) -> Direction:
    best = np.where(belongs, similar, -np.inf).max(axis=1, keepdims=True)
    above = (similar > best).sum(axis=1)
    level = similar == best
    tied, own = level.sum(axis=1), (level & belongs).sum(axis=1)
    searched, theirs = np.full(len(similar), similar.shape[1]), belongs.sum(axis=1)
    nothing = np.zeros_like(above)
    resamples = resample_patients(patients, draws=draws, rng=rng)
    return Direction(
        recall={str(depth): _mean(_hits(above, tied, own, depth), resamples) for depth in _DEPTHS},
        median_rank=_median(above + (tied + 1) / (own + 1), resamples),
        chance={
            str(depth): float(_hits(nothing, searched, theirs, depth).mean()) for depth in _DEPTHS
        },
        chance_rank=float(np.median((searched + 1) / (theirs + 1))),
        searched=similar.shape[1],
    )


def _hits(
    above: Int[np.ndarray, " askers"],
    tied: Int[np.ndarray, " askers"],
    own: Int[np.ndarray, " askers"],
    depth: int,
) -> Float[np.ndarray, " askers"]:
    """The chance that one of one's own is among the first, ties in random order.

    Args:
        above: How many are surely before the first of one's own.
        tied: How many stand level with it, itself included.
        own: How many of those are one's own.
        depth: How many first ones are looked at.
    """
    picked = np.clip(depth - above, 0, tied)
    others = tied - own
    missed = np.zeros(len(above))
    may_miss = picked <= others
    n, k = others[may_miss], picked[may_miss]
    all_ways = _log_choose(tied[may_miss], k)
    missed[may_miss] = np.exp(_log_choose(n, k) - all_ways)
    return 1 - missed


def _log_choose(n: Int[np.ndarray, " some"], k: Int[np.ndarray, " some"]) -> np.ndarray:
    ways: np.ndarray = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return ways


def _mean(values: Float[np.ndarray, " askers"], resamples: PatientResamples) -> Estimate:
    weights = resamples.weights()
    return _estimate(float(values.mean()), weights @ values / weights.sum(axis=1), resamples)


def _median(values: Float[np.ndarray, " askers"], resamples: PatientResamples) -> Estimate:
    """Lower weighted medians: the least value that half of the askers do not exceed."""
    order = np.argsort(values)
    heaps = resamples.weights()[:, order].cumsum(axis=1)
    places = (2 * heaps >= heaps[:, -1:]).argmax(axis=1)
    middle = (len(values) - 1) // 2
    return _estimate(float(values[order][middle]), values[order][places], resamples)


def _estimate(
    value: float, drawn: Float[np.ndarray, " draws"], resamples: PatientResamples
) -> Estimate:
    size = Size(n=len(resamples.patient), positives=0, patients=resamples.patients)
    if resamples.patients < 2:
        return size.estimate(value, "no interval: one patient only")
    return size.between(value, drawn, f"patient bootstrap, {resamples.draws} draws, 0 redrawn")

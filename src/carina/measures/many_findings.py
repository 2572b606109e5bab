"""Decisions on many findings at once: precision, recall and F1, averaged or pooled.

The letters are the field's: C for a mean over findings (classes), O for all cells pooled (overall),
P for precision, R for recall, which is sensitivity. A finding without a known positive has no
recall and is left out of C; its cells count in O, where they can only be false alarms. Where
nothing is flagged precision is 0, as in `precision`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from jaxtyping import Bool, Float, Num

from carina.core import Estimate, InvalidValue
from carina.measures.bootstrap import HOPELESS, Size, bootstrapped, must_fit
from carina.measures.ranking import average_precision
from carina.measures.resample import PatientResamples
from carina.measures.weights import Weights, ratio

__all__ = [
    "MultiLabel",
    "mean_average_precision",
    "multilabel",
    "multilabel_difference",
    "multilabel_interval",
    "weighted_multilabel",
]

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiLabel(Generic[T]):
    """The six measures of decisions on many findings; numbers, draws or estimates.

    Attributes:
        cp: Mean of the findings' precision.
        cr: Mean of the findings' recall.
        cf1: Harmonic mean of cp and cr. The mean of the findings' F1 is another number: `macro`.
        op: Precision over all known cells.
        or_: Recall over all known cells.
        of1: Harmonic mean of op and or_, which is F1 over all known cells.
    """

    cp: T
    cr: T
    cf1: T
    op: T
    or_: T
    of1: T

    def mapped(self, to: Callable[[T], U]) -> "MultiLabel[U]":
        """The same six of something else."""
        return MultiLabel(
            cp=to(self.cp),
            cr=to(self.cr),
            cf1=to(self.cf1),
            op=to(self.op),
            or_=to(self.or_),
            of1=to(self.of1),
        )


def multilabel(
    predicted: Bool[np.ndarray, "images findings"],
    target: Bool[np.ndarray, "images findings"],
    known: Bool[np.ndarray, "images findings"],
) -> MultiLabel[float]:
    """CP, CR, CF1, OP, OR and OF1 of decisions, over known cells.

    Raises:
        InvalidValue: where no known cell is positive.

    Source: as the literature on multi-label recognition reports them; Zhu et al., CVPR 2017, give
    CF1 and OF1 as harmonic means of the averaged precision and recall.
    """
    if not (target & known).any():
        raise InvalidValue(f"Recall needs a known positive cell; none among {int(known.sum())}.")
    return _six(_counts(predicted, target, known, Weights.once(len(target)))).mapped(
        lambda row: float(row[0])
    )


def weighted_multilabel(
    predicted: Bool[np.ndarray, "images findings"],
    target: Bool[np.ndarray, "images findings"],
    known: Bool[np.ndarray, "images findings"],
    weights: Num[np.ndarray, "draws images"],
) -> MultiLabel[np.ndarray]:
    """`multilabel` in each of many draws, NaN where a draw has no known positive cell.

    C runs over the findings with a positive in the draw.

    Raises:
        InvalidValue: where a weight is negative or not finite.
    """
    return _six(_counts(predicted, target, known, Weights.of(weights)))


def multilabel_interval(
    predicted: Bool[np.ndarray, "images findings"],
    target: Bool[np.ndarray, "images findings"],
    resamples: PatientResamples,
    *,
    known: Bool[np.ndarray, "images findings"] | None = None,
) -> MultiLabel[Estimate]:
    """`multilabel` with 95 % intervals; all six share each draw.

    As in `macro`, a draw in which a finding has lost its positives is drawn again; where fewer than
    one draw in fifty keeps them all, C of a draw runs over the findings that have some in it.
    `n` and `positives` count cells.

    Args:
        predicted: Whether the finding is flagged, one column a finding.
        target: Whether it is present.
        resamples: Draws of the patients of these images.
        known: Whether the finding is known in an image; by default in all.

    Raises:
        Mismatch: where the resamples are of other images.
    """
    known = np.ones_like(target) if known is None else known
    read = _Readers(readers=(predicted,), target=target, known=known, resamples=resamples)
    return read.estimates(lambda draws: draws[0])


def multilabel_difference(
    first: Bool[np.ndarray, "images findings"],
    second: Bool[np.ndarray, "images findings"],
    target: Bool[np.ndarray, "images findings"],
    resamples: PatientResamples,
    *,
    known: Bool[np.ndarray, "images findings"] | None = None,
) -> MultiLabel[Estimate]:
    """`multilabel` of the first less that of the second, paired: both in the same draws.

    Args:
        first: Decisions of one reader, one column a finding.
        second: The other's, of the same images and findings.
        target: Whether the finding is present.
        resamples: Draws of the patients of these images.
        known: Whether the finding is known in an image; by default in all.

    Raises:
        Mismatch: where the resamples are of other images.
    """
    known = np.ones_like(target) if known is None else known
    read = _Readers(readers=(first, second), target=target, known=known, resamples=resamples)
    return read.estimates(lambda draws: draws[0] - draws[1])


def mean_average_precision(
    scores: Float[np.ndarray, "images findings"],
    target: Bool[np.ndarray, "images findings"],
    known: Bool[np.ndarray, "images findings"],
) -> float:
    """mAP: the mean of `average_precision` over the findings with a known positive and negative.

    A finding without a negative would have 1 whatever its scores. Its interval is `macro`'s of
    ``average_precision``.

    Raises:
        InvalidValue: where no finding has both classes, or a score is not finite.
    """
    columns = [
        (column[seen], cells[seen])
        for column, cells, seen in zip(scores.T, target.T, known.T, strict=True)
    ]
    both = [average_precision(*one) for one in columns if one[1].any() and not one[1].all()]
    if not both:
        raise InvalidValue(f"mAP needs a finding with both classes; none of {len(columns)}.")
    return float(np.mean(both))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Readers:
    """Decisions of one reader or two, and what is needed to draw them again."""

    readers: tuple[Bool[np.ndarray, "images findings"], ...]
    target: Bool[np.ndarray, "images findings"]
    known: Bool[np.ndarray, "images findings"]
    resamples: PatientResamples

    def __post_init__(self) -> None:
        must_fit(self.resamples, len(self.target))

    def estimates(self, combined: Callable[[list[np.ndarray]], np.ndarray]) -> MultiLabel[Estimate]:
        """What the readers' six come to, with intervals."""
        size = Size.of(self.target, self.known, self.resamples.patient)
        positive = (self.target & self.known).any(axis=0)
        if not positive.any() or size.patients < 2:
            why = "one patient only: nothing to resample" if positive.any() else "no positive cell"
            undefined = size.undefined(why)
            return MultiLabel(
                cp=undefined,
                cr=undefined,
                cf1=undefined,
                op=undefined,
                or_=undefined,
                of1=undefined,
            )
        weights, redrawn = self._settled(positive)
        whole, drawn = (
            [_six(_counts(one, self.target, self.known, each)) for one in self.readers]
            for each in (Weights.once(len(self.target)), weights)
        )
        count = f"{int(positive.sum())} of {len(positive)} findings have positives"
        paired = "paired " if len(self.readers) > 1 else ""

        def estimate(name: str) -> Estimate:
            value = combined([getattr(one, name) for one in whole])
            draws = combined([getattr(one, name) for one in drawn])
            return size.between(float(value[0]), draws, f"{count}, {paired}{redrawn}")

        return MultiLabel(cp="cp", cr="cr", cf1="cf1", op="op", or_="or_", of1="of1").mapped(
            estimate
        )

    def _settled(self, positive: Bool[np.ndarray, " findings"]) -> tuple[Weights, str]:
        """Draws that hold a positive of each finding that has one, or of some where few do."""
        cells = (self.target & self.known)[:, positive].T

        def held(weights: Weights) -> np.ndarray:
            return weights.totals(*cells) > 0

        here = held(self.resamples.drawn())
        every = int(here.all(axis=0).sum()) * HOPELESS >= self.resamples.draws
        enough = np.all if every else np.any
        weights, discarded = self.resamples.settled(
            enough(here, axis=0), lambda drawn: enough(held(drawn), axis=0)
        )
        method = bootstrapped(self.resamples.draws, discarded)
        return weights, method if every else f"{method}, C over the findings with positives in it"


def _counts(
    predicted: Bool[np.ndarray, "images findings"],
    target: Bool[np.ndarray, "images findings"],
    known: Bool[np.ndarray, "images findings"],
    weights: Weights,
) -> Float[np.ndarray, "3 findings draws"]:
    """True positives, flagged and positive cells of each finding, in each draw."""
    cells = np.stack([predicted & target & known, predicted & known, target & known])
    totals = weights.totals(*cells.transpose(0, 2, 1).reshape(-1, len(target)))
    return totals.reshape(3, target.shape[1], -1)


def _six(counts: Float[np.ndarray, "3 findings draws"]) -> MultiLabel[np.ndarray]:
    """The measures of each draw, NaN where it has no positive cell."""
    hits, flagged, positive = counts
    has = positive > 0
    number = has.sum(axis=0).astype(np.float64)
    shares = [_share(hits, below) for below in (flagged, positive)]
    cp, cr = (ratio(np.where(has, share, 0.0).sum(axis=0), number) for share in shares)
    pooled = [_share(hits.sum(axis=0), below.sum(axis=0)) for below in (flagged, positive)]
    op, or_ = (np.where(number > 0, share, np.nan) for share in pooled)
    return MultiLabel(cp=cp, cr=cr, cf1=_harmonic(cp, cr), op=op, or_=or_, of1=_harmonic(op, or_))


def _share(
    above: Float[np.ndarray, "*cells"], below: Float[np.ndarray, "*cells"]
) -> Float[np.ndarray, "*cells"]:
    """A share, 0 where there is nothing to have a share of."""
    return above / np.where(below > 0, below, 1.0)


def _harmonic(
    one: Float[np.ndarray, " draws"], other: Float[np.ndarray, " draws"]
) -> Float[np.ndarray, " draws"]:
    return _share(2 * one * other, one + other)

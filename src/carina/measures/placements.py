"""Variance of AUROCs without resampling, from how each image is placed among the others.

The placement of a positive is the share of negatives it outscores, that of a negative the share of
positives that outscore it, ties half. Placements are found by sorting, in time images log(images),
as in Sun and Xu, IEEE Signal Processing Letters 2014.

Images of one patient agree: with patients given, placements are summed by patient before they are
squared (Obuchowski, Biometrics 1997). With one image a patient that is DeLong's variance to the
last term. Intervals take the normal quantile, and so are a little short where positives are few.
"""

from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from carina.core import Estimate
from carina.measures.bootstrap import Size, why_undefined
from carina.measures.ranking import must_be_finite
from carina.measures.significance import PairedTest, PValue, of_normal

__all__ = ["delong", "delong_test"]

_Z = 1.959963984540054  # 97.5th percentile of the standard normal distribution


def delong(
    scores: Float[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    patients: Int[np.ndarray, " images"] | None = None,
    *,
    known: Bool[np.ndarray, " images"] | None = None,
    scale: Literal["logit", "plain"] = "logit",
) -> Estimate:
    """AUROC with DeLong's 95 % interval, of patients where they are given.

    On the logit scale the ends are logistic(logit(A) -+ 1.96 se / (A (1 - A))): they stay in
    (0, 1), and hold the truth more often where AUROC is high or positives are few (of two normals
    at A = 0.85 with 10 positives and 240 negatives 91 times in 100, plain 87). ``plain`` is
    A -+ 1.96 se, cut at 0 and 1, as most software prints it.

    There is no interval where a class has fewer than two patients, or where placements do not vary,
    as when every positive outscores every negative.

    Args:
        scores: One an image.
        target: Whether the finding is present.
        patients: A number for the patient of each image; by default each image has its own.
        known: Whether the finding is known in an image; by default in all.
        scale: Where the interval is symmetric.

    Raises:
        InvalidValue: where a score is not finite.

    Source: DeLong, DeLong and Clarke-Pearson, Biometrics 1988; Obuchowski, Biometrics 1997; logit:
    Pepe, The Statistical Evaluation of Medical Tests 2003, section 5.2.
    """
    seen = _Placed.of((scores,), target, patients, known)
    if seen.why_undefined:
        return seen.size.undefined(seen.why_undefined)
    area, error = float(seen.areas[0]), seen.error(np.ones(1))
    if not error:
        why = seen.why_no_variance or "the placements show no variance"
        return seen.size.estimate(area, f"{seen.method}, no interval: {why}")
    reach = _Z * error
    if scale == "plain":
        low, high = max(0.0, area - reach), min(1.0, area + reach)
    else:
        middle, reach = log(area / (1 - area)), reach / (area * (1 - area))
        low, high = (1 / (1 + exp(-end)) for end in (middle - reach, middle + reach))
    return seen.size.estimate(area, f"{seen.method}, {scale} scale", low=low, high=high)


def delong_test(
    first: Float[np.ndarray, " images"],
    second: Float[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    patients: Int[np.ndarray, " images"] | None = None,
    *,
    known: Bool[np.ndarray, " images"] | None = None,
) -> PairedTest:
    """The first AUROC less the second of the same images, its 95 % interval and p value.

    The interval is difference -+ 1.96 se, and p is 2 (1 - Phi(|difference| / se)). Two readers who
    rank alike differ by 0 for certain, and p is 1. There is no interval and no p value where a
    class has fewer than two patients, or two readers who rank otherwise show no variance.

    Args:
        first: Scores of one reader.
        second: Scores of the other.
        target: Whether the finding is present.
        patients: A number for the patient of each image; by default each image has its own.
        known: Whether the finding is known in an image; by default in all.

    Raises:
        InvalidValue: where a score is not finite.

    Source: DeLong, DeLong and Clarke-Pearson, Biometrics 1988; Obuchowski, Biometrics 1997.
    """
    gap = delong_gap(first, second, target, patients, known)
    if isinstance(gap, Estimate):
        return PairedTest(difference=gap, p=PValue(value=None, why_undefined=gap.why_undefined))
    if gap.error is None:
        p = PValue(value=None, why_undefined=gap.why_no_variance)
    elif gap.error:
        p = of_normal(gap.value / gap.error, gap.method)
    else:
        p = PValue(value=1.0, method=gap.method)
    return PairedTest(difference=gap.estimate(), p=p)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeLongGap:
    """A difference of two AUROCs and its standard error, or the reason why it has none."""

    value: float
    error: float | None
    size: Size
    method: str
    why_no_variance: str | None

    def estimate(self) -> Estimate:
        """With its 95 % interval, where there is one."""
        if self.error is None:
            return self.size.estimate(
                self.value, f"{self.method}, no interval: {self.why_no_variance}"
            )
        low, high = self.value - _Z * self.error, self.value + _Z * self.error
        return self.size.estimate(self.value, self.method, low=low, high=high)


def delong_gap(
    first: Float[np.ndarray, " images"],
    second: Float[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    patients: Int[np.ndarray, " images"] | None,
    known: Bool[np.ndarray, " images"] | None,
) -> DeLongGap | Estimate:
    """The first AUROC less the second; an undefined estimate where there is none."""
    seen = _Placed.of((first, second), target, patients, known)
    if seen.why_undefined:
        return seen.size.undefined(seen.why_undefined)
    error: float | None = seen.error(np.array([1.0, -1.0]))
    why = None
    if not error and not seen.rank_alike:
        error = None
        why = (
            seen.why_no_variance
            or "the readers rank otherwise, and the placements show no variance"
        )
    return DeLongGap(
        value=float(seen.areas[0] - seen.areas[1]),
        error=error,
        size=seen.size,
        method=f"paired {seen.method}",
        why_no_variance=why,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Placed:
    """The placements of the known images by each of some readers.

    Attributes:
        placements: Share of the other class that an image is on the right side of.
        target: The images' outcomes.
        patient: Their patients, from 0 without gaps.
        size: What is measured on.
        method: "DeLong", or Obuchowski's form of it.
        rank_alike: Whether all readers put the images in one order.
        why_undefined: Why there is no AUROC, or None.
    """

    placements: Float[np.ndarray, "readers seen"]
    target: Bool[np.ndarray, " seen"]
    patient: Int[np.ndarray, " seen"]
    size: Size
    method: str
    rank_alike: bool
    why_undefined: str | None

    @classmethod
    def of(
        cls,
        scores: tuple[Float[np.ndarray, " images"], ...],
        target: Bool[np.ndarray, " images"],
        patients: Int[np.ndarray, " images"] | None,
        known: Bool[np.ndarray, " images"] | None,
    ) -> "_Placed":
        known = np.ones_like(target) if known is None else known
        whose = np.arange(len(target)) if patients is None else patients
        seen = [each[known] for each in scores]
        why = why_undefined((True, False), target[known], np.arange(int(known.sum())))
        ranks = [np.unique(each, return_inverse=True)[1] for each in seen]
        return cls(
            placements=np.stack(
                [np.zeros(len(each)) if why else _placements(each, target[known]) for each in seen]
            ),
            target=target[known],
            patient=np.unique(whose[known], return_inverse=True)[1],
            size=Size.of(target, known, whose),
            method="DeLong" if patients is None else "DeLong by patient (Obuchowski)",
            rank_alike=all(np.array_equal(ranks[0], rank) for rank in ranks),
            why_undefined=why,
        )

    @property
    def areas(self) -> Float[np.ndarray, " readers"]:
        """AUROC of each reader."""
        return np.asarray(self.placements[:, self.target].mean(axis=1))

    @property
    def why_no_variance(self) -> str | None:
        """Why there is no variance, or None."""
        for kind in (True, False):
            if len(np.unique(self.patient[self.target == kind])) < 2:
                return f"one patient with a {'positive' if kind else 'negative'} image"
        return None

    def error(self, contrast: Float[np.ndarray, " readers"]) -> float:
        """Standard error of a sum of AUROCs, each times a number; 0 where nothing varies.

        With D the placements less their AUROC, summed over the positives (D+) and the negatives
        (D-) of each of I patients, of whom I+ have a positive and I- a negative:

            I+ / (I+ - 1) sum (D+ / n+)^2 + I- / (I- - 1) sum (D- / n-)^2
                + 2 I / (I - 1) sum (D+ / n+) (D- / n-)
        """
        if self.why_no_variance:
            return 0.0
        off = contrast @ (self.placements - self.areas[:, None])
        sums, patients = [], []
        for kind in (True, False):
            here = self.target == kind
            held = np.bincount(self.patient, weights=here)
            sums.append(np.bincount(self.patient, weights=off * here) / here.sum())
            patients.append(int((held > 0).sum()))
        (one, other), every = sums, len(sums[0])
        variance = (
            patients[0] / (patients[0] - 1) * (one @ one)
            + patients[1] / (patients[1] - 1) * (other @ other)
            + 2 * every / (every - 1) * (one @ other)
        )
        # rounding leaves 1e-17 and less where every placement is the same
        return sqrt(variance) if variance > 1e-15 else 0.0


def _placements(
    scores: Float[np.ndarray, " seen"], target: Bool[np.ndarray, " seen"]
) -> Float[np.ndarray, " seen"]:
    must_be_finite(scores)
    shares = np.empty(len(scores))
    for kind in (True, False):
        others = np.sort(scores[target != kind])
        here = scores[target == kind]
        below = np.searchsorted(others, here, "left") + np.searchsorted(others, here, "right")
        share = below / (2 * len(others))
        shares[target == kind] = share if kind else 1 - share
    return shares

"""Whether a reader is not worse than another by more than a margin, and how sure that is."""

from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from carina.core import Estimate, InvalidValue
from carina.measures.paired import gap_between
from carina.measures.placements import delong_gap
from carina.measures.resample import PatientResamples
from carina.measures.tables import WAYS, Measure

__all__ = ["NonInferiority", "Verdict", "noninferiority", "noninferiority_by_delong"]

Verdict = Literal["passed", "failed", "cannot tell"]
"""``passed``: not worse by the margin; ``failed``: worse by more; ``cannot tell``: either may be."""

_Z_ONE_SIDED = 1.6448536269514722  # 95th percentile of the standard normal distribution
_Z_POWER = 0.8416212335729143  # 80th percentile


@dataclass(frozen=True, slots=True, kw_only=True)
class NonInferiority:
    """What a one-sided test of non-inferiority comes to.

    Attributes:
        difference: The new reader less the old, with its two-sided 95 % interval.
        margin: How much worse is not yet worse.
        lower: One-sided 95 % bound below; None where there is none.
        upper: One-sided 95 % bound above.
        verdict: ``passed`` where lower >= -margin, ``failed`` where upper < -margin.
        further_positives: Where the verdict is ``cannot tell``: how many positives more would let
            a reader who is as good as the old one pass four times in five. None where that cannot
            be said, and where there are as many already: then the difference itself lies near the
            margin.
    """

    difference: Estimate
    margin: float
    lower: float | None
    upper: float | None
    verdict: Verdict
    further_positives: int | None

    def __str__(self) -> str:
        """The verdict, the bound it rests on, and what is missing."""
        if self.lower is None or self.upper is None:
            return f"{self.verdict} ({self.difference.why_undefined or self.difference.method})"
        bounds = f"[{self.lower:+.3f}, {self.upper:+.3f}] against -{self.margin:g}"
        missing = self.further_positives
        return f"{self.verdict}: {bounds}" + (f", {missing} more positives" if missing else "")


def noninferiority(
    new: Shaped[np.ndarray, "images findings"],
    old: Shaped[np.ndarray, "images findings"],
    target: Bool[np.ndarray, "images findings"],
    resamples: PatientResamples,
    *,
    margin: float,
    known: Bool[np.ndarray, "images findings"] | None = None,
    measure: Measure = "auroc",
) -> NonInferiority:
    """The new reader against the old by paired draws of patients, on the mean over findings.

    The bounds are the 5th and the 95th percentile of the draws. For the number of further
    positives the draws' standard deviation stands for the standard error.

    Args:
        new: Scores, or decisions, one column a finding.
        old: The other reader's, of the same images and findings.
        target: Whether the finding is present.
        resamples: Draws of the patients of these images.
        margin: Not negative.
        known: Whether the finding is known in an image; by default in all.
        measure: One of which more is better.

    Raises:
        InvalidValue: for a negative margin, a measure of which less is better, or values that are
            not what the measure takes.
        Mismatch: where the resamples are of other images.
    """
    _must_be_margin(margin)
    if WAYS[measure].smaller_is_better:
        better = [name for name, ways in WAYS.items() if not ways.smaller_is_better]
        raise InvalidValue(f"Less {measure} is better; take one of {', '.join(better)}.")
    gap = gap_between(measure, new, old, target, resamples, known)
    if isinstance(gap, Estimate):
        return _cannot_tell(gap, margin)
    error = float(np.std(gap.draws))
    if not error and not np.array_equal(new, old):
        size = gap.size
        why = f"{gap.method}, no interval: the draws do not vary"
        return _cannot_tell(size.estimate(gap.value, why), margin)
    lower, upper = np.quantile(gap.draws, [0.05, 0.95])
    return _judged(gap.estimate(), margin, float(lower), float(upper), error)


def noninferiority_by_delong(
    new: Float[np.ndarray, " images"],
    old: Float[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    patients: Int[np.ndarray, " images"] | None = None,
    *,
    margin: float,
    known: Bool[np.ndarray, " images"] | None = None,
) -> NonInferiority:
    """The new reader's AUROC against the old's, the bounds difference -+ 1.645 standard errors.

    Args:
        new: Scores, one an image.
        old: The other reader's, of the same images.
        target: Whether the finding is present.
        patients: A number for the patient of each image; by default each image has its own.
        margin: Not negative.
        known: Whether the finding is known in an image; by default in all.

    Raises:
        InvalidValue: for a negative margin, or where a score is not finite.

    Source: the standard error is `delong_test`'s.
    """
    _must_be_margin(margin)
    gap = delong_gap(new, old, target, patients, known)
    if isinstance(gap, Estimate):
        return _cannot_tell(gap, margin)
    if gap.error is None:
        return _cannot_tell(gap.estimate(), margin)
    reach = _Z_ONE_SIDED * gap.error
    return _judged(gap.estimate(), margin, gap.value - reach, gap.value + reach, gap.error)


def _must_be_margin(margin: float) -> None:
    if not margin >= 0:
        raise InvalidValue(
            f"A margin is how much worse is not yet worse, at least 0; got {margin}."
        )


def _cannot_tell(difference: Estimate, margin: float) -> NonInferiority:
    return NonInferiority(
        difference=difference,
        margin=margin,
        lower=None,
        upper=None,
        verdict="cannot tell",
        further_positives=None,
    )


def _judged(
    difference: Estimate, margin: float, lower: float, upper: float, error: float
) -> NonInferiority:
    verdict: Verdict = "cannot tell"
    if lower >= -margin:
        verdict = "passed"
    elif upper < -margin:
        verdict = "failed"
    further = _further(difference.positives, margin, error) if verdict == "cannot tell" else None
    return NonInferiority(
        difference=difference,
        margin=margin,
        lower=lower,
        upper=upper,
        verdict=verdict,
        further_positives=further,
    )


def _further(positives: int, margin: float, error: float) -> int | None:
    """Positives to add so that (1.645 + 0.842) standard errors fit into the margin.

    The standard error is taken to fall as one over the square root of the positives, negatives
    coming with them in proportion, and the true difference to be 0: 95 % one-sided, power 80 %.
    """
    if not margin:
        return None
    wanted = ceil(positives * ((_Z_ONE_SIDED + _Z_POWER) * error / margin) ** 2)
    return wanted - positives if wanted > positives else None

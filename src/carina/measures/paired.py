"""Two readers of the same images: their difference in the same draws of patients."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Shaped

from carina.core import Estimate
from carina.measures.bootstrap import Size
from carina.measures.resample import PatientResamples
from carina.measures.significance import PairedTest, PValue, of_draws
from carina.measures.tables import Measure, Table

__all__ = ["bootstrap_test", "brier_over_prevalence", "difference"]


def difference(
    measure: Measure,
    first: Shaped[np.ndarray, "images findings"],
    second: Shaped[np.ndarray, "images findings"],
    target: Bool[np.ndarray, "images findings"],
    resamples: PatientResamples,
    *,
    known: Bool[np.ndarray, "images findings"] | None = None,
) -> Estimate:
    """`macro` of the first less `macro` of the second, paired: both in the same draws.

    The first is not below the second by more than a margin where `low` is at least -margin: the
    lower end of a two-sided 95 % interval, and so a one-sided bound of 97.5 %.

    Args:
        measure: Which; see `Measure`.
        first: Scores, probabilities, or decisions (bool), one column a finding.
        second: The other reader's, of the same images and findings.
        target: Whether the finding is present.
        resamples: Draws of the patients of these images.
        known: Whether the finding is known in an image; by default in all.

    Raises:
        InvalidValue: where the values are not what the measure takes.
        Mismatch: where the resamples are of other images.
    """
    return bootstrap_test(measure, first, second, target, resamples, known=known).difference


def bootstrap_test(
    measure: Measure,
    first: Shaped[np.ndarray, "images findings"],
    second: Shaped[np.ndarray, "images findings"],
    target: Bool[np.ndarray, "images findings"],
    resamples: PatientResamples,
    *,
    known: Bool[np.ndarray, "images findings"] | None = None,
) -> PairedTest:
    """`difference` with the p value of its draws: two-sided, 2 / (draws + 1) at least.

    p = 2 min(#(draw <= 0) + 1, #(draw >= 0) + 1) / (draws + 1), and 1 at most. For many findings
    give one column at a time and adjust with `holm`.

    Args:
        measure: Which; see `Measure`.
        first: Scores, probabilities, or decisions (bool), one column a finding.
        second: The other reader's, of the same images and findings.
        target: Whether the finding is present.
        resamples: Draws of the patients of these images.
        known: Whether the finding is known in an image; by default in all.

    Raises:
        InvalidValue: where the values are not what the measure takes.
        Mismatch: where the resamples are of other images.

    Source: Davison and Hinkley, Bootstrap Methods and their Application 1997, section 4.2.
    """
    gap = gap_between(measure, first, second, target, resamples, known)
    if isinstance(gap, Estimate):
        why = gap.why_undefined
        return PairedTest(difference=gap, p=PValue(value=None, why_undefined=why))
    return PairedTest(difference=gap.estimate(), p=of_draws(gap.draws, gap.method))


def brier_over_prevalence(
    probabilities: Float[np.ndarray, "images findings"],
    prevalence: Float[np.ndarray, " findings"],
    target: Bool[np.ndarray, "images findings"],
    resamples: PatientResamples,
    *,
    known: Bool[np.ndarray, "images findings"] | None = None,
) -> Estimate:
    """Brier score of the probabilities less that of always answering the prevalence, paired.

    Below 0 the probabilities tell more than the prevalence does.

    Args:
        probabilities: One column a finding.
        prevalence: Of each finding, where its calibration map was fitted; not that of these images,
            which the map could not know.
        target: Whether the finding is present.
        resamples: Draws of the patients of these images.
        known: Whether the finding is known in an image; by default in all.

    Raises:
        InvalidValue: where a probability is outside [0, 1].
        Mismatch: where the resamples are of other images.
    """
    always = np.broadcast_to(prevalence.astype(np.float64), probabilities.shape)
    return difference("brier", probabilities, always, target, resamples, known=known)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gap:
    """A difference and its draws."""

    value: float
    draws: Float[np.ndarray, " draws"]
    size: Size
    method: str

    def estimate(self) -> Estimate:
        """With its two-sided 95 % interval."""
        return self.size.between(self.value, self.draws, self.method)


def gap_between(
    measure: Measure,
    first: Shaped[np.ndarray, "images findings"],
    second: Shaped[np.ndarray, "images findings"],
    target: Bool[np.ndarray, "images findings"],
    resamples: PatientResamples,
    known: Bool[np.ndarray, "images findings"] | None,
) -> Gap | Estimate:
    """The difference with its draws; an undefined estimate where there is none."""
    table = Table.of(measure, first, target, resamples, known)
    other = Table.of(measure, second, target, resamples, known)
    if not table.defined:
        return table.undefined(table.why_none())
    weights, method = table.settled()
    return Gap(
        value=table.mean_once() - other.mean_once(),
        draws=table.means(weights) - other.means(weights),
        size=table.size,
        method=f"{table.count()}, paired {method}",
    )

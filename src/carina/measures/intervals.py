"""Estimates: measures with 95 % percentile intervals from resampled patients.

A draw in which a measure is undefined, because a class is missing from it, is discarded and
drawn again, and the estimate's method says how often that happened.

The expected calibration error of a draw tends upwards, since a draw holds fewer different
patients than the data: its interval may lie wholly above its value.

Source: Efron and Tibshirani, An Introduction to the Bootstrap 1993, chapter 13.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Shaped

from carina.core import Estimate, InvalidValue, Mismatch
from carina.measures.calibration import (
    brier,
    brier_of,
    expected_calibration_error,
    expected_calibration_error_of,
)
from carina.measures.decisions import exact_match, f1, f1_of, matched, mean_of
from carina.measures.ranking import auroc, auroc_of, average_precision, average_precision_of
from carina.measures.resample import PatientResamples
from carina.measures.weights import Weights

__all__ = ["Measure", "difference", "exact_match_interval", "interval", "macro"]

Measure = Literal["auroc", "average_precision", "f1", "brier", "ece"]
"""``auroc`` and ``average_precision`` take scores, ``f1`` decisions, the rest probabilities."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ways:
    """A measure, the same over draws, and the classes it cannot be without."""

    once: Callable[[np.ndarray, np.ndarray], float]
    drawn: Callable[[np.ndarray, np.ndarray, Weights], np.ndarray]
    needs: tuple[bool, ...] = ()


_WAYS: dict[Measure, _Ways] = {
    "auroc": _Ways(once=auroc, drawn=auroc_of, needs=(True, False)),
    "average_precision": _Ways(
        once=average_precision, drawn=average_precision_of, needs=(True, False)
    ),
    "f1": _Ways(once=f1, drawn=f1_of, needs=(True,)),
    "brier": _Ways(once=brier, drawn=brier_of),
    "ece": _Ways(once=expected_calibration_error, drawn=expected_calibration_error_of),
}
_HOPELESS = 50  # times as many draws as wanted: more are not worth having every class in each


def interval(
    measure: Measure,
    values: Shaped[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    resamples: PatientResamples,
    *,
    known: Bool[np.ndarray, " images"] | None = None,
) -> Estimate:
    """A measure of one finding with its 95 % interval.

    Undefined, with the reason, where a class the measure needs is missing altogether or fewer
    than two patients have a known image.

    Args:
        measure: Which; see `Measure`.
        values: Scores, probabilities, or decisions (bool), one an image.
        target: Whether the finding is present.
        resamples: Draws of the patients of these images.
        known: Whether the finding is known in an image; by default in all.

    Raises:
        InvalidValue: where the values are not what the measure takes.
        Mismatch: where the resamples are of other images.
    """
    table = _Table.of(
        measure,
        values[:, None],
        target[:, None],
        resamples,
        None if known is None else known[:, None],
    )
    if why := table.why_undefined[0]:
        return table.undefined(why)
    weights, method = table.settled()
    return table.estimate(table.mean_once(), table.means(weights), method)


def macro(
    measure: Measure,
    values: Shaped[np.ndarray, "images findings"],
    target: Bool[np.ndarray, "images findings"],
    resamples: PatientResamples,
    *,
    known: Bool[np.ndarray, "images findings"] | None = None,
) -> Estimate:
    """The mean of a measure over findings with its 95 % interval; all share each draw.

    Findings in which the measure is undefined are left out, and the method says over how many of
    how many findings the mean runs. A draw in which any of these lacks a class is drawn again.
    Where fewer than one draw in fifty has every class (findings of a single positive patient),
    the mean of a draw runs over the findings defined in it instead, and the method says so.
    `n` and `positives` count cells of image and finding.

    Args:
        measure: Which; see `Measure`.
        values: Scores, probabilities, or decisions (bool), one column a finding.
        target: Whether the finding is present.
        resamples: Draws of the patients of these images.
        known: Whether the finding is known in an image; by default in all.

    Raises:
        InvalidValue: where the values are not what the measure takes.
        Mismatch: where the resamples are of other images.
    """
    table = _Table.of(measure, values, target, resamples, known)
    if not table.defined:
        return table.undefined(table.why_none())
    weights, method = table.settled()
    return table.estimate(table.mean_once(), table.means(weights), f"{table.count()}, {method}")


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
    table = _Table.of(measure, first, target, resamples, known)
    other = _Table.of(measure, second, target, resamples, known)
    if not table.defined:
        return table.undefined(table.why_none())
    weights, method = table.settled()
    return table.estimate(
        table.mean_once() - other.mean_once(),
        table.means(weights) - other.means(weights),
        f"{table.count()}, paired {method}",
    )


def exact_match_interval(
    predicted: Bool[np.ndarray, "images labels"],
    target: Bool[np.ndarray, "images labels"],
    known: Bool[np.ndarray, "images labels"],
    resamples: PatientResamples,
) -> Estimate:
    """`exact_match` with its 95 % interval.

    `n` counts the images with a known label, `positives` those of them with a present one.

    Raises:
        Mismatch: where the resamples are of other images.
    """
    # an image counts as one cell that is known where any label is, and right where all are
    right, counted = matched(predicted, target, known), np.any(known, axis=1)
    table = _Table.of(
        "brier",
        1.0 - right[:, None],
        np.any(target & known, axis=1)[:, None],
        resamples,
        counted[:, None],
    )
    if why := table.why_undefined[0]:
        return table.undefined(why)
    weights, method = table.settled()
    return table.estimate(
        exact_match(predicted, target, known),
        mean_of(right[counted], weights.only(counted)),
        method,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Table:
    """Columns of values of one measure, and what is needed to draw them again."""

    measure: Measure
    values: Shaped[np.ndarray, "images findings"]
    target: Bool[np.ndarray, "images findings"]
    known: Bool[np.ndarray, "images findings"]
    resamples: PatientResamples
    why_undefined: tuple[str | None, ...]

    @classmethod
    def of(
        cls,
        measure: Measure,
        values: Shaped[np.ndarray, "images findings"],
        target: Bool[np.ndarray, "images findings"],
        resamples: PatientResamples,
        known: Bool[np.ndarray, "images findings"] | None,
    ) -> "_Table":
        wanted, kind = ("decisions (bool)", "b") if measure == "f1" else ("numbers (float)", "f")
        if values.dtype.kind != kind:
            raise InvalidValue(f"{measure} takes {wanted}; got {values.dtype}.")
        if len(resamples.patient) != len(values):
            raise Mismatch(
                f"The resamples are of {len(resamples.patient)} images, the values of "
                f"{len(values)}. Make resamples from the patients of these images."
            )
        known = np.ones_like(target) if known is None else known
        why = tuple(
            _why_undefined(_WAYS[measure].needs, cells[seen], resamples.patient[seen])
            for cells, seen in zip(target.T, known.T, strict=True)
        )
        return cls(
            measure=measure,
            values=values,
            target=target,
            known=known,
            resamples=resamples,
            why_undefined=why,
        )

    @property
    def defined(self) -> list[int]:
        """The columns in which the measure is defined on all the data."""
        return [column for column, why in enumerate(self.why_undefined) if why is None]

    def mean_once(self) -> float:
        """The mean over the defined columns, on all the data."""
        once = _WAYS[self.measure].once
        return float(np.mean([once(*self._seen(column)) for column in self.defined]))

    def means(self, weights: Weights) -> Float[np.ndarray, " draws"]:
        """The mean over the defined columns in each draw, without those undefined there."""
        drawn = _WAYS[self.measure].drawn
        columns = [
            drawn(*self._seen(column), weights.only(self.known[:, column]))
            for column in self.defined
        ]
        return np.asarray(np.nanmean(np.stack(columns), axis=0))

    def settled(self) -> tuple[Weights, str]:
        """Draws in which the means are defined, and how they came to be."""
        usable = self._usable(self.resamples.drawn())
        every = int(np.all(usable, axis=0).sum()) * _HOPELESS >= self.resamples.draws
        enough = np.all if every else np.any
        weights, discarded = self.resamples.settled(
            enough(usable, axis=0), lambda drawn: enough(self._usable(drawn), axis=0)
        )
        method = f"patient bootstrap, {self.resamples.draws} draws, {discarded} redrawn"
        return weights, method if every else f"{method}, a draw's mean over findings defined in it"

    def estimate(self, value: float, draws: Float[np.ndarray, " draws"], method: str) -> Estimate:
        """The value between the 2.5th and the 97.5th percentile of its draws."""
        low, high = np.quantile(draws, [0.025, 0.975])
        n, positives, patients = self._size(self.defined)
        return Estimate(
            value=value,
            low=float(low),
            high=float(high),
            n=n,
            positives=positives,
            patients=patients,
            method=method,
        )

    def undefined(self, why: str) -> Estimate:
        """No value, and the reason."""
        n, positives, patients = self._size(list(range(self.known.shape[1])))
        return Estimate.undefined(why, n=n, positives=positives, patients=patients)

    def count(self) -> str:
        """Over how many findings the mean runs."""
        return f"mean of {len(self.defined)} of {len(self.why_undefined)} findings"

    def why_none(self) -> str:
        """Why there is no mean."""
        reasons = sorted({why for why in self.why_undefined if why})
        return (
            f"none of {len(self.why_undefined)} findings: {'; '.join(reasons) or 'there is none'}"
        )

    def _seen(self, column: int) -> tuple[np.ndarray, np.ndarray]:
        seen = self.known[:, column]
        return self.values[seen, column], self.target[seen, column]

    def _size(self, columns: list[int]) -> tuple[int, int, int]:
        """Known cells, positive ones, and patients they come from."""
        known, target = self.known[:, columns], self.target[:, columns]
        patients = np.unique(self.resamples.patient[np.any(known, axis=1)])
        return int(known.sum()), int((known & target).sum()), len(patients)

    def _usable(self, weights: Weights) -> Bool[np.ndarray, "defined draws"]:
        """Whether each draw holds a known image, and the classes needed, of each defined column."""
        needs = _WAYS[self.measure].needs
        known, target = self.known[:, self.defined].T, self.target[:, self.defined].T
        wanted = [known & (target == kind) for kind in needs] or [known]
        held = weights.totals(*np.concatenate(wanted)) > 0
        return np.asarray(np.all(held.reshape(len(wanted), len(known), -1), axis=0))


def _why_undefined(
    needs: tuple[bool, ...],
    target: Bool[np.ndarray, " seen"],
    patient: Shaped[np.ndarray, " seen"],
) -> str | None:
    if not len(target):
        return "no known image"
    for kind in needs:
        if not (target == kind).any():
            return f"no {'positive' if kind else 'negative'} image among {len(target)}"
    if len(np.unique(patient)) < 2:
        return "one patient only: nothing to resample"
    return None

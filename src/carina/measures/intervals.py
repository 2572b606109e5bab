"""Estimates: measures with 95 % percentile intervals from resampled patients.

A draw in which a measure is undefined, because a class is missing from it, is discarded and
drawn again, and the estimate's method says how often that happened.

The expected calibration error of a draw tends upwards, since a draw holds fewer different
patients than the data: its interval may lie wholly above its value.

Source: Efron and Tibshirani, An Introduction to the Bootstrap 1993, chapter 13.
"""

import numpy as np
from jaxtyping import Bool, Shaped

from carina.core import Estimate
from carina.measures.decisions import exact_match, matched, mean_of
from carina.measures.resample import PatientResamples
from carina.measures.tables import Measure, Table

__all__ = ["exact_match_interval", "interval", "macro"]


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
    table = Table.of(
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
    table = Table.of(measure, values, target, resamples, known)
    if not table.defined:
        return table.undefined(table.why_none())
    weights, method = table.settled()
    return table.estimate(table.mean_once(), table.means(weights), f"{table.count()}, {method}")


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
    table = Table.of(
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

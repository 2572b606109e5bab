"""Decision curves: what acting on a reader's answers is worth, in true positives an image."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from carina.core import Estimate, InvalidValue
from carina.measures.bootstrap import Seen
from carina.measures.calibration import must_be_probabilities
from carina.measures.resample import PatientResamples
from carina.measures.weights import Weights, ratio

__all__ = ["DecisionCurve", "decision_curve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionCurve:
    """Net benefit at each threshold probability; that of acting on nobody is 0.

    Attributes:
        thresholds: Probabilities from which somebody acts: a false alarm weighs t / (1 - t) of a
            finding found.
        reader: Net benefit of acting where the reader's probability reaches the threshold.
        treat_all: Net benefit of acting on everybody.
        gain: The reader less the better of acting on all and on nobody.
    """

    thresholds: tuple[float, ...]
    reader: tuple[Estimate, ...]
    treat_all: tuple[Estimate, ...]
    gain: tuple[Estimate, ...]


def decision_curve(
    probabilities: Float[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    resamples: PatientResamples,
    *,
    thresholds: Sequence[float],
    prevalence: float | None = None,
    known: Bool[np.ndarray, " images"] | None = None,
) -> DecisionCurve:
    """Net benefit over threshold probabilities with 95 % intervals by patient, all in the same draws.

    At threshold t, net benefit = TP / n - FP / n t / (1 - t). At a stated prevalence pi, TP / n
    becomes se pi and FP / n becomes (1 - sp)(1 - pi); the probabilities should then be meant for
    that prevalence.

    Args:
        probabilities: One an image.
        target: Whether the finding is present.
        resamples: Draws of the patients of these images.
        thresholds: Between 0 and 1; one or more.
        prevalence: Of where the reader is to serve; by default that of these images.
        known: Whether the finding is known in an image; by default in all.

    Raises:
        InvalidValue: where a probability is outside [0, 1], or a threshold or the prevalence not
            between 0 and 1.
        Mismatch: where the resamples are of other images.

    Source: Vickers and Elkin, Medical Decision Making 2006.
    """
    wanted = [("threshold", cut) for cut in thresholds]
    if prevalence is not None:
        wanted.append(("prevalence", prevalence))
    for name, number in wanted:
        if not 0 < number < 1:
            raise InvalidValue(f"A {name} lies between 0 and 1; got {number}.")
    seen = Seen.of(probabilities, target, resamples, known)
    cuts = tuple(map(float, thresholds))
    if why := seen.why_undefined(*(() if prevalence is None else (True, False))):
        none = (seen.size.undefined(why),) * len(cuts)
        return DecisionCurve(thresholds=cuts, reader=none, treat_all=none, gain=none)
    must_be_probabilities(seen.values)

    def drawn(weights: Weights) -> np.ndarray:
        return _benefits(seen, weights, np.array(cuts), prevalence)

    values = drawn(Weights.once(len(seen.values)))[:, 0].tolist()
    estimates = seen.estimates(values, drawn)
    count = len(cuts)
    return DecisionCurve(
        thresholds=cuts,
        reader=estimates[:count],
        treat_all=estimates[count : 2 * count],
        gain=estimates[2 * count :],
    )


def _benefits(
    seen: Seen, weights: Weights, cuts: Float[np.ndarray, " cuts"], prevalence: float | None
) -> Float[np.ndarray, "three_cuts draws"]:
    """Of the reader, of acting on all, and the reader's gain: one row a threshold each."""
    acted = seen.values >= cuts[:, None]
    *found, positive = weights.totals(*(acted & seen.target), seen.target)
    *alarms, negative = weights.totals(*(acted & ~seen.target), ~seen.target)
    if prevalence is None:
        of_positive = of_negative = ratio(np.ones(weights.draws), positive + negative)
    else:
        of_positive = ratio(np.full(weights.draws, prevalence), positive)
        of_negative = ratio(np.full(weights.draws, 1 - prevalence), negative)
    price = (cuts / (1 - cuts))[:, None]
    reader = np.stack(found) * of_positive - np.stack(alarms) * of_negative * price
    everybody = positive * of_positive - negative * of_negative * price
    return np.concatenate([reader, everybody, reader - np.maximum(everybody, 0.0)])

"""Where to cut a score in two, by a stated rule; chosen on validation, reported on test."""

from dataclasses import dataclass
from math import isfinite

import numpy as np
from jaxtyping import Bool, Float

from carina.core import InvalidValue
from carina.measures.ranking import flagged

__all__ = ["OperatingPoint", "at_sensitivity", "at_specificity", "best_f1", "youden"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """A threshold, what it achieves on the data it was chosen on, and the rule that chose it.

    Attributes:
        threshold: Positive is a score at or above.
        sensitivity: Share of the positives found.
        specificity: Share of the negatives left alone.
        rule: How it was chosen ("Youden", "best F1", "sensitivity >= 0.9").
    """

    threshold: float
    sensitivity: float
    specificity: float
    rule: str

    def __post_init__(self) -> None:
        if not isfinite(self.threshold):
            raise InvalidValue(f"A threshold is a finite score; got {self.threshold}.")
        for name, share in (("sensitivity", self.sensitivity), ("specificity", self.specificity)):
            if not 0 <= share <= 1:
                raise InvalidValue(f"A {name} lies in [0, 1]; got {share}.")


def youden(
    scores: Float[np.ndarray, " images"], target: Bool[np.ndarray, " images"]
) -> OperatingPoint:
    """The score at which sensitivity + specificity is greatest; of equals the highest.

    Raises:
        InvalidValue: where a class is missing or a score is not finite.

    Source: Youden, Cancer 1950.
    """
    _, found, alarms = flagged(scores, target)
    # counted in whole pairs, so that equals are equal
    gain = found * int(alarms[-1]) - alarms * int(found[-1])
    return _point(scores, target, int(np.argmax(gain)), "Youden")


def best_f1(
    scores: Float[np.ndarray, " images"], target: Bool[np.ndarray, " images"]
) -> OperatingPoint:
    """The score at which F1 is greatest; of equals the highest.

    Raises:
        InvalidValue: where a class is missing or a score is not finite.
    """
    _, found, alarms = flagged(scores, target)
    return _point(scores, target, int(np.argmax(found / (found + alarms + found[-1]))), "best F1")


def at_sensitivity(
    scores: Float[np.ndarray, " images"], target: Bool[np.ndarray, " images"], sensitivity: float
) -> OperatingPoint:
    """The highest score that still reaches a sensitivity.

    Raises:
        InvalidValue: where a class is missing, a score is not finite, or the sensitivity is not
            in (0, 1].
    """
    if not 0 < sensitivity <= 1:
        raise InvalidValue(f"A sensitivity to reach lies in (0, 1]; got {sensitivity}.")
    _, found, _ = flagged(scores, target)
    wanted = sensitivity * int(found[-1]) * (1 - 1e-12)  # 0.07 of 100 is 7, not 8
    return _point(
        scores, target, int(np.argmax(found >= wanted)), f"sensitivity >= {sensitivity:g}"
    )


def at_specificity(
    scores: Float[np.ndarray, " images"], target: Bool[np.ndarray, " images"], specificity: float
) -> OperatingPoint:
    """The lowest score that still reaches a specificity.

    Where even the highest score has too many negatives on it, the threshold lies just above all
    scores: nothing is flagged.

    Raises:
        InvalidValue: where a class is missing, a score is not finite, or the specificity is not
            in (0, 1].
    """
    if not 0 < specificity <= 1:
        raise InvalidValue(f"A specificity to reach lies in (0, 1]; got {specificity}.")
    thresholds, _, alarms = flagged(scores, target)
    rule = f"specificity >= {specificity:g}"
    # 0.93 of 100 leaves 7 alarms, not 6
    allowed = (1 - specificity) * int(alarms[-1]) * (1 + 1e-12) + 1e-12
    reached = int(np.searchsorted(alarms, allowed, side="right"))
    if not reached:
        above = float(np.nextafter(thresholds[0], np.inf))
        return OperatingPoint(threshold=above, sensitivity=0.0, specificity=1.0, rule=rule)
    return _point(scores, target, reached - 1, rule)


def _point(
    scores: Float[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    place: int,
    rule: str,
) -> OperatingPoint:
    thresholds, found, alarms = flagged(scores, target)
    return OperatingPoint(
        threshold=float(thresholds[place]),
        sensitivity=float(found[place] / found[-1]),
        specificity=float(1 - alarms[place] / alarms[-1]),
        rule=rule,
    )

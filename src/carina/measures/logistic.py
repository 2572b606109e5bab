"""Logistic regression by Newton's method: once, and for all draws at once."""

import numpy as np
from jaxtyping import Bool, Float

from carina.measures.weights import Weights

__all__ = ["fitted", "fitted_lines"]

_CELLS = 1 << 18  # images times draws at a time: a few arrays of 2 MB, which the cache holds
_FLAT = 1e-12  # a curvature below this is none
_STEPS = 100  # a draw that has not settled by then has no finite answer


def fitted(
    design: Float[np.ndarray, "images terms"],
    outcome: Float[np.ndarray, " images"],
    start: Float[np.ndarray, " terms"],
) -> tuple[Float[np.ndarray, " terms"], float]:
    """The coefficients of least mean cross-entropy and that cross-entropy; steps are halved.

    The outcomes may be shares. Terms of about unit spread keep the steps sound.

    Source: Lin, Lin and Weng, Machine Learning 2007.
    """
    at = start

    def loss(where: np.ndarray) -> float:
        log_odds = design @ where
        return float(np.mean(np.logaddexp(0.0, log_odds) - outcome * log_odds))

    now = loss(at)
    for _ in range(100):
        said = np.exp(-np.logaddexp(0.0, -(design @ at)))
        slope = design.T @ (said - outcome) / len(design)
        curve = (design * (said * (1 - said))[:, None]).T @ design / len(design)
        step = np.linalg.solve(curve + 1e-12 * np.eye(len(at)), slope)
        while (then := loss(at - step)) > now and np.abs(step).max() > 1e-14:
            step = step / 2
        if then > now or np.abs(step).max() < 1e-12:
            break
        at, now = at - step, then
    return at, now


def fitted_lines(
    term: Float[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    weights: Weights,
    *,
    start: tuple[float, float],
    slope_is_fixed: bool = False,
) -> Float[np.ndarray, "2 draws"]:
    """Slope and intercept of the outcome's log odds on a term, in each of many draws.

    NaN where a draw has no finite answer: a class is missing, the term parts the classes, or
    does not vary.

    Args:
        term: Of about unit spread, so that no step need be longer than 1.
        target: The outcomes.
        weights: The draws.
        start: Slope and intercept to set out from; the answer on all the data is a good one.
        slope_is_fixed: Whether the slope stays what it is at the start.
    """
    powers = np.stack([np.ones_like(term), term, term * term])
    step = max(1, _CELLS // max(1, len(term)))
    parts = [np.empty((2, 0))]
    for first in range(0, weights.draws, step):
        rows = weights.rows[:, first : first + step].astype(np.float64)
        mass = rows[weights.unit]
        if slope_is_fixed:
            levels = _levels(start[0] * term, target, mass)
            parts.append(np.stack([np.full_like(levels, start[0]), levels]))
        else:
            parts.append(_lines(powers, target, mass, start))
    return np.hstack(parts)


def _levels(
    log_odds: Float[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    mass: Float[np.ndarray, "images draws"],
) -> Float[np.ndarray, " draws"]:
    """The intercept beside fixed log odds in each draw, NaN where a class is missing.

    What the probabilities add up to rises with the intercept, so the answer lies between two ends
    that Newton's steps never leave, however far the log odds are from what happens.
    """
    found = np.full(mass.shape[1], np.nan)
    wanted, total = target @ mass, mass.sum(axis=0)
    live = np.flatnonzero((wanted > 0) & (wanted < total))
    wanted, mass = wanted[live], mass[:, live]
    middle = np.log(wanted / (total[live] - wanted))
    low, high = middle - log_odds.max(), middle - log_odds.min()
    at = (low + high) / 2
    for _ in range(_STEPS):
        said = 0.5 + 0.5 * np.tanh(0.5 * (log_odds[:, None] + at))
        over, flat = (mass * said).sum(axis=0) - wanted, (mass * said * (1 - said)).sum(axis=0)
        low, high = np.where(over <= 0, at, low), np.where(over >= 0, at, high)
        move = np.full(len(at), np.inf)  # where there is no slope to go by, the ends close in
        np.divide(over, flat, out=move, where=flat > _FLAT)
        newton = at - move
        settled = (np.abs(move) < 1e-5) | (high - low < 1e-9)
        at = np.where((newton > low) & (newton < high), newton, (low + high) / 2)
        found[live[settled]] = at[settled]
        if settled.all():
            break
        stay = ~settled
        live, at, wanted, mass = live[stay], at[stay], wanted[stay], mass[:, stay]
        low, high = low[stay], high[stay]
    return found


def _lines(
    powers: Float[np.ndarray, "3 images"],
    target: Bool[np.ndarray, " images"],
    mass: Float[np.ndarray, "images draws"],
    start: tuple[float, float],
) -> Float[np.ndarray, "2 draws"]:
    """`fitted_lines` of some draws; those that have settled are put aside."""
    found = np.full((2, mass.shape[1]), np.nan)
    wanted = powers[:2] @ (mass * target[:, None])  # what the probabilities must add up to
    live = np.flatnonzero((wanted[0] > 0) & (wanted[0] < mass.sum(axis=0)))
    wanted, mass = wanted[:, live], mass[:, live]
    at = np.repeat(np.array(start)[:, None], len(live), axis=1)
    for _ in range(_STEPS):
        said = 0.5 + 0.5 * np.tanh(np.outer(powers[1], 0.5 * at[0]) + 0.5 * at[1])
        level, tilt = powers[:2] @ (mass * said) - wanted
        flat, cross, curve = powers @ (mass * said * (1 - said))
        spread = flat * curve - cross * cross
        move = np.stack(
            [
                _over(flat * tilt - cross * level, spread),
                _over(curve * level - cross * tilt, spread),
            ]
        )
        longest = np.abs(move).max(axis=0)
        at = at - move / np.maximum(longest, 1.0)
        settled = longest < 1e-5  # the step after this one would be its square
        found[:, live[settled]] = at[:, settled]
        stay = ~settled & ~np.isnan(longest)
        if not stay.any():
            break
        if not stay.all():
            live, at, wanted, mass = live[stay], at[:, stay], wanted[:, stay], mass[:, stay]
    return found


def _over(
    above: Float[np.ndarray, " draws"], below: Float[np.ndarray, " draws"]
) -> Float[np.ndarray, " draws"]:
    """A quotient a draw, NaN where there is as good as nothing to divide by."""
    quotient = np.full(len(above), np.nan)
    np.divide(above, below, out=quotient, where=below > _FLAT)
    return quotient

"""Yes and no on many findings at once, step by step, in the draws everything else is measured in."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from carina.core import Estimate
from carina.evaluation.cells import Cells, between
from carina.measures import (
    Size,
    exact_match,
    multilabel,
    weighted_exact_match,
    weighted_multilabel,
)

__all__ = ["DECIDED", "Decisions", "decisions"]

DECIDED = ("cp", "cr", "cf1", "op", "or", "of1", "exact_match")
"""What is said of decisions: `carina.measures.MultiLabel`'s six, and the share of images of which
every known finding is decided right."""

Decisions = tuple[dict[str, tuple[Estimate, ...]], dict[str, Estimate]]
"""By measure, after each experience, and the mean over those after which it is defined."""

_Row = dict[str, tuple[Size, float, np.ndarray]]


def decisions(cells: Cells, which: str, labels: Sequence[int]) -> Decisions:
    """Every measure of `DECIDED`, over the findings decided by each step.

    Args:
        cells: Of the run.
        which: "decision", at the thresholds, or "sign", where the trained quantity is above 0.
        labels: Columns of the findings that C and O run over; an exact match is over all.
    """
    answers = cells.scores.of(which)
    unit, rows = cells.draws.weights.unit, cells.draws.weights.rows
    weights = np.ascontiguousarray(rows[unit].T)
    steps = [_measured(cells, answer, labels, weights) for answer in answers[1:]]
    by_step, means = {}, {}
    for name in DECIDED:
        none = Estimate.undefined("no finding with a positive image is decided by this step")
        by_step[name] = tuple(
            between(*step[name], cells.draws.method) if name in step else none for step in steps
        )
        there = [step[name] for step in steps if name in step]
        if not there:
            means[name] = none
            continue
        _, values, drawn = zip(*there, strict=True)
        method = f"mean of {len(there)} of {len(steps)} steps, {cells.draws.method}"
        means[name] = between(there[-1][0], np.mean(values), np.mean(drawn, axis=0), method)
    return by_step, means


def _measured(
    cells: Cells,
    answer: Float[np.ndarray, "images labels"],
    labels: Sequence[int],
    weights: Int[np.ndarray, "draws images"],
) -> _Row:
    """What one step's decisions come to: by measure, its size, value and draws."""
    part = cells.scores.part
    said = ~np.isnan(answer).any(axis=0)
    row: _Row = {}
    if some := [c for c in labels if said[c]]:
        given = answer[:, some] > 0, part.target[:, some], part.known[:, some]
        if (given[1] & given[2]).any():
            size, whole = cells.size(some), multilabel(*given)
            drawn = weighted_multilabel(*given, weights)
            for name, attribute in _SIX.items():
                row[name] = size, getattr(whole, attribute), getattr(drawn, attribute)
    given = answer[:, said] > 0, part.target[:, said], part.known[:, said]
    if given[2].any():
        counted, present = np.any(given[2], axis=1), np.any(given[1] & given[2], axis=1)
        size = Size.of(present[:, None], counted[:, None], part.patients)
        row["exact_match"] = size, exact_match(*given), weighted_exact_match(*given, weights)
    return row


_SIX = {name: f"{name}_" if name == "or" else name for name in DECIDED[:-1]}

"""From scores to numbers with intervals: every metric, after every step, on every finding."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from carina.core import Estimate, InvalidValue
from carina.evaluation.cells import METRICS, Cells, draws_of
from carina.evaluation.chance import forgetting_by_chance
from carina.evaluation.decided import decisions
from carina.evaluation.scores import Scores
from carina.evaluation.transfer import Combination, TransferMatrix
from carina.measures import resample_patients

__all__ = ["PROGRESS", "Assessment", "assess", "cells_of"]

PROGRESS = ("learning", "potential", "retention")
"""What each step added, what there was to add, what is left of the steps before: see
`TransferMatrix`."""

_RANKED = ("auroc", "auroc_authors", "average_precision")
_DECISIONS = {"f1": "decision", "f1_at_zero": "sign"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What a table of scores amounts to.

    Attributes:
        scores: metric -> one entry per experience -> finding -> estimate.
        baseline: metric -> finding -> estimate, before any experience.
        macro: metric -> group of findings -> one estimate per experience.
        progress: metric of ranking -> name of `PROGRESS` -> one estimate per experience.
        decisions: "f1" or "f1_at_zero" -> measure of `DECIDED` -> one estimate per experience,
            decided as that metric decides.
        summary: metric -> name -> estimate, of the last step: the group means by the group's
            name, then "mean_over_steps" of the first group's. Of metrics of ranking also
            "gain_over_zero_shot", "backward_transfer", "forward_transfer", "forgetting" and
            "forgetting_with_last" over all findings, the latter two also "..._by_chance", and
            the means over the steps of `PROGRESS`. Of metrics of decisions also the measures of
            `DECIDED`, and their means over the steps as "mean_...".
    """

    scores: dict[str, tuple[dict[str, Estimate], ...]]
    baseline: dict[str, dict[str, Estimate]]
    macro: dict[str, dict[str, tuple[Estimate, ...]]]
    progress: dict[str, dict[str, tuple[Estimate, ...]]]
    decisions: dict[str, dict[str, tuple[Estimate, ...]]]
    summary: dict[str, dict[str, Estimate]]


def cells_of(scores: Scores, *, draws: int, rng: np.random.Generator) -> Cells:
    """The cells of a table of scores, in one set of draws of its patients.

    Args:
        scores: What a run answered on one part.
        draws: How many.
        rng: Where they come from.

    Raises:
        InvalidValue: where the part has no image.
    """
    part = scores.part
    if not len(part.images):
        raise InvalidValue(f"Part {part.name!r} has no image, so there is nothing to score.")
    resamples = resample_patients(part.patients, draws=draws, rng=rng)
    return Cells(scores=scores, draws=draws_of(resamples, part.target, part.known))


def assess(
    cells: Cells,
    *,
    groups: Mapping[str, tuple[str, ...]],
    shown: Bool[np.ndarray, "experiences labels"],
    metrics: tuple[str, ...] = tuple(METRICS),
) -> Assessment:
    """Every metric with its 95 % interval, all from the same draws of the patients.

    Args:
        cells: What a run answered on one part, see `cells_of`.
        groups: Named groups of findings whose mean is wanted, the headline first.
        shown: Whether each experience showed labels of each finding.
        metrics: Which of `METRICS`.
    """
    space, steps = cells.scores.space, range(1, len(cells.scores.experiences) + 1)
    columns = {group: space.indices(names) for group, names in groups.items()}
    macro = {
        name: {
            group: tuple(cells.mean(name, step, labels) for step in steps)
            for group, labels in columns.items()
        }
        for name in metrics
    }
    progress, decided = {}, {}
    summary = {name: {group: macro[name][group][-1] for group in groups} for name in metrics}
    headline = next(iter(columns.values()))
    for name in metrics:
        matrix = cells.matrix(name, shown)
        summary[name]["mean_over_steps"] = cells.combined(name, matrix.mean_over_steps(headline))
        if name in _RANKED:
            progress[name], means = _progress(cells, name, matrix)
            summary[name] |= _transfer(cells, name, matrix) | means
        if name in _DECISIONS:
            decided[name], means = decisions(cells, _DECISIONS[name], headline)
            summary[name] |= {each: decided[name][each][-1] for each in means}
            summary[name] |= {f"mean_{each}": mean for each, mean in means.items()}
    return Assessment(
        scores={name: tuple(cells.row(name, step) for step in steps) for name in metrics},
        baseline={name: cells.row(name, 0) for name in metrics},
        macro=macro,
        progress=progress,
        decisions=decided,
        summary=summary,
    )


def _transfer(cells: Cells, metric: str, matrix: TransferMatrix) -> dict[str, Estimate]:
    """What the steps gave and took, over all findings."""
    given: dict[str, Combination] = {
        "gain_over_zero_shot": matrix.gain_over_zero_shot(),
        "backward_transfer": matrix.backward_transfer(),
        "forward_transfer": matrix.forward_transfer(),
        "forgetting": matrix.forgetting(),
        "forgetting_with_last": matrix.forgetting(with_last=True),
    }
    return {name: cells.combined(metric, each) for name, each in given.items()} | {
        "forgetting_by_chance": forgetting_by_chance(cells, metric, matrix),
        "forgetting_with_last_by_chance": forgetting_by_chance(
            cells, metric, matrix, with_last=True
        ),
    }


def _progress(
    cells: Cells, metric: str, matrix: TransferMatrix
) -> tuple[dict[str, tuple[Estimate, ...]], dict[str, Estimate]]:
    """Learning, potential and retention of each step, and their means over the steps."""
    later = range(2, matrix.last + 1)
    of_step = {
        "learning": {step: matrix.learning(step) for step in range(1, matrix.last + 1)},
        "potential": {step: matrix.potential(step) for step in later},
        "retention": {step: matrix.retention(step) for step in later},
    }
    first = Estimate.undefined("no step before it")
    by_step = {
        name: tuple(
            cells.combined(metric, some[step]) if step in some else first
            for step in range(1, matrix.last + 1)
        )
        for name, some in of_step.items()
    }
    means = {
        name: cells.combined(metric, matrix.mean(some.values())) for name, some in of_step.items()
    }
    return by_step, means

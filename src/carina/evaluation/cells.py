"""Every score of a run in one set of draws, so that whatever is made of them is paired.

A cell is a metric of one finding after one step. Its draws are made once; means, differences and
whatever else is a sum of cells are sums of their draws.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from carina.core import Estimate
from carina.evaluation.scores import Scores
from carina.evaluation.transfer import Combination, TransferMatrix
from carina.measures import WAYS, Measure, PatientResamples, Size, Weights, why_undefined

__all__ = ["METRICS", "Cells", "Draws", "draws_of"]

METRICS: Mapping[str, tuple[Measure, str]] = {
    "auroc": ("auroc", "difference"),
    "auroc_authors": ("auroc", "positive"),
    "average_precision": ("average_precision", "difference"),
    "f1": ("f1", "decision"),
    "f1_at_zero": ("f1", "sign"),
    "brier": ("brier", "probability"),
    "ece": ("ece", "probability"),
}
"""Each metric of `results.json`: the measure, and which of the scores it is taken of.

``auroc`` scores with the trained quantity (positive minus negative prompt, or a head's score),
``auroc_authors`` with the positive prompt alone, as RE-tune's authors evaluate. ``f1`` decides at
the threshold chosen out of fold, ``f1_at_zero`` where the trained quantity is above 0, as they do.
"""

_GROUPED: Mapping[str, tuple[Measure, str]] = {
    "sensitivity": ("sensitivity", "decision"),
    "specificity": ("specificity", "decision"),
}
_MEASURED = {**METRICS, **_GROUPED}
Indices = int | Sequence[int] | Int[np.ndarray, " cells"]

_HOPELESS = 50  # times as many draws as wanted: more are not worth having every class in each


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Draws:
    """Draws of patients in which every finding that can be scored has both classes.

    Attributes:
        resamples: The draws of patients they were made from.
        weights: How often each draw holds each image.
        method: How they came to be.
        whole: Whether each draw has every class. Where fewer than one in fifty would, findings
            are undefined in some, and what is made of them leaves those out.
    """

    resamples: PatientResamples
    weights: Weights
    method: str
    whole: bool


def draws_of(
    resamples: PatientResamples,
    target: Bool[np.ndarray, "images labels"],
    known: Bool[np.ndarray, "images labels"],
) -> Draws:
    """Draws for all findings of a table at once; one that lacks a class is drawn again."""
    classes = [known & target, known & ~target]
    both = np.logical_and.reduce([cells.any(axis=0) for cells in classes])
    wanted = np.concatenate([cells[:, both].T for cells in classes])

    def usable(weights: Weights) -> np.ndarray:
        if not len(wanted):
            return np.ones(weights.draws, dtype=bool)
        return np.asarray((weights.totals(*wanted) > 0).all(axis=0))

    drawn = resamples.drawn()
    good = usable(drawn)
    begins = f"patient bootstrap, {resamples.draws} draws"
    if int(good.sum()) * _HOPELESS < resamples.draws:
        method = f"{begins}, findings missing in some"
        return Draws(resamples=resamples, weights=drawn, method=method, whole=False)
    weights, discarded = resamples.settled(good, usable)
    method = f"{begins}, {discarded} redrawn"
    return Draws(resamples=resamples, weights=weights, method=method, whole=True)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cells:
    """The cells of a table of scores.

    Attributes:
        scores: What a run answered on one part.
        draws: In which everything is measured.
    """

    scores: Scores
    draws: Draws
    _answers: dict[str, "_Answers"] = field(default_factory=dict, init=False)
    _values: dict[str, np.ndarray] = field(default_factory=dict, init=False)
    _drawn: dict[tuple[str, int, int], np.ndarray] = field(default_factory=dict, init=False)

    def among(self, where: Bool[np.ndarray, "images labels"]) -> "Cells":
        """In the same draws, on fewer of the known labels."""
        part = self.scores.part
        fewer = replace(part, known=part.known & where)
        return Cells(scores=replace(self.scores, part=fewer), draws=self.draws)

    def after_last(self) -> "Cells":
        """In the same draws, the last step alone, beside what was before any."""
        return Cells(scores=self.scores.after_last(), draws=self.draws)

    def values(self, metric: str) -> Float[np.ndarray, "steps labels"]:
        """The metric of every cell, NaN where it is undefined."""
        if metric not in self._values:
            once = WAYS[_MEASURED[metric][0]].once
            steps, labels = len(self.scores.experiences) + 1, len(self.scores.space)
            self._values[metric] = np.array(
                [
                    [
                        np.nan
                        if self.why_undefined(metric, step, label)
                        else once(*self._seen(metric, step, label))
                        for label in range(labels)
                    ]
                    for step in range(steps)
                ]
            )
        return self._values[metric]

    def drawn(
        self, metric: str, steps: Indices, labels: Indices
    ) -> Float[np.ndarray, "cells draws"]:
        """Some cells in each draw; those whose values are NaN are so in all of them.

        Where a finding's answers stay the same from step to step, they are measured once.
        """
        cells = np.broadcast(steps, labels)
        return np.array([self._draws_of(metric, int(step), int(label)) for step, label in cells])

    def matrix(self, metric: str, shown: Bool[np.ndarray, "experiences labels"]) -> TransferMatrix:
        """A metric as a transfer matrix.

        Of metrics of ranking, a reader that knows nothing has an AUROC of 0.5, and the prevalence as average precision.
        """
        part = self.scores.part
        chance = np.full(len(self.scores.space), 0.5)
        if _MEASURED[metric][0] == "average_precision":
            seen = np.maximum(part.known.sum(axis=0), 1)
            chance = (part.known & part.target).sum(axis=0) / seen
        return TransferMatrix(values=self.values(metric), shown=shown, chance=chance)

    def row(self, metric: str, step: int) -> dict[str, Estimate]:
        """The cells of one step, by finding."""
        names = self.scores.space.names
        return {name: self.estimate(metric, step, label) for label, name in enumerate(names)}

    def estimate(self, metric: str, step: int, label: int) -> Estimate:
        """One cell with its interval."""
        size = self.size([label])
        if why := self.why_undefined(metric, step, label):
            return size.undefined(why)
        value, drawn = self.values(metric)[step, label], self._draws_of(metric, step, label)
        return between(size, value, drawn, self.draws.method)

    def mean(self, metric: str, step: int, labels: Sequence[int]) -> Estimate:
        """The mean over those findings that have a score by this step.

        How many have none, the method says.
        """
        if not labels:
            return Estimate.undefined("the group has no finding")
        scored = [c for c in labels if not self._missing(metric, step, c)]
        if not scored:
            return Estimate.undefined(self.why_undefined(metric, step, labels[0]) or "")
        values = self.values(metric)[step, scored]
        whole = [c for c, value in zip(scored, values, strict=True) if not np.isnan(value)]
        if not whole:
            reasons = sorted({self.why_undefined(metric, step, c) or "" for c in scored})
            why = f"none of {len(scored)} findings: {'; '.join(reasons)}"
            return self.size(scored).undefined(why)
        drawn = self.drawn(metric, step, whole)
        drawn = drawn[:, ~np.isnan(drawn).all(axis=0)]
        method = f"mean of {len(whole)} of {len(scored)} findings, {self.draws.method}"
        if without := len(labels) - len(scored):
            method += f"; {without} more without a score"
        return between(self.size(whole), np.nanmean(values), np.nanmean(drawn, axis=0), method)

    def combined(self, metric: str, combination: Combination) -> Estimate:
        """A weighted sum of cells with its interval."""
        labels = combination.findings.tolist()
        if not labels:
            one_step = len(self.scores.experiences) == 1
            return Estimate.undefined("one step" if one_step else "no finding has both scores")
        steps, columns, weights = self._merged(metric, combination)
        value = weights @ self.values(metric)[steps, columns] + combination.constant
        method = f"{len(labels)} findings, paired {self.draws.method}"
        if combination.by_chance:
            method += f"; {combination.by_chance} scores of findings nobody had met are chance's"
        drawn = self.combined_draws(metric, combination)
        return between(self.size(labels), value, drawn, method)

    def combined_draws(self, metric: str, combination: Combination) -> Float[np.ndarray, " draws"]:
        """A weighted sum of cells in each draw."""
        steps, columns, weights = self._merged(metric, combination)
        if not len(weights):
            return np.full(self.draws.weights.draws, combination.constant)
        return np.asarray(weights @ self.drawn(metric, steps, columns) + combination.constant)

    def size(self, labels: Sequence[int]) -> Size:
        """What a number of these findings is measured on."""
        part = self.scores.part
        return Size.of(part.target[:, labels], part.known[:, labels], part.patients)

    def why_undefined(self, metric: str, step: int, label: int) -> str | None:
        """Why a cell has no value, or None."""
        if not self._missing(metric, step, label):
            return self._why_unmeasured(metric, label)
        scores, name = self.scores, self.scores.space.names[label]
        # before any experience it is the frozen encoders who answer, whatever the method
        if metric == "auroc_authors" and np.isnan(scores.positive[min(step, 1) :]).all():
            return "no positive prompt in this method"
        if _MEASURED[metric][1] in ("probability", "decision"):
            if step == 0:
                return "not calibrated before any experience"
            if not self._missing("auroc", step, label):
                return scores.why_not(_MEASURED[metric][1], name)
        return scores.why_undefined.get(name, "not met by this step")

    def _why_unmeasured(self, metric: str, label: int) -> str | None:
        part = self.scores.part
        known = part.known[:, label]
        needs = WAYS[_MEASURED[metric][0]].needs
        return why_undefined(needs, part.target[known, label], part.patients[known])

    def _missing(self, metric: str, step: int, label: int) -> bool:
        return bool(self._given(metric).absent[step, label])

    def _given(self, metric: str) -> "_Answers":
        which = _MEASURED[metric][1]
        if which not in self._answers:
            self._answers[which] = _Answers.of(self.scores.of(which), self.scores.part.known)
        return self._answers[which]

    def _seen(self, metric: str, step: int, label: int) -> tuple[np.ndarray, np.ndarray]:
        """Answers and outcomes of the images in which the finding is known."""
        part = self.scores.part
        known = part.known[:, label]
        column = self._given(metric).table[step, known, label]
        decided = WAYS[_MEASURED[metric][0]].of_decisions
        return column.astype(bool) if decided else column, part.target[known, label]

    def _draws_of(self, metric: str, step: int, label: int) -> Float[np.ndarray, " draws"]:
        if self.why_undefined(metric, step, label):
            return np.full(self.draws.weights.draws, np.nan)
        key = (metric, int(self._given(metric).same[step, label]), label)
        if key not in self._drawn:
            weights = self.draws.weights.only(self.scores.part.known[:, label])
            drawn = WAYS[_MEASURED[metric][0]].drawn
            self._drawn[key] = drawn(*self._seen(metric, step, label), weights)
        return self._drawn[key]

    def _merged(
        self, metric: str, combination: Combination
    ) -> tuple[Int[np.ndarray, " cells"], Int[np.ndarray, " cells"], Float[np.ndarray, " cells"]]:
        """The terms with equal answers put together: where nothing changed a difference is 0."""
        same = self._given(metric).same[combination.steps, combination.labels]
        cells = np.stack([same, combination.labels])
        merged, place = np.unique(cells, axis=1, return_inverse=True)
        # of no terms, bincount makes whole numbers
        weights = np.bincount(place.ravel(), weights=combination.weights).astype(np.float64)
        there = weights != 0
        return merged[0, there], merged[1, there], weights[there]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Answers:
    """One of the tables of scores.

    Attributes:
        table: (steps, images, labels).
        absent: (steps, labels): whether the finding has no answer after the step.
        same: (steps, labels): the first step with the same answers where the finding is known.
    """

    table: Float[np.ndarray, "steps images labels"]
    absent: Bool[np.ndarray, "steps labels"]
    same: Int[np.ndarray, "steps labels"]

    @classmethod
    def of(
        cls,
        table: Float[np.ndarray, "steps images labels"],
        known: Bool[np.ndarray, "images labels"],
    ) -> "_Answers":
        steps, _, labels = table.shape
        same = np.empty((steps, labels), dtype=np.int64)
        for label in range(labels):
            first: dict[bytes, int] = {}
            for step in range(steps):
                column = table[step, known[:, label], label].tobytes()
                same[step, label] = first.setdefault(column, step)
        return cls(table=table, absent=np.isnan(table).any(axis=1), same=same)


def between(size: Size, value: float, drawn: Float[np.ndarray, " draws"], method: str) -> Estimate:
    """A value between the 2.5th and the 97.5th percentile of those draws that have one."""
    there = drawn[~np.isnan(drawn)]
    if not len(there):
        return size.estimate(float(value), f"no interval: undefined in each draw; {method}")
    return size.between(float(value), there, method)

"""From scores to numbers with intervals: every metric, after every step, on every finding."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int, Shaped

from carina.core import Estimate, InvalidValue
from carina.evaluation.scores import Scores
from carina.evaluation.transfer import Contrast, TransferMatrix
from carina.measures import (
    Measure,
    PatientResamples,
    difference,
    exact_match_interval,
    interval,
    macro,
    resample_patients,
)

__all__ = ["METRICS", "Assessment", "assess"]

METRICS: Mapping[str, tuple[Measure, str]] = {
    "auroc": ("auroc", "difference"),
    "auroc_authors": ("auroc", "positive"),
    "average_precision": ("average_precision", "difference"),
    "f1": ("f1", "decision"),
    "brier": ("brier", "probability"),
    "ece": ("ece", "probability"),
}
"""Each metric of `results.json`: the measure, and which of the scores it is taken of.

``auroc`` scores with the trained quantity (positive minus negative prompt, or a head's score),
``auroc_authors`` with the positive prompt alone, as RE-tune's authors evaluate.
"""

_TRANSFER = ("auroc", "auroc_authors", "average_precision")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What a table of scores amounts to.

    Attributes:
        scores: metric -> one entry per experience -> finding -> estimate.
        baseline: metric -> finding -> estimate, before any experience.
        macro: metric -> group of findings -> one estimate per experience.
        summary: metric -> name -> estimate, of the last step: the group means by the group's
            name, then "gain_over_zero_shot", "backward_transfer", "forward_transfer",
            "forgetting" and "forgetting_with_last" over all findings, where the metric is one of
            ranking; of "f1" also "exact_match", the share of images decided right throughout.
    """

    scores: dict[str, tuple[dict[str, Estimate], ...]]
    baseline: dict[str, dict[str, Estimate]]
    macro: dict[str, dict[str, tuple[Estimate, ...]]]
    summary: dict[str, dict[str, Estimate]]


def assess(
    scores: Scores,
    *,
    groups: Mapping[str, tuple[str, ...]],
    taught: Int[np.ndarray, " labels"],
    draws: int,
    rng: np.random.Generator,
    metrics: tuple[str, ...] = tuple(METRICS),
) -> Assessment:
    """Every metric with its 95 % interval from one set of resamples of the patients.

    Args:
        scores: What a run answered on one part.
        groups: Named groups of findings whose mean is wanted, the headline first.
        taught: For each finding the step, from 1, that first showed it; 0 where none did.
        draws: Resamples of patients.
        rng: Where they come from.
        metrics: Which of `METRICS`.

    Raises:
        InvalidValue: where the part has no image.
    """
    if not len(scores.part.images):
        raise InvalidValue(f"Part {scores.part.name!r} has no image, so there is nothing to score.")
    table = _Table(scores, resample_patients(scores.part.patients, draws=draws, rng=rng))
    steps = range(1, len(scores.experiences) + 1)
    by_step = {
        name: [table.cells(name, step) for step in range(len(steps) + 1)] for name in metrics
    }
    macros = {
        name: {
            group: tuple(table.mean(name, step, labels) for step in steps)
            for group, labels in groups.items()
        }
        for name in metrics
    }
    summary = {name: {group: macros[name][group][-1] for group in groups} for name in metrics}
    for name in metrics:
        if name in _TRANSFER:
            matrix = _matrix(by_step[name], taught)
            summary[name] |= {
                "gain_over_zero_shot": table.contrast(name, matrix.gain_over_zero_shot()),
                "backward_transfer": table.contrast(name, matrix.backward_transfer()),
                "forward_transfer": table.contrast(name, matrix.forward_transfer()),
                "forgetting": table.contrast(name, matrix.forgetting()),
                "forgetting_with_last": table.contrast(name, matrix.forgetting(with_last=True)),
            }
        if name == "f1":
            summary[name]["exact_match"] = table.exact_match()
    return Assessment(
        scores={name: tuple(cells[1:]) for name, cells in by_step.items()},
        baseline={name: cells[0] for name, cells in by_step.items()},
        macro=macros,
        summary=summary,
    )


def _matrix(cells: list[dict[str, Estimate]], taught: Int[np.ndarray, " labels"]) -> TransferMatrix:
    values = [[np.nan if e.value is None else e.value for e in row.values()] for row in cells]
    return TransferMatrix(values=np.array(values, dtype=np.float64), taught=taught)


@dataclass(frozen=True, slots=True)
class _Table:
    """Scores with one set of resamples, so that every difference is paired."""

    scores: Scores
    resamples: PatientResamples

    def column(self, metric: str, step: int, label: int) -> Shaped[np.ndarray, " images"]:
        values: np.ndarray = getattr(self.scores, METRICS[metric][1])[step, :, label]
        return values.astype(bool) if METRICS[metric][1] == "decision" else values

    def missing(self, metric: str, step: int, label: int) -> bool:
        column = getattr(self.scores, METRICS[metric][1])[step, :, label]
        return bool(np.isnan(column).any())

    def cells(self, metric: str, step: int) -> dict[str, Estimate]:
        part = self.scores.part
        row = {}
        for label, name in enumerate(self.scores.space.names):
            known = part.known[:, label]
            if self.missing(metric, step, label):
                row[name] = Estimate.undefined(
                    self._why(metric, step, name),
                    n=int(known.sum()),
                    positives=int(part.target[known, label].sum()),
                    patients=len(np.unique(part.patients[known])),
                )
            else:
                row[name] = interval(
                    METRICS[metric][0],
                    self.column(metric, step, label),
                    part.target[:, label],
                    self.resamples,
                    known=known,
                )
        return row

    def _why(self, metric: str, step: int, name: str) -> str:
        # before any experience it is the frozen encoders who answer, whatever the method
        if metric == "auroc_authors" and np.isnan(self.scores.positive[min(step, 1) :]).all():
            return "no positive prompt in this method"
        if METRICS[metric][1] in ("probability", "decision"):
            if step == 0:
                return "not calibrated before any experience"
            if not self.missing("auroc", step, self.scores.space.index(name)):
                return "not calibrated: no experience by this step showed both classes of it"
        return self.scores.why_undefined.get(name, "not met by this step")

    def stacked(
        self, metric: str, pairs: list[tuple[int, int]]
    ) -> Shaped[np.ndarray, "images some"]:
        return np.stack([self.column(metric, step, label) for step, label in pairs], axis=1)

    def mean(self, metric: str, step: int, names: tuple[str, ...]) -> Estimate:
        """The mean over those findings of the group that have a score by this step.

        How many have none, the method says.
        """
        space, part = self.scores.space, self.scores.part
        labels = [c for c in space.indices(names) if not self.missing(metric, step, c)]
        if not labels:
            why = self._why(metric, step, names[0]) if names else "the group has no finding"
            return Estimate.undefined(why)
        mean = macro(
            METRICS[metric][0],
            self.stacked(metric, [(step, c) for c in labels]),
            part.target[:, labels],
            self.resamples,
            known=part.known[:, labels],
        )
        if (without := len(names) - len(labels)) and mean.defined:
            return replace(mean, method=f"{mean.method}; {without} more without a score")
        return mean

    def contrast(self, metric: str, contrast: Contrast) -> Estimate:
        labels, part = contrast.labels.tolist(), self.scores.part
        if not labels:
            one_step = len(self.scores.experiences) == 1
            return Estimate.undefined("one step" if one_step else "no finding has both scores")
        return difference(
            METRICS[metric][0],
            self.stacked(metric, list(zip(contrast.first.tolist(), labels, strict=True))),
            self.stacked(metric, list(zip(contrast.second.tolist(), labels, strict=True))),
            part.target[:, labels],
            self.resamples,
            known=part.known[:, labels],
        )

    def exact_match(self) -> Estimate:
        """Share of images whose every known and decided finding is decided right."""
        decided = ~np.isnan(self.scores.decision[-1]).any(axis=0)
        if not decided.any():
            return Estimate.undefined("no finding is decided")
        part = self.scores.part
        return exact_match_interval(
            self.scores.decision[-1][:, decided].astype(bool),
            part.target[:, decided],
            part.known[:, decided],
            self.resamples,
        )

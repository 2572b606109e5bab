"""Is it as good for everybody: groups of patients after every experience, and the worst of them.

Groups stand beside each other on the same findings: those with enough patients in each group that
is told. What is told of a group so small that it says nothing, or says something of single
patients, is that there are not enough; no number. A gap compares the worst group with all other
told ones, in the same draws. As the worst is picked after the fact, a gap lies below zero where
all groups are alike: how far, stands beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Shaped

from carina.core import Estimate
from carina.evaluation.cells import Cells, between

__all__ = ["AGE_BANDS", "ENOUGH", "GROUPED", "Subgroups", "age_band", "subgroups"]

GROUPED = ("auroc", "sensitivity", "specificity")
"""What is told of a group; the latter two at the threshold chosen out of fold."""

ENOUGH = 10
"""Patients of a group who must have a finding, and as many who must not, for a number."""

AGE_BANDS = ((0, "0-17"), (18, "18-39"), (40, "40-59"), (60, "60-79"), (80, "80 and over"))
"""First year of each band, and its name."""

_NOT_ENOUGH = f"not enough: wanted {ENOUGH} patients with the finding and {ENOUGH} without"


def age_band(years: float) -> str:
    """The band of an age; "" where it is not known."""
    names = [name for first, name in AGE_BANDS if years >= first]
    return names[-1] if names else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subgroups:
    """How a reader does in groups of patients told apart by one attribute.

    Attributes:
        groups: Those that are told, the largest first.
        too_small: Those that are not.
        findings: Over which the means run: enough patients in each told group.
        means: metric of `GROUPED` -> group -> one estimate per experience.
        gap: metric -> one estimate per experience: the worst group less all other told ones.
        gap_by_chance: metric -> one estimate per experience: that gap where all groups are alike.
        worst: metric -> the worst group after each experience; "" where there is no gap.
        by_finding: metric -> finding -> group -> estimate, after the last experience.
    """

    groups: tuple[str, ...]
    too_small: tuple[str, ...]
    findings: tuple[str, ...]
    means: dict[str, dict[str, tuple[Estimate, ...]]]
    gap: dict[str, tuple[Estimate, ...]]
    gap_by_chance: dict[str, tuple[Estimate, ...]]
    worst: dict[str, tuple[str, ...]]
    by_finding: dict[str, dict[str, dict[str, Estimate]]]


def subgroups(
    cells: Cells, columns: Mapping[str, Sequence[str]], *, names: tuple[str, ...]
) -> dict[str, Subgroups]:
    """The groups of each attribute that has two or more.

    Args:
        cells: Of the run.
        columns: Attribute -> group of each image; "" where it is not known.
        names: The findings wanted.
    """
    labels = cells.scores.space.indices(names)
    return {
        attribute: _Attribute.of(cells, np.array(column, dtype=str), labels).told()
        for attribute, column in columns.items()
        if len(set(column) - {""}) > 1
    }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Attribute:
    """The images by group, and what may be told of which.

    Attributes:
        cells: Of all images.
        column: Group of each image.
        labels: Columns of the findings wanted.
        groups: Those that are told.
        too_small: Those that are not.
        shared: Columns of the findings with enough patients in each told group.
        enough: Group -> columns of the findings with enough patients in it.
    """

    cells: Cells
    column: Shaped[np.ndarray, " images"]
    labels: list[int]
    groups: tuple[str, ...]
    too_small: tuple[str, ...]
    shared: list[int]
    enough: dict[str, list[int]]

    @classmethod
    def of(
        cls, cells: Cells, column: Shaped[np.ndarray, " images"], labels: Sequence[int]
    ) -> "_Attribute":
        """Groups by falling size, each told where it leaves the means a finding."""
        patients = cells.scores.part.patients
        sizes = {
            group: len(np.unique(patients[column == group]))
            for group in np.unique(column[column != ""]).tolist()
        }
        enough = {group: _with_enough(cells, column == group, labels) for group in sizes}
        told: list[str] = []
        shared = list(labels)
        for group in sorted(sizes, key=lambda name: (-sizes[name], name)):
            if left := [c for c in shared if c in enough[group]]:
                told, shared = [*told, group], left
        return cls(
            cells=cells,
            column=column,
            labels=list(labels),
            groups=tuple(told),
            too_small=tuple(group for group in sizes if group not in told),
            shared=shared if told else [],
            enough=enough,
        )

    def told(self) -> Subgroups:
        """Means, gaps and findings of the groups."""
        names = self.cells.scores.space.names
        steps = range(1, len(self.cells.scores.experiences) + 1)
        inside = {
            group: self.cells.among(self._where(self.column == group, self.shared))
            for group in self.groups
        }
        told = np.isin(self.column, self.groups)
        others = {
            group: self.cells.among(self._where(told & (self.column != group), self.shared))
            for group in self.groups
        }
        gaps = {
            metric: [self._gap(metric, step, inside, others) for step in steps]
            for metric in GROUPED
        }
        return Subgroups(
            groups=self.groups,
            too_small=self.too_small,
            findings=tuple(names[c] for c in self.shared),
            means={
                metric: {
                    group: tuple(inside[group].mean(metric, step, self.shared) for step in steps)
                    for group in self.groups
                }
                for metric in GROUPED
            },
            gap={metric: tuple(gap for gap, _, _ in gaps[metric]) for metric in GROUPED},
            gap_by_chance={metric: tuple(by for _, by, _ in gaps[metric]) for metric in GROUPED},
            worst={metric: tuple(worst for _, _, worst in gaps[metric]) for metric in GROUPED},
            by_finding=self._by_finding(),
        )

    def _gap(
        self, metric: str, step: int, inside: dict[str, Cells], others: dict[str, Cells]
    ) -> tuple[Estimate, Estimate, str]:
        """The worst group's gap, what it is where all are alike, and which it is."""
        if len(self.groups) < 2:
            none = Estimate.undefined("fewer than two groups have enough patients")
            return none, none, ""
        first = inside[self.groups[0]].values(metric)[step]
        scored = [c for c in self.shared if not np.isnan(first[c])]
        if not scored:
            none = inside[self.groups[0]].mean(metric, step, self.shared)
            return none, none, ""
        pairs = [(inside[group], others[group]) for group in self.groups]
        gaps = np.array(
            [
                np.mean(one.values(metric)[step, scored] - two.values(metric)[step, scored])
                for one, two in pairs
            ]
        )
        drawn = np.array(
            [
                np.mean(one.drawn(metric, step, scored) - two.drawn(metric, step, scored), axis=0)
                for one, two in pairs
            ]
        )
        at = int(np.argmin(gaps))
        size = self.cells.size(scored)
        method = f"{len(scored)} findings, paired {self.cells.draws.method}"
        chance = (drawn - gaps[:, None]).min(axis=0)
        return (
            between(size, gaps[at], drawn[at], method),
            between(size, np.nanmean(chance), chance, f"centred, {method}"),
            self.groups[at],
        )

    def _by_finding(self) -> dict[str, dict[str, dict[str, Estimate]]]:
        """Every finding of every told group after the last step, where enough patients have it."""
        last, names = self.cells.after_last(), self.cells.scores.space.names
        parts = {
            group: last.among(self._where(self.column == group, self.enough[group]))
            for group in self.groups
        }
        none = Estimate.undefined(_NOT_ENOUGH)
        return {
            metric: {
                names[c]: {
                    group: parts[group].estimate(metric, 1, c) if c in self.enough[group] else none
                    for group in self.groups
                }
                for c in self.labels
            }
            for metric in GROUPED
        }

    def _where(
        self, images: Bool[np.ndarray, " images"], labels: Sequence[int]
    ) -> Bool[np.ndarray, "images labels"]:
        return images[:, None] & np.isin(np.arange(len(self.cells.scores.space)), labels)


def _with_enough(
    cells: Cells, images: Bool[np.ndarray, " images"], labels: Sequence[int]
) -> list[int]:
    """The findings that enough patients among these images have, and enough have not."""
    part = cells.scores.part
    return [
        c
        for c in labels
        if all(
            len(np.unique(part.patients[images & part.known[:, c] & (part.target[:, c] == kind)]))
            >= ENOUGH
            for kind in (True, False)
        )
    ]

"""Several runs of one method on the same films: intervals over patients, seeds and orders together.

A run is one draw of its seed, of the order in which findings were taught, of a repeat of
cross-validation: factors, each with levels. An interval over patients alone says nothing of other
seeds, one over runs alone nothing of other patients. Here all vary at once: in each draw the
patients are drawn once for all runs, and the levels of each factor for themselves, so that a run
counts as often as its seed and its order are drawn (Owen, The pigeonhole bootstrap, Annals of
Applied Statistics 2007).

Drawing m of m levels with replacement leaves (m - 1) / m of their variance, too little where m is
small. So m - 1 of m are drawn, which leaves all of it (Rao and Wu, Journal of the American
Statistical Association 1988). And as a variance of few levels is itself unsure, the ends of the
interval are moved out by as much as the quantile of a t distribution lies beyond the normal one, its
degrees of freedom Satterthwaite's (Biometrics Bulletin 1946) from what patients and each factor add
to the variance. With one level of each factor this is the patient bootstrap to the digit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, product
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from carina.core import Estimate, InvalidValue, Mismatch
from carina.evaluation.alignment import aligned
from carina.evaluation.cells import METRICS, Cells, Draws, draws_of
from carina.evaluation.scores import Scores
from carina.evaluation.transfer import Combination, TransferMatrix
from carina.measures import Size, resample_patients

__all__ = ["Quantity", "Replicate", "replicated", "replicated_difference"]

Quantity = Literal["mean", "backward_transfer", "forward_transfer", "forgetting"]
"""What of a run: the mean over findings after the last step, or see `TransferMatrix`."""

Level = str | int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Replicate:
    """One of several runs.

    Attributes:
        scores: Of the same films as the others'.
        shown: Whether each of its experiences showed labels of each finding.
        levels: Factor -> level: ``{"seed": 3, "order": 1}``; none where it is the only run.
    """

    scores: Scores
    shown: Bool[np.ndarray, "experiences labels"]
    levels: Mapping[str, Level]


def replicated(
    runs: Sequence[Replicate],
    *,
    names: tuple[str, ...],
    metric: str = "auroc",
    quantity: Quantity = "mean",
    draws: int,
    rng: np.random.Generator,
) -> Estimate:
    """The mean of a quantity over runs, with an interval over patients and all factors.

    Args:
        runs: Every level of each factor with every level of the others.
        names: Findings over which a mean runs; the transfers run over all.
        metric: One of `METRICS`; one of ranking for transfers.
        quantity: What of each run.
        draws: Resamples of patients and levels.
        rng: Where they come from.

    Raises:
        InvalidValue: where there is no run, or some levels do not meet.
        Mismatch: where the runs scored other films or saw other labels.
    """
    factors, first = _Factors.of(runs), runs[0].scores
    told = _scored(runs, names, metric)
    drawn = _Drawn.of(runs, first, _patients(first, draws, rng), told, metric, quantity)
    return drawn.estimate(factors, rng)


def replicated_difference(
    runs: Sequence[Replicate],
    others: Sequence[Replicate],
    *,
    names: tuple[str, ...],
    metric: str = "auroc",
    quantity: Quantity = "mean",
    draws: int,
    rng: np.random.Generator,
) -> Estimate:
    """`replicated` of each run less its partner: the other run of the same levels.

    Others may lack a factor, as joint training lacks orders: then one serves for all levels of it.

    Args:
        runs: As for `replicated`.
        others: Their partners.
        names: Findings over which a mean runs; the transfers run over all.
        metric: One of `METRICS`; one of ranking for transfers.
        quantity: What of each run.
        draws: Resamples of patients and levels.
        rng: Where they come from.

    Raises:
        InvalidValue: where there is no run, or some levels do not meet.
        Mismatch: where runs scored other films or saw other labels, or one has no partner.
    """
    factors, first = _Factors.of(runs), runs[0].scores
    told, drawn = _scored([*runs, *others], names, metric), _patients(first, draws, rng)
    one = _Drawn.of(runs, first, drawn, told, metric, quantity)
    two = _Drawn.of(others, first, drawn, told, metric, quantity)
    return one.less(two, _partners(runs, others)).estimate(factors, rng)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Drawn:
    """A quantity of each run, on the data and in each draw of the patients."""

    values: Float[np.ndarray, " runs"]
    draws: Float[np.ndarray, "runs draws"]
    size: Size
    method: str
    why_undefined: str | None = None

    @classmethod
    def of(
        cls,
        runs: Sequence[Replicate],
        first: Scores,
        drawn: Draws,
        names: tuple[str, ...],
        metric: str,
        quantity: Quantity,
    ) -> "_Drawn":
        values, draws, findings = [], [], []
        for run in runs:
            cells = Cells(scores=aligned(run.scores, first), draws=drawn)
            matrix = cells.matrix(metric, run.shown)
            wanted = _combination(matrix, run.scores.space.indices(names), quantity)
            values.append(wanted.value(matrix))
            draws.append(cells.combined_draws(metric, wanted))
            findings.append(wanted.findings)
        every = np.unique(np.concatenate(findings)).tolist()
        return cls(
            values=np.array(values),
            draws=np.array(draws),
            size=Cells(scores=first, draws=drawn).size(every),
            method=drawn.method,
            why_undefined=None if np.isfinite(values).all() else "not defined in every run",
        )

    def less(self, other: "_Drawn", partners: Sequence[int]) -> "_Drawn":
        """Each run's quantity less its partner's."""
        return _Drawn(
            values=self.values - other.values[partners],
            draws=self.draws - other.draws[partners],
            size=self.size,
            method=f"paired {self.method}",
            why_undefined=self.why_undefined or other.why_undefined,
        )

    def estimate(self, factors: "_Factors", rng: np.random.Generator) -> Estimate:
        """The mean over the runs, and its interval."""
        if self.why_undefined:
            return self.size.undefined(self.why_undefined)
        counts = factors.drawn(self.draws.shape[1], rng)
        means = (counts * self.draws).sum(axis=0) / counts.sum(axis=0)
        value, reach = float(self.values.mean()), factors.reach(self.values, self.draws)
        low, high = np.nanquantile(means, [0.025, 0.975])
        if reach > 1:
            low, high = value + reach * (low - value), value + reach * (high - value)
        return self.size.estimate(
            value, f"{factors.described}, {self.method}", low=float(low), high=float(high)
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Factors:
    """Which level of each factor each run has: (runs,) numbers from 0."""

    levels: dict[str, np.ndarray]

    @classmethod
    def of(cls, runs: Sequence[Replicate]) -> "_Factors":
        if not runs:
            raise InvalidValue("A mean over runs takes one run or more; got none.")
        names = sorted({name for run in runs for name in run.levels})
        there = [tuple(run.levels.get(name) for name in names) for run in runs]
        columns = {
            name: sorted({one[at] for one in there}, key=str) for at, name in enumerate(names)
        }
        wanted = set(product(*columns.values()))
        if len(there) != len(wanted) or set(there) != wanted or None in chain(*there):
            raise InvalidValue(
                f"Of {len(wanted)} crossings of {_counted(columns)} there are {len(set(there))}, in "
                f"{len(there)} runs; wanted each once, all with the same factors."
            )
        return cls(
            levels={
                name: np.array([columns[name].index(one[at]) for one in there])
                for at, name in enumerate(names)
            }
        )

    @property
    def described(self) -> str:
        """How many levels of each."""
        counted = {name: np.unique(level).tolist() for name, level in self.levels.items()}
        runs = len(next(iter(self.levels.values()), [0]))
        return f"mean of {runs} run{'' if runs == 1 else 's'} ({_counted(counted) or 'no factor'})"

    def drawn(self, draws: int, rng: np.random.Generator) -> Float[np.ndarray, "runs draws"]:
        """How often each run counts in each draw."""
        counts = np.ones((1, draws))
        for level in self.levels.values():
            many = int(level.max()) + 1
            picked = rng.multinomial(max(many - 1, 1), np.full(many, 1 / many), size=draws).T
            counts = counts * picked[level]
        return counts

    def reach(
        self, values: Float[np.ndarray, " runs"], draws: Float[np.ndarray, "runs draws"]
    ) -> float:
        """How much farther out the ends of an interval lie for factors having few levels."""
        # scipy.special takes 0.1 s to import: only who combines runs waits for it
        from scipy.special import ndtri, stdtrit

        total, unsure = float(np.nanvar(draws.mean(axis=0))), 0.0
        for level in self.levels.values():
            many = int(level.max()) + 1
            if many > 1:
                means = np.bincount(level, weights=values) / np.bincount(level)
                added = float(means.var(ddof=1)) / many
                total, unsure = total + added, unsure + added**2 / (many - 1)
        return float(stdtrit(total**2 / unsure, 0.975) / ndtri(0.975)) if unsure else 1.0


def _combination(matrix: TransferMatrix, labels: list[int], quantity: Quantity) -> Combination:
    match quantity:
        case "mean":
            return matrix.mean_after(matrix.last, labels)
        case "backward_transfer":
            return matrix.backward_transfer()
        case "forward_transfer":
            return matrix.forward_transfer()
        case "forgetting":
            return matrix.forgetting()


def _scored(runs: Sequence[Replicate], names: tuple[str, ...], metric: str) -> tuple[str, ...]:
    """The findings that every run scores after its last step."""
    last = [run.scores.of_findings(names).of(METRICS[metric][1])[-1] for run in runs]
    missing = np.any([np.isnan(answers).any(axis=0) for answers in last], axis=0)
    return tuple(name for name, none in zip(names, missing, strict=True) if not none)


def _patients(scores: Scores, draws: int, rng: np.random.Generator) -> Draws:
    part = scores.part
    resamples = resample_patients(part.patients, draws=draws, rng=rng)
    return draws_of(resamples, part.target, part.known)


def _partners(runs: Sequence[Replicate], others: Sequence[Replicate]) -> list[int]:
    """For each run the place of the other with the same levels."""
    partners = []
    for run in runs:
        same = [
            at
            for at, other in enumerate(others)
            if all(run.levels.get(name) == level for name, level in other.levels.items())
        ]
        if len(same) != 1:
            said = ", ".join(f"{name} {level}" for name, level in run.levels.items())
            raise Mismatch(
                f"The run of {said or 'no level'} has {len(same)} partners; wanted one run of the "
                "same seed and order, or one for all."
            )
        partners.append(same[0])
    return partners


def _counted(columns: Mapping[str, Sequence[object]]) -> str:
    return " x ".join(f"{len(levels)} {name}" for name, levels in columns.items())

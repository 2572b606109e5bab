"""A ridge head over five steps, against numpy that has all films at once and solves once.

The sums are the same: for each fold of patients the second moment and the sum of the positives and
of the negatives of every finding, of rows of length 1, in float64. Numpy forms them over the pooled
films and solves once for what carina solves after every step: for each finding the penalty of least
error on the folds held out, from the fits on the others, and the head on all. carina never has more than a
fifth of the films. Both end at the same penalties and weights.

Once findings are known on different films, so that each has a second moment of its own; once the
features are wide and all findings known on the same films, so that solving weighs more.
"""

import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from carina.adaptors import LinearReadout
from carina.learning import Learner, Ridge, begin
from carina.learning.strategies.summing import folds_of
from carina.recipes import NIH_FINDINGS, PAPER_FINDINGS, one_thread
from carina.streams import ByData, Labelled, view

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.drawn import drawn, setting_of, stream_of, taught
from benchmarks.measured import Measured, Quantity, in_turns, show

STEPS = 5
RIDGE = Ridge(budget=None)
SAME = 1e-8  # of the largest weight


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Which films.

    Attributes:
        name: Of the case.
        findings: Their labels.
        films: How many.
        dim: How wide features are.
        known: Share of cells that are.
    """

    name: str
    findings: tuple[str, ...]
    films: int
    dim: int
    known: float


FULL = (
    Case(name="apart", findings=PAPER_FINDINGS, films=191_027, dim=128, known=0.9),
    Case(name="wide", findings=NIH_FINDINGS, films=86_524, dim=1280, known=1.0),
)
SMALL = (
    Case(name="apart", findings=PAPER_FINDINGS, films=600, dim=12, known=0.9),
    Case(name="wide", findings=NIH_FINDINGS, films=600, dim=40, known=1.0),
)


def measured(*, small: bool, data: Path | None) -> Iterator[Measured]:  # noqa: ARG001
    """The whole stream against numpy, case by case."""
    with one_thread(), threadpool_limits(1):
        for case in SMALL if small else FULL:
            yield _measured(case, repeats=1 if small else 3)


def _measured(case: Case, *, repeats: int) -> Measured:
    labelled = drawn(case.findings, films=case.films, dim=case.dim, known=case.known)
    stream = stream_of(ByData(parts=STEPS), labelled)
    views = [view(experience, labelled) for experience in stream.experiences]
    born = begin(RIDGE, setting_of(labelled), seed=0)

    def followed() -> Learner:
        learner = born
        for index, seen in enumerate(views):
            learner = taught(RIDGE, learner, seen, index=index)
        return learner

    apart = _compared(followed(), pooled(labelled))
    ours, reference = in_turns(
        followed, lambda: pooled(labelled), repeats=repeats, clock=time.process_time
    )
    return Measured(
        name=f"ridge_stream, {case.name}",
        quantity=Quantity.CPU_SECONDS,
        ours=ours,
        reference=reference,
        against="numpy, the same sums of pooled films, solved once",
        reach=1.2,
        sizes={
            "films": case.films,
            "dim": case.dim,
            "findings": len(case.findings),
            "steps": STEPS,
            "folds": RIDGE.folds,
            "known": case.known,
        },
        notes={"largest difference of a weight, of the largest weight": apart},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """What is summed of some rows: how many, their sum, and the sum of their outer products."""

    rows: float
    total: np.ndarray
    moment: np.ndarray

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(
            rows=self.rows + other.rows,
            total=self.total + other.total,
            moment=self.moment + other.moment,
        )

    @property
    def spread(self) -> tuple[np.ndarray, np.ndarray]:
        """Eigenvalues and vectors of the second moment about the mean."""
        return np.linalg.eigh(self.moment - np.outer(self.total, self.total) / self.rows)


def pooled(labelled: Labelled) -> dict[str, tuple[float, np.ndarray]]:
    """Penalty and weights of every finding, by numpy over all films at once."""
    rows = labelled.features.numpy().astype(np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    fold = folds_of(torch.from_numpy(labelled.patients), folds=RIDGE.folds, salt=RIDGE.salt)
    kinds = np.stack([labelled.known & ~labelled.target, labelled.target], axis=2)
    counts = np.empty((RIDGE.folds, *kinds.shape[1:]))
    sums = np.empty((*counts.shape, rows.shape[1]))
    moments = dict[bytes, list[Moments]]()
    for part in range(RIDGE.folds):
        mine, here = rows[fold == part], kinds[fold == part].astype(np.float64)
        counts[part] = here.sum(axis=0)
        sums[part] = (here.reshape(len(mine), -1).T @ mine).reshape(sums.shape[1:])
        for known in {known.tobytes(): known for known in labelled.known.T}.values():
            some = mine if known.all() else mine[known[fold == part]]
            told = Moments(rows=len(some), total=some.sum(axis=0), moment=some.T @ some)
            moments.setdefault(known.tobytes(), []).append(told)
    spreads = {key: Spreads.of(parts) for key, parts in moments.items()}
    return {
        name: solved(spreads[labelled.known[:, at].tobytes()], counts[:, at].T, sums[:, at])
        for at, name in enumerate(labelled.space.names)
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Spreads:
    """Second moments of each fold, and the eigenvectors of all others and of all."""

    folds: list[Moments]
    without: list[tuple[np.ndarray, np.ndarray]]
    whole: tuple[np.ndarray, np.ndarray]

    @classmethod
    def of(cls, folds: list[Moments]) -> "Spreads":
        """Those of some folds."""
        without = [[other for other in folds if other is not part] for part in folds]
        return cls(
            folds=folds,
            without=[reduce(add, others).spread for others in without],
            whole=reduce(add, folds).spread,
        )


def solved(spreads: Spreads, counts: np.ndarray, sums: np.ndarray) -> tuple[float, np.ndarray]:
    """Penalty and weights of one finding.

    Args:
        spreads: Of the films where it is known.
        counts: (2, folds): how many are negative and positive.
        sums: (folds, 2, dim): of their rows.
    """
    sums = sums.transpose(1, 0, 2)
    errors = dict.fromkeys(RIDGE.lambdas, 0.0)
    for fold, (part, spread) in enumerate(zip(spreads.folds, spreads.without, strict=True)):
        rest = [other for other in range(RIDGE.folds) if other != fold]
        number, total = counts[:, rest].sum(axis=1), sums[:, rest].sum(axis=1)
        n, mean = number.sum(), total.sum(axis=0) / number.sum()
        upper, lower = n / number[1], -n / number[0]
        for penalty in RIDGE.lambdas:
            weight = head(spread, number, total, penalty)
            bias = -weight @ mean
            square = weight @ part.moment @ weight + 2 * bias * weight @ part.total
            square += part.rows * bias**2
            negative, positive = sums[:, fold] @ weight + counts[:, fold] * bias
            crossed = upper * positive + lower * negative
            constant = counts[1, fold] * upper**2 + counts[0, fold] * lower**2
            errors[penalty] += number.prod() / n**2 * (square - 2 * crossed + constant)
    best = min(sorted(errors, reverse=True), key=lambda penalty: errors[penalty])
    return best, head(spreads.whole, counts.sum(axis=1), sums.sum(axis=1), best)


def head(
    spread: tuple[np.ndarray, np.ndarray], number: np.ndarray, total: np.ndarray, penalty: float
) -> np.ndarray:
    """Ridge regression on targets of two classes of equal weight, in eigenvectors."""
    values, vectors = spread
    both = number.prod() / number.sum()
    pull = both * (total[1] / number[1] - total[0] / number[0])
    turned: np.ndarray = vectors @ ((vectors.T @ pull) / (both / number.sum() * values + penalty))
    return turned


def _compared(learner: Learner, found: Mapping[str, tuple[float, np.ndarray]]) -> float:
    """The largest difference of a weight, as a share of the largest; penalties are equal."""
    readout, chosen = learner.readout, learner.notes["penalty"]
    assert isinstance(readout, LinearReadout)
    assert chosen == {name: penalty for name, (penalty, _) in found.items()}
    weight = np.stack([found[name][1] for name in readout.labels])
    apart = float(np.abs(readout.weight.numpy() - weight).max() / np.abs(weight).max())
    assert apart <= SAME, f"weights differ by {apart}"
    return apart


if __name__ == "__main__":
    show(measured, about=__doc__)

"""Measures by name, and tables of them, one column a finding, over draws of patients."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Shaped

from carina.core import Estimate, InvalidValue
from carina.measures.bootstrap import HOPELESS, Size, bootstrapped, must_fit, why_undefined
from carina.measures.calibration import (
    brier,
    brier_of,
    expected_calibration_error,
    expected_calibration_error_of,
    log_loss,
    log_loss_of,
)
from carina.measures.decisions import (
    f1,
    f1_of,
    precision,
    precision_of,
    sensitivity,
    sensitivity_of,
    specificity,
    specificity_of,
)
from carina.measures.ranking import auroc, auroc_of, average_precision, average_precision_of
from carina.measures.resample import PatientResamples
from carina.measures.weights import Weights

__all__ = ["WAYS", "Measure", "Table"]

Measure = Literal[
    "auroc",
    "average_precision",
    "f1",
    "precision",
    "sensitivity",
    "specificity",
    "brier",
    "log_loss",
    "ece",
]
"""``auroc`` and ``average_precision`` take scores, ``f1``, ``precision``, ``sensitivity`` and
``specificity`` decisions, ``brier``, ``log_loss`` and ``ece`` probabilities."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """A measure, the same over draws, the classes it cannot be without, and what it is taken of."""

    once: Callable[[np.ndarray, np.ndarray], float]
    drawn: Callable[[np.ndarray, np.ndarray, Weights], np.ndarray]
    needs: tuple[bool, ...] = ()
    of_decisions: bool = False
    smaller_is_better: bool = False


WAYS: Mapping[Measure, Ways] = MappingProxyType(
    {
        "auroc": Ways(once=auroc, drawn=auroc_of, needs=(True, False)),
        "average_precision": Ways(
            once=average_precision, drawn=average_precision_of, needs=(True, False)
        ),
        "f1": Ways(once=f1, drawn=f1_of, needs=(True,), of_decisions=True),
        "precision": Ways(once=precision, drawn=precision_of, needs=(True,), of_decisions=True),
        "sensitivity": Ways(
            once=sensitivity, drawn=sensitivity_of, needs=(True,), of_decisions=True
        ),
        "specificity": Ways(
            once=specificity, drawn=specificity_of, needs=(False,), of_decisions=True
        ),
        "brier": Ways(once=brier, drawn=brier_of, smaller_is_better=True),
        "log_loss": Ways(once=log_loss, drawn=log_loss_of, smaller_is_better=True),
        "ece": Ways(
            once=expected_calibration_error,
            drawn=expected_calibration_error_of,
            smaller_is_better=True,
        ),
    }
)
"""How each measure is taken, once and in many draws."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """Columns of values of one measure, and what is needed to draw them again."""

    measure: Measure
    values: Shaped[np.ndarray, "images findings"]
    target: Bool[np.ndarray, "images findings"]
    known: Bool[np.ndarray, "images findings"]
    resamples: PatientResamples
    why_undefined: tuple[str | None, ...]

    @classmethod
    def of(
        cls,
        measure: Measure,
        values: Shaped[np.ndarray, "images findings"],
        target: Bool[np.ndarray, "images findings"],
        resamples: PatientResamples,
        known: Bool[np.ndarray, "images findings"] | None,
    ) -> "Table":
        """Check that the values are of the measure's kind and the resamples of these images.

        Raises:
            InvalidValue: where the values are not what the measure takes.
            Mismatch: where the resamples are of other images.
        """
        decided = WAYS[measure].of_decisions
        wanted, kind = ("decisions (bool)", "b") if decided else ("numbers (float)", "f")
        if values.dtype.kind != kind:
            raise InvalidValue(f"{measure} takes {wanted}; got {values.dtype}.")
        must_fit(resamples, len(values))
        known = np.ones_like(target) if known is None else known
        why = tuple(
            why_undefined(WAYS[measure].needs, cells[seen], resamples.patient[seen])
            for cells, seen in zip(target.T, known.T, strict=True)
        )
        return cls(
            measure=measure,
            values=values,
            target=target,
            known=known,
            resamples=resamples,
            why_undefined=why,
        )

    @property
    def defined(self) -> list[int]:
        """The columns in which the measure is defined on all the data."""
        return [column for column, why in enumerate(self.why_undefined) if why is None]

    @property
    def size(self) -> Size:
        """What the mean is measured on: the defined columns; all where there is none."""
        columns = self.defined or slice(None)
        return Size.of(self.target[:, columns], self.known[:, columns], self.resamples.patient)

    def mean_once(self) -> float:
        """The mean over the defined columns, on all the data."""
        once = WAYS[self.measure].once
        return float(np.mean([once(*self._seen(column)) for column in self.defined]))

    def means(self, weights: Weights) -> Float[np.ndarray, " draws"]:
        """The mean over the defined columns in each draw, without those undefined there."""
        drawn = WAYS[self.measure].drawn
        columns = [
            drawn(*self._seen(column), weights.only(self.known[:, column]))
            for column in self.defined
        ]
        return np.asarray(np.nanmean(np.stack(columns), axis=0))

    def settled(self) -> tuple[Weights, str]:
        """Draws in which the means are defined, and how they came to be."""
        usable = self._usable(self.resamples.drawn())
        every = int(np.all(usable, axis=0).sum()) * HOPELESS >= self.resamples.draws
        enough = np.all if every else np.any
        weights, discarded = self.resamples.settled(
            enough(usable, axis=0), lambda drawn: enough(self._usable(drawn), axis=0)
        )
        method = bootstrapped(self.resamples.draws, discarded)
        return weights, method if every else f"{method}, a draw's mean over findings defined in it"

    def estimate(self, value: float, draws: Float[np.ndarray, " draws"], method: str) -> Estimate:
        """The value between the 2.5th and the 97.5th percentile of its draws."""
        return self.size.between(value, draws, method)

    def undefined(self, why: str) -> Estimate:
        """No value, and the reason."""
        return self.size.undefined(why)

    def count(self) -> str:
        """Over how many findings the mean runs."""
        return f"mean of {len(self.defined)} of {len(self.why_undefined)} findings"

    def why_none(self) -> str:
        """Why there is no mean."""
        reasons = sorted({why for why in self.why_undefined if why})
        return (
            f"none of {len(self.why_undefined)} findings: {'; '.join(reasons) or 'there is none'}"
        )

    def _seen(self, column: int) -> tuple[np.ndarray, np.ndarray]:
        seen = self.known[:, column]
        return self.values[seen, column], self.target[seen, column]

    def _usable(self, weights: Weights) -> Bool[np.ndarray, "defined draws"]:
        """Whether each draw holds a known image, and the classes needed, of each defined column."""
        needs = WAYS[self.measure].needs
        known, target = self.known[:, self.defined].T, self.target[:, self.defined].T
        wanted = [known & (target == kind) for kind in needs] or [known]
        held = weights.totals(*np.concatenate(wanted)) > 0
        return np.asarray(np.all(held.reshape(len(wanted), len(known), -1), axis=0))

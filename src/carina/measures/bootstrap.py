"""Percentile intervals of anything that can be computed over draws of patients."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from carina.core import Estimate, Mismatch
from carina.measures.resample import PatientResamples
from carina.measures.weights import Weights

__all__ = ["HOPELESS", "Seen", "Size", "why_undefined"]

HOPELESS = 50  # times as many draws as wanted: more are not worth drawing

Drawn = Callable[[Weights], Float[np.ndarray, "measures draws"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What an estimate was measured on: images (or cells), positive ones, patients."""

    n: int
    positives: int
    patients: int

    @classmethod
    def of(
        cls,
        target: Bool[np.ndarray, "*cells"],
        known: Bool[np.ndarray, "*cells"],
        patient: Int[np.ndarray, " images"],
    ) -> "Size":
        """Of known cells; where there are columns, a patient counts once for all of them."""
        seen = known.reshape(len(known), -1).any(axis=1)
        return cls(
            n=int(known.sum()),
            positives=int((known & target).sum()),
            patients=len(np.unique(patient[seen])),
        )

    def between(self, value: float, draws: Float[np.ndarray, " draws"], method: str) -> Estimate:
        """The value between the 2.5th and the 97.5th percentile of its draws."""
        low, high = np.quantile(draws, [0.025, 0.975])
        return self.estimate(value, method, low=float(low), high=float(high))

    def estimate(
        self, value: float, method: str, *, low: float | None = None, high: float | None = None
    ) -> Estimate:
        """A value, with an interval where there is one."""
        return Estimate(
            value=value,
            low=low,
            high=high,
            n=self.n,
            positives=self.positives,
            patients=self.patients,
            method=method,
        )

    def undefined(self, why: str) -> Estimate:
        """No value, and the reason."""
        return Estimate.undefined(why, n=self.n, positives=self.positives, patients=self.patients)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """The images on which one finding is known, and the draws of their patients.

    Attributes:
        values: Scores, probabilities or decisions of these images.
        target: Their outcomes.
        known: Which images of all they are.
        resamples: Draws of the patients of all images.
        size: What is measured on.
    """

    values: Shaped[np.ndarray, " seen"]
    target: Bool[np.ndarray, " seen"]
    known: Bool[np.ndarray, " images"]
    resamples: PatientResamples
    size: Size

    @classmethod
    def of(
        cls,
        values: Shaped[np.ndarray, " images"],
        target: Bool[np.ndarray, " images"],
        resamples: PatientResamples,
        known: Bool[np.ndarray, " images"] | None,
    ) -> "Seen":
        """Of all images, or of those where the finding is known.

        Raises:
            Mismatch: where the resamples are of other images.
        """
        must_fit(resamples, len(values))
        known = np.ones_like(target) if known is None else known
        return cls(
            values=values[known],
            target=target[known],
            known=known,
            resamples=resamples,
            size=Size.of(target, known, resamples.patient),
        )

    def why_undefined(self, *needs: bool) -> str | None:
        """Why nothing that needs these classes is defined, or None."""
        return why_undefined(needs, self.target, self.resamples.patient[self.known])

    def estimates(self, values: Sequence[float], drawn: Drawn) -> tuple[Estimate, ...]:
        """Values of these images with their intervals, all in the same draws.

        A draw in which one of them is NaN is drawn again. Where fewer than one draw in fifty has
        them all, they stand without intervals.

        Args:
            values: On all the data; finite.
            drawn: The same in each of many draws, one row a value.
        """

        def ours(weights: Weights) -> np.ndarray:
            return drawn(weights.only(self.known))

        def whole(weights: Weights) -> np.ndarray:
            return np.asarray(~np.isnan(ours(weights)).any(axis=0))

        rows = ours(self.resamples.drawn())
        good = ~np.isnan(rows).any(axis=0)
        if int(good.sum()) * HOPELESS < self.resamples.draws:
            why = f"no interval: defined in {int(good.sum())} of {self.resamples.draws} draws"
            return tuple(self.size.estimate(value, why) for value in values)
        weights, discarded = self.resamples.settled(good, whole)
        rows = ours(weights) if discarded else rows
        # what is solved step by step may, by a rounding, not settle again in other company
        rows = rows[:, ~np.isnan(rows).any(axis=0)]
        method = bootstrapped(self.resamples.draws, discarded)
        return tuple(
            self.size.between(value, row, method) for value, row in zip(values, rows, strict=True)
        )


def bootstrapped(draws: int, discarded: int) -> str:
    """How an interval by resampling says how it was made."""
    return f"patient bootstrap, {draws} draws, {discarded} redrawn"


def must_fit(resamples: PatientResamples, images: int) -> None:
    """Raise `Mismatch` where resamples are of another number of images."""
    if len(resamples.patient) != images:
        raise Mismatch(
            f"The resamples are of {len(resamples.patient)} images, the values of "
            f"{images}. Make resamples from the patients of these images."
        )


def why_undefined(
    needs: tuple[bool, ...],
    target: Bool[np.ndarray, " seen"],
    patient: Shaped[np.ndarray, " seen"],
) -> str | None:
    """Why a measure that needs these classes has no value or no interval, or None."""
    if not len(target):
        return "no known image"
    for kind in needs:
        if not (target == kind).any():
            return f"no {'positive' if kind else 'negative'} image among {len(target)}"
    if len(np.unique(patient)) < 2:
        return "one patient only: nothing to resample"
    return None

"""Did it learn, did it forget: scores after every step, on every finding, and their summaries.

R[t, c] is the score of finding c after step t; t = 0 is before any experience and T the last
step. k(c) is the step that first taught c. Means run over the findings for which every term
is defined. Definitions after Lopez-Paz and Ranzato, Gradient Episodic Memory, NeurIPS 2017, and
Chaudhry et al., Riemannian Walk, ECCV 2018, carried over from tasks to findings.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from carina.core import InvalidValue

__all__ = ["Contrast", "TransferMatrix"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """A mean over findings of R[first, c] - R[second, c], each finding with steps of its own.

    Attributes:
        labels: Columns of the findings it runs over.
        first: Step of the first term, for each of them.
        second: Step of the second term.
    """

    labels: Int[np.ndarray, " some"]
    first: Int[np.ndarray, " some"]
    second: Int[np.ndarray, " some"]

    def value(self, matrix: "TransferMatrix") -> float:
        """The mean; NaN where it runs over no finding."""
        if not len(self.labels):
            return float("nan")
        r = matrix.values
        return float(np.mean(r[self.first, self.labels] - r[self.second, self.labels]))


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferMatrix:
    """R, and the step that taught each finding.

    Attributes:
        values: (steps, labels), index 0 before any experience; NaN where undefined.
        taught: (labels): the step, from 1, that first showed a finding; 0 where none did.
    """

    values: Float[np.ndarray, "steps labels"]
    taught: Int[np.ndarray, " labels"]

    def __post_init__(self) -> None:
        if self.values.shape[1] != len(self.taught) or (self.taught >= len(self.values)).any():
            raise InvalidValue(
                f"A transfer matrix is (steps, labels); got {self.values.shape} for findings "
                f"taught at steps {self.taught.tolist()}."
            )

    @property
    def last(self) -> int:
        """T."""
        return len(self.values) - 1

    def gain_over_zero_shot(self) -> Contrast:
        """The mean of R[T, c] - R[0, c] over findings that a step taught.

        What learning gave over what the frozen encoders gave. Undefined where zero-shot is.
        """
        labels = self._taught_between(1, self.last)
        return self._defined(labels, np.full(len(labels), self.last), np.zeros_like(labels))

    def backward_transfer(self) -> Contrast:
        """BWT: the mean of R[T, c] - R[k(c), c] over findings taught before the last step.

        Below zero where later experiences harmed earlier findings.
        """
        labels = self._taught_between(1, self.last - 1)
        return self._defined(labels, np.full(len(labels), self.last), self.taught[labels])

    def forward_transfer(self) -> Contrast:
        """FWT: the mean of R[k(c) - 1, c] - R[0, c] over findings taught after the first step.

        What earlier experiences gave a finding nobody had taught yet, over what the frozen
        encoders gave it. Undefined where zero-shot is.
        """
        labels = self._taught_between(2, self.last)
        return self._defined(labels, self.taught[labels] - 1, np.zeros(len(labels), dtype=int))

    def forgetting(self, *, with_last: bool = False) -> Contrast:
        """The mean over findings of max over t of R[t, c], minus R[T, c], for t from k(c) to T-1.

        Only steps from the one that taught the finding onwards count; below zero is a gain. The
        contrast fixes each finding's best step, so an interval of it does not search again.

        Args:
            with_last: Let t run to T, as some published code does, so that forgetting can never
                be negative; shown beside the sound one.
        """
        labels = self._taught_between(1, self.last - 1)
        end = self.last + 1 if with_last else self.last
        peaks = np.array(
            [self._peak(self.values[self.taught[c] : end, c]) + self.taught[c] for c in labels],
            dtype=int,
        )
        return self._defined(labels, peaks, np.full(len(labels), self.last))

    def _taught_between(self, low: int, high: int) -> Int[np.ndarray, " some"]:
        return np.flatnonzero((self.taught >= low) & (self.taught <= high))

    @staticmethod
    def _peak(column: Float[np.ndarray, " steps"]) -> int:
        return int(np.argmax(np.where(np.isnan(column), -np.inf, column)))

    def _defined(
        self,
        labels: Int[np.ndarray, " some"],
        first: Int[np.ndarray, " some"],
        second: Int[np.ndarray, " some"],
    ) -> Contrast:
        whole: Bool[np.ndarray, " some"] = ~np.isnan(
            self.values[first, labels] - self.values[second, labels]
        )
        return Contrast(labels=labels[whole], first=first[whole], second=second[whole])

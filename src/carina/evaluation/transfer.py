"""Did it learn, did it forget: scores after every step, on every finding, and their summaries.

R[t, c] is the score of finding c after step t; t = 0 is before any experience and T the last
step. k(c) is the step that first taught c. Means run over the findings for which every term
is defined. Definitions after Lopez-Paz and Ranzato, Gradient Episodic Memory, NeurIPS 2017, and
Chaudhry et al., Riemannian Walk, ECCV 2018, carried over from tasks to findings.

Learning, potential and retention are those of Burgon et al., Learning, Potential, and Retention,
2026 (arXiv 2604.04878), with the findings that step v shows, on the films held back, for their
evaluation data set of step v. S(t | v) is the mean of R[t, c] over them; where R[t, c] is undefined
because nobody had met the finding by then, chance stands for it. A finding that has no score after
its own step (no positive film is held back) counts nowhere.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp, fsum

import numpy as np
from jaxtyping import Bool, Float, Int

from carina.core import InvalidValue

__all__ = ["Combination", "TransferMatrix"]

_DECAY = 0.5  # of the weights of retention, a step; Burgon et al.'s own


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination:
    """A weighted sum of scores R[step, finding], and what stands for scores that are undefined.

    Attributes:
        steps: Step of each term.
        labels: Its finding.
        weights: What its score is multiplied with.
        constant: Added.
        by_chance: How many scores the constant stands for.
    """

    steps: Int[np.ndarray, " terms"]
    labels: Int[np.ndarray, " terms"]
    weights: Float[np.ndarray, " terms"]
    constant: float = 0.0
    by_chance: int = 0

    @property
    def findings(self) -> Int[np.ndarray, " some"]:
        """Columns of the findings it runs over."""
        return np.unique(self.labels)

    def value(self, matrix: "TransferMatrix") -> float:
        """The sum; NaN where it runs over no finding."""
        if not len(self.labels):
            return float("nan")
        # summed so that what is added and taken away again leaves nothing
        terms = self.weights * matrix.values[self.steps, self.labels]
        return fsum([*terms.tolist(), self.constant])


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferMatrix:
    """R, and which step showed which finding.

    Attributes:
        values: (steps, labels), index 0 before any experience; NaN where undefined.
        shown: (experiences, labels): whether the experience showed labels of the finding.
        chance: (labels): score of a reader that knows nothing.
    """

    values: Float[np.ndarray, "steps labels"]
    shown: Bool[np.ndarray, "experiences labels"]
    chance: Float[np.ndarray, " labels"]

    def __post_init__(self) -> None:
        experiences, labels = self.shown.shape
        if self.values.shape != (experiences + 1, labels) or len(self.chance) != labels:
            raise InvalidValue(
                "A transfer matrix has a row before any experience and one after each; got "
                f"{self.values.shape} for {experiences} experiences of {labels} findings, and "
                f"chance of {len(self.chance)}."
            )

    @property
    def last(self) -> int:
        """T."""
        return len(self.shown)

    @property
    def taught(self) -> Int[np.ndarray, " labels"]:
        """k: the step, from 1, that first showed each finding; 0 where none did."""
        return np.where(self.shown.any(axis=0), self.shown.argmax(axis=0) + 1, 0)

    def gain_over_zero_shot(self) -> Combination:
        """The mean of R[T, c] - R[0, c] over findings that a step taught.

        What learning gave over what the frozen encoders gave. Undefined where zero-shot is.
        """
        labels = self._taught_between(1, self.last)
        return self._mean_change(labels, np.full(len(labels), self.last), np.zeros_like(labels))

    def backward_transfer(self) -> Combination:
        """BWT: the mean of R[T, c] - R[k(c), c] over findings taught before the last step.

        Below zero where later experiences harmed earlier findings.
        """
        labels = self._taught_between(1, self.last - 1)
        return self._mean_change(labels, np.full(len(labels), self.last), self.taught[labels])

    def forward_transfer(self) -> Combination:
        """FWT: the mean of R[k(c) - 1, c] - R[0, c] over findings taught after the first step.

        What earlier experiences gave a finding nobody had taught yet, over what the frozen
        encoders gave it. Undefined where zero-shot is.
        """
        labels = self._taught_between(2, self.last)
        return self._mean_change(labels, self.taught[labels] - 1, np.zeros_like(labels))

    def forgetting(self, *, with_last: bool = False) -> Combination:
        """The mean over findings of max over t of R[t, c], minus R[T, c], for t from k(c) to T-1.

        Only steps from the one that taught the finding onwards count; below zero is a gain. The
        combination fixes each finding's best step, so an interval of it does not search again.

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
        return self._mean_change(labels, peaks, np.full(len(labels), self.last))

    def learning(self, step: int) -> Combination:
        """S(t | t) - S(t - 1 | t): what the step added to what it showed, for t from 1 to T."""
        return self._combined([(1.0, step, step), (-1.0, step - 1, step)])

    def potential(self, step: int) -> Combination:
        """S(t - 1 | t - 1) - S(t - 1 | t): how much the step was ahead of its reader, t from 2.

        Above zero where the reader was worse on what the step was to show than on what the step
        before had shown: so much there was to learn. Learning that keeps up is as large.
        """
        return self._combined([(1.0, step - 1, step - 1), (-1.0, step - 1, step)])

    def retention(self, step: int, *, decay: float = _DECAY) -> Combination:
        """The weighted mean of S(t | v) over earlier steps v, weights exp(-decay (t - 1 - v)), t from 2.

        What the reader is still worth on what earlier steps showed; what was shown of late counts
        most.
        """
        sets = [v for v in range(1, step) if len(self._evaluated(v))]
        weights = [exp(-decay * (step - 1 - v)) for v in sets]
        total = sum(weights)
        return self._combined([(w / total, step, v) for w, v in zip(weights, sets, strict=True)])

    def mean_after(self, step: int, labels: Sequence[int]) -> Combination:
        """The mean of R[t, c] over those findings that have a score after the step."""
        some = np.array([c for c in labels if not np.isnan(self.values[step, c])], dtype=int)
        count = len(some)
        return Combination(
            steps=np.full(count, step), labels=some, weights=np.full(count, 1 / max(count, 1))
        )

    def mean_over_steps(self, labels: Sequence[int]) -> Combination:
        """The mean over the experiences of `mean_after` each."""
        return self.mean(self.mean_after(step, labels) for step in range(1, self.last + 1))

    @staticmethod
    def mean(combinations: Iterable[Combination]) -> Combination:
        """The mean of those that run over a finding."""
        some = [each for each in combinations if len(each.labels)]
        if not some:
            return _NOTHING
        return Combination(
            steps=np.concatenate([each.steps for each in some]),
            labels=np.concatenate([each.labels for each in some]),
            weights=np.concatenate([each.weights for each in some]) / len(some),
            constant=sum(each.constant for each in some) / len(some),
            by_chance=sum(each.by_chance for each in some),
        )

    def _taught_between(self, low: int, high: int) -> Int[np.ndarray, " some"]:
        return np.flatnonzero((self.taught >= low) & (self.taught <= high))

    def _evaluated(self, step: int) -> Int[np.ndarray, " some"]:
        """The findings a step shows that have a score after it."""
        return np.flatnonzero(self.shown[step - 1] & ~np.isnan(self.values[step]))

    @staticmethod
    def _peak(column: Float[np.ndarray, " steps"]) -> int:
        return int(np.argmax(np.where(np.isnan(column), -np.inf, column)))

    def _mean_change(
        self,
        labels: Int[np.ndarray, " some"],
        first: Int[np.ndarray, " some"],
        second: Int[np.ndarray, " some"],
    ) -> Combination:
        """The mean of R[first, c] - R[second, c] over the findings in which both are defined."""
        whole = ~np.isnan(self.values[first, labels] - self.values[second, labels])
        count = int(whole.sum())
        if not count:
            return _NOTHING
        return Combination(
            steps=np.concatenate([first[whole], second[whole]]),
            labels=np.concatenate([labels[whole], labels[whole]]),
            weights=np.repeat([1.0 / count, -1.0 / count], count),
        )

    def _combined(self, terms: list[tuple[float, int, int]]) -> Combination:
        """A sum of weight times S(t | v); nothing where some v has no finding with a score."""
        steps, labels, weights, constant, by_chance = [], [], [], 0.0, 0
        for weight, after, of in terms:
            findings = self._evaluated(of)
            if not len(findings):
                return _NOTHING
            there = ~np.isnan(self.values[after, findings])
            share = weight / len(findings)
            steps += [after] * int(there.sum())
            labels += findings[there].tolist()
            weights += [share] * int(there.sum())
            constant += share * float(self.chance[findings[~there]].sum())
            by_chance += int((~there).sum())
        return Combination(
            steps=np.array(steps, dtype=int),
            labels=np.array(labels, dtype=int),
            weights=np.array(weights, dtype=np.float64),
            constant=constant,
            by_chance=by_chance,
        )


_NOTHING = Combination(
    steps=np.array([], dtype=int), labels=np.array([], dtype=int), weights=np.array([])
)

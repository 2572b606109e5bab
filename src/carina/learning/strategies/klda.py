"""KLDA: linear discriminant analysis in random Fourier features.

Momeni, Mazumder and Liu, "Continual Learning Using a Kernel-Based Method Over Foundation Models",
AAAI 2025. Over frozen features the paper maps rows to ``z = sqrt(2 / D) cos(x W + b)``, whose
products come near the Gaussian kernel ``exp(-gamma |x - y|^2)``, keeps the mean of each class and
the sum of scatters W about these means, and takes the class of least ``(z - m_k) . (W + reg I)^-1 (z
- m_k)``; D is 5,000, gamma 1e-4 or 1e-2 and reg 1e-3 or 1e-4 in the released code.

What carries over: the features, the means, the one scatter, and that everything is a running sum.
What does not: classes that exclude one another. Each finding is a question of two classes, present
and absent, equally likely as in the paper, and the scatter is over the rows where that finding is
known; the score is half the difference of the two distances, times the number of rows, so that it
is in log odds. Rows are brought to length 1 first, so gamma = 1 / (2 bandwidth^2) is for distances
of at most 2.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from carina.adaptors import LiftConfig, RandomFourier
from carina.core import ConfigError
from carina.learning.learner import Event, Learner, Setting
from carina.learning.strategies.by_fold import Candidates, solved_by_fold
from carina.learning.strategies.discriminant import discriminant
from carina.learning.strategies.held_out import Classes
from carina.learning.strategies.over_sums import added, begun, settled, taken
from carina.learning.strategies.scatter import Scatter
from carina.learning.strategies.sums import Sums
from carina.streams import View

__all__ = ["KLDA"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KLDA:
    """A linear discriminant a finding in random features, from sums that are kept.

    Only findings with known rows in an experience are solved anew. Soft rows count in both
    classes, by their shares.

    Attributes:
        penalty: The paper's reg, beside the summed scatter.
        lift: The random features; the paper's are 5,000 wide.
        folds: In how many parts by patient the sums are kept, for the calibration.
        salt: Which patients share a part.
    """

    penalty: float = 10.0
    lift: LiftConfig = RandomFourier(width=2048)
    folds: int = 5
    salt: str = "klda"

    def __post_init__(self) -> None:
        if self.penalty <= 0 or self.folds < 2:
            raise ConfigError(
                "KLDA has a penalty above 0 and 2 folds or more; got "
                f"penalty={self.penalty}, folds={self.folds}."
            )

    def begin(self, setting: Setting, *, rng: np.random.Generator) -> Learner:  # noqa: ARG002
        """A head without findings over empty sums."""
        return begun(setting, folds=self.folds, salt=self.salt, lift=self.lift)

    def learn(
        self,
        learner: Learner,
        view: View,
        *,
        rng: np.random.Generator,  # noqa: ARG002
    ) -> Iterator[Event]:
        """Add the experience to the sums and solve the findings it touches.

        Raises:
            Mismatch: where the view is of another width, or the learner's sums are in other folds.
            InvalidValue: where a finding has positives and no negative yet.
        """
        yield from self._settled(learner, added(learner, view, folds=self.folds, salt=self.salt))

    def retract(
        self,
        learner: Learner,
        view: View,
        *,
        rng: np.random.Generator,  # noqa: ARG002
    ) -> Iterator[Event]:
        """Take the view's known cells out of the sums and solve the findings they were of.

        Raises:
            Mismatch: where they were never in them.
            InvalidValue: where a finding is left with positives and no negative.
        """
        yield from self._settled(learner, taken(learner, view))

    def _settled(self, learner: Learner, sums: Sums) -> Iterator[Event]:
        yield from settled(
            learner,
            sums,
            method="KLDA",
            solve=lambda group: solved_by_fold(sums, group, self._fit),
        )

    def _fit(self, seen: Classes, scatter: Scatter) -> Candidates:
        return discriminant(seen, scatter, share=1.0, penalty=self.penalty / seen.rows.clamp(min=1))

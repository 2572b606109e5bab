"""SLDA: linear discriminant analysis that streams, its covariance shrunk.

Hayes and Kanan, "Lifelong Machine Learning with Deep Streaming Linear Discriminant Analysis", CVPR
workshops 2020. Over frozen features the paper keeps a running mean of each class and one covariance
C about these means, and scores class k by ``x . L m_k - m_k . L m_k / 2`` with the shrunk precision
``L = ((1 - e) C + e I)^-1``, e = 1e-4.

What carries over: means, the shared covariance, the shrinkage, and that everything is a running sum,
so that learning in steps is learning at once. What does not: classes that exclude one another. Each
finding is a question of two classes, present and absent, equally likely as in the paper, with one
covariance for both; it is taken over the rows where that finding is known, since rows of several
findings are of no one class. Rows are brought to length 1 first, so e is large or small beside
variances near 1 / width. Scores rank films just as the masked ridge head with a lambda of m e / (1 -
e) does, m = n+ n- / n: what is told apart here is the choice of the penalty.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from carina.core import ConfigError
from carina.learning.learner import Event, Learner, Setting
from carina.learning.strategies.by_fold import Candidates, solved_by_fold
from carina.learning.strategies.discriminant import discriminant
from carina.learning.strategies.held_out import Classes
from carina.learning.strategies.over_sums import added, begun, settled, taken
from carina.learning.strategies.scatter import Scatter
from carina.learning.strategies.sums import Sums
from carina.streams import View

__all__ = ["SLDA"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SLDA:
    """A linear discriminant a finding, from sums that are kept instead of films.

    Only findings with known rows in an experience are solved anew. Soft rows count in both
    classes, by their shares.

    Attributes:
        shrinkage: The paper's e, in (0, 1).
        folds: In how many parts by patient the sums are kept, for the calibration.
        salt: Which patients share a part.
    """

    shrinkage: float = 1e-4
    folds: int = 5
    salt: str = "slda"

    def __post_init__(self) -> None:
        if not 0 < self.shrinkage < 1 or self.folds < 2:
            raise ConfigError(
                "SLDA has a shrinkage in (0, 1) and 2 folds or more; got "
                f"shrinkage={self.shrinkage}, folds={self.folds}."
            )

    def begin(self, setting: Setting, *, rng: np.random.Generator) -> Learner:  # noqa: ARG002
        """A head without findings over empty sums."""
        return begun(setting, folds=self.folds, salt=self.salt, lift=None)

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
            method="SLDA",
            solve=lambda group: solved_by_fold(sums, group, self._fit),
        )

    def _fit(self, seen: Classes, scatter: Scatter) -> Candidates:
        share = 1 - self.shrinkage
        return discriminant(
            seen, scatter, share=share, penalty=torch.full_like(seen.rows, self.shrinkage)
        )

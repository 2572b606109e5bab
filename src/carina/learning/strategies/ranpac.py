"""RanPAC: ridge regression on random features, its penalty chosen on films held out.

McDonnell et al., "RanPAC: Random Projections and Pre-trained Models for Continual Learning",
NeurIPS 2023. The paper maps frozen features to h = relu(x P), P fixed and drawn from a normal
distribution, keeps ``G = sum h h'`` and for each class k the sum c_k of its h, and scores class k
by ``h . (G + lambda I)^-1 c_k``: the ridge regression of one-hot classes, without intercept. Lambda
is the one of 17 powers of ten, 1e-8 to 1e8, with the least squared error on the last fifth of the
present task's films when fitted to the others.

What carries over: random features, the one-hot regression, G shared by all findings known on the
same films, lambda by squared error. What does not: one G for all, since a film where a finding is
not known must not count as one without it; each finding is regressed, 1 or 0, on the films where it
is known, which is one class against the rest. Lambda is chosen for each finding over folds of
patients, of all that was met and not of the last task alone, from the sums themselves; the grid
leaves out the ends, of which the lower drown in rounding. The half between
the two targets is taken off the score, so that above 0 speaks for the finding. The paper's 10,000
features would keep 2 GB of sums in five folds; the default is 2,048. Its adapter, tuned on the first
task, would tune the encoder, which stays frozen. Rows are brought to length 1 first. Against it,
the masked ridge head (`Ridge` with a lift) has an intercept and weighs both classes alike.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from carina.adaptors import LiftConfig, RandomReLU
from carina.core import ConfigError
from carina.learning.learner import Event, Learner, Setting
from carina.learning.strategies.by_fold import Candidates, Head, solved_by_fold
from carina.learning.strategies.held_out import Classes, HeldOut
from carina.learning.strategies.over_sums import added, begun, settled, taken
from carina.learning.strategies.scatter import Scatter
from carina.learning.strategies.sums import Sums
from carina.streams import View

__all__ = ["RanPAC"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RanPAC:
    """One-against-the-rest ridge regression a finding on random features, from sums that are kept.

    Only findings with known rows in an experience are solved anew. Soft rows count in both
    classes, by their shares.

    Attributes:
        penalties: Lambdas to choose from, for each finding by held-out squared error; ties go to
            the larger.
        lift: The random features; None regresses on the rows.
        folds: In how many parts by patient the sums are kept.
        salt: Which patients share a part.
    """

    penalties: tuple[float, ...] = (1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0, 1e3, 1e4)
    lift: LiftConfig | None = RandomReLU(width=2048)
    folds: int = 5
    salt: str = "ranpac"

    def __post_init__(self) -> None:
        if not self.penalties or min(self.penalties) <= 0 or self.folds < 2:
            raise ConfigError(
                "RanPAC has one penalty or more, each above 0, and 2 folds or more; got "
                f"penalties={self.penalties}, folds={self.folds}."
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
            method="RanPAC",
            solve=lambda group: solved_by_fold(sums, group, self._fit, _squared_error),
            told=self._told,
        )

    @property
    def _ordered(self) -> list[float]:
        return sorted(set(self.penalties), reverse=True)

    def _told(self, head: Head) -> dict[str, float | None]:
        return {"penalty": self._ordered[head.pick], "held_out_error": head.error}

    def _fit(self, seen: Classes, scatter: Scatter) -> Candidates:
        """``(G + lambda I)^-1 c`` for each lambda, by Sherman and Morrison from G's scatter."""
        total = seen.positive + seen.negative
        solved = scatter.solved(
            torch.stack([seen.positive, total], dim=1),
            seen.rows / max(scatter.rows, 1.0),
            self._ordered,
        )
        weight, lean = solved.unbind(dim=2)
        along = torch.einsum("lcd,ld->lc", weight, total)
        length = seen.rows.clamp(min=1)[:, None] + torch.einsum("lcd,ld->lc", lean, total)
        weight = weight - lean * (along / length)[:, :, None]
        return Candidates(weight=weight, bias=torch.full_like(along, -0.5))


def _squared_error(held: HeldOut) -> Float64[Tensor, "labels candidates"]:
    """Of held-out scores against 1/2 for positives and -1/2 for negatives."""
    rows = (held.positives + held.negatives)[:, None]
    return held.square - (held.positive - held.negative) + rows / 4

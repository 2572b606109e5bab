"""L3A: one weighted ridge regression of all findings, with pseudo-labels where old ones are blank.

Zhang et al., "L3A: Label-Augmented Analytic Adaptation for Multi-Label Class Incremental Learning",
ICML 2025 (PMLR 267). Of all the methods here it is the one made for several labels an image, and in
its form little is lost: features of a frozen encoder go through a fixed random projection and a
ReLU, h = relu(x P); where an experience says nothing of an old finding, the present classifier
does, and marks it present where the logistic function of its score is above a threshold; image i
weighs the mean of its positive findings' weights, which are proportional to 1 / sqrt(positives met
so far) and 1 on average; and one ridge regression without intercept serves all findings,

    W = (sum_i w_i h_i h_i' + penalty I)^-1 sum_i w_i h_i y_i',    score = h . W.

What carries over: all of this, with the released code's threshold of 0.7. What does not: the paper
trains the encoder's last layers on the first experience, and here the encoder stays frozen; its
images always show a finding, and a film here may show none, whose weight the paper's formula leaves
undefined and is 1 here; rows are brought to length 1 and the projection has carina's factor, so
that the paper's penalties of 1 to 1,000 for features of their length are smaller numbers here. Two
things the paper's form implies are kept and worth knowing. Every film counts as a negative for each
finding that is met after it, and for those met already that the classifier does not mark; a blank
is so never left out. And a film keeps the weight and the pseudo-labels of the day it came, so the
order of learning matters.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

from carina.adaptors import LiftConfig, LinearReadout, RandomReLU
from carina.core import ConfigError
from carina.learning.keeping import counted, of_few_patients
from carina.learning.learner import Event, Learned, Learner, Setting, Step
from carina.learning.strategies.linear import check_width, head_of, no_head
from carina.learning.strategies.summing import unit
from carina.learning.strategies.triangles import half_of, packed, unpacked
from carina.streams import View
from carina.studies import LabelSpace

__all__ = ["L3A"]


@dataclass(frozen=True, slots=True, kw_only=True)
class L3A:
    """Weighted ridge regression of all findings at once, old ones pseudo-labelled where blank.

    Findings that an experience does not show change too, since all share one second moment. Soft
    cells count as blank.

    Attributes:
        penalty: Of the regression, beside the weighted sum over films.
        threshold: The logistic function of an old finding's score from which a blank cell of it is
            taken for present; 1 takes none. Regression scores are mostly between 0 and 1, of which
            that function is 0.5 to 0.73.
        weighted: Whether films weigh what their findings are rare; else each weighs 1.
        lift: The random projection; the paper's is 4,096 or 8,192 wide.
    """

    penalty: float = 1.0
    threshold: float = 0.7
    weighted: bool = True
    lift: LiftConfig | None = RandomReLU(width=2048)

    def __post_init__(self) -> None:
        if self.penalty <= 0 or not 0 < self.threshold <= 1:
            raise ConfigError(
                "L3A has a penalty above 0 and a threshold above 0 and up to 1; got "
                f"penalty={self.penalty}, threshold={self.threshold}."
            )

    def begin(self, setting: Setting, *, rng: np.random.Generator) -> Learner:  # noqa: ARG002
        """No finding, and sums over no film."""
        readout = no_head(setting.image_dim, normalise=True, lift=self.lift)
        width = readout.weight.shape[1]
        nothing = {
            "sums/second": torch.zeros(half_of(width), dtype=torch.float64),
            "sums/present": torch.zeros(0, width, dtype=torch.float64),
            "sums/counts": torch.zeros(2, 0, dtype=torch.int64),
        }
        return Learner(setting=setting, readout=readout, carried=nothing)

    def learn(
        self,
        learner: Learner,
        view: View,
        *,
        rng: np.random.Generator,  # noqa: ARG002
    ) -> Iterator[Event]:
        """Fill the blanks of old findings, add the films to the sums, and solve once.

        Raises:
            Mismatch: where the view is of another width.
        """
        check_width(learner, view)
        readout, labels = head_of(learner), learner.labels.grown(*view.labels)
        view = _with_something_known(view)
        told, guessed = self._said(readout, view, labels)
        counts = counted(learner.carried["sums/counts"], told, view.patients)
        rows = unit(view.features.double())
        lifted = rows if readout.lift is None else readout.lift(rows)
        weighed = lifted * self._weights(told | guessed, counts[0])[:, None]
        second = learner.carried["sums/second"] + packed(weighed.T @ lifted)
        present = (told | guessed).double().T @ weighed
        present[: len(learner.labels)] += learner.carried["sums/present"]
        about = unpacked(second[None], present.shape[1])[0]
        about.diagonal().add_(self.penalty)
        weight = torch.cholesky_solve(present.T, torch.linalg.cholesky(about)).T
        yield Step(index=0, of=1, loss=None)
        yield Learned(
            learner=replace(
                learner,
                labels=labels,
                readout=replace(
                    readout,
                    labels=labels.names,
                    weight=weight.contiguous(),
                    bias=torch.zeros(len(labels), dtype=torch.float64),
                ),
                carried={"sums/second": second, "sums/present": present, "sums/counts": counts},
                notes={**learner.notes, "pseudo_positives": int(guessed.sum())},
                fewest_patients=min((n for n in counts[1].tolist() if n), default=None),
                single_patients=learner.single_patients or of_few_patients(view),
            )
        )

    def _said(
        self, readout: LinearReadout, view: View, labels: LabelSpace
    ) -> tuple[Bool[Tensor, "rows labels"], Bool[Tensor, "rows labels"]]:
        """Cells known to be present, and blank ones of old findings that are taken for it."""
        told = torch.zeros(len(view.rows), len(labels), dtype=torch.bool)
        guessed = torch.zeros_like(told)
        scores = readout(view.features).difference
        guessed[:, : scores.shape[1]] = torch.sigmoid(scores) > self.threshold
        for column, place in enumerate(labels.indices(view.labels)):
            told[:, place] = view.known[:, column] & view.target[:, column]
            guessed[:, place] &= ~view.known[:, column]
        return told, guessed

    def _weights(
        self, present: Bool[Tensor, "rows labels"], positives: Int64[Tensor, " labels"]
    ) -> Float64[Tensor, " rows"]:
        """What each film weighs: the mean of its findings' weights, 1 where it shows none."""
        if not self.weighted:
            return torch.ones(len(present), dtype=torch.float64)
        rare = positives.clamp(min=1).double().rsqrt().where(positives > 0, 0.0)
        rare = rare * len(rare) / rare.sum().clamp(min=1e-300)
        here = present.double()
        return (here @ rare / here.sum(dim=1)).where(present.any(dim=1), 1.0)


def _with_something_known(view: View) -> View:
    """The films of a view of which something is known."""
    shown = view.known.any(dim=1)
    return replace(
        view,
        rows=view.rows.only(shown),
        target=view.target[shown],
        known=view.known[shown],
        patients=view.patients[shown],
        images=view.images[shown],
        soft=None,
    )

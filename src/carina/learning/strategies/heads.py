"""An independent logistic head a finding: the plain baseline that forgets nothing and shares nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from carina.core import ConfigError
from carina.learning.keeping import of_few_patients
from carina.learning.learner import Event, Learned, Learner, Setting, Step
from carina.learning.strategies.linear import check_width, no_head
from carina.learning.strategies.logistic_head import (
    cells_of_finding,
    constant_head,
    fitted_head,
    with_head,
)
from carina.learning.strategies.summing import folds_of, unit
from carina.streams import View

__all__ = ["Heads"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """L2-penalised logistic regression for each visible finding, on the experience's rows alone.

    Rows are brought to length 1 first.
    The penalty of each finding is that of least held-out log loss over folds by patient; ties go
    to the larger. A soft cell stands there twice, as a positive that weighs its share and as a
    negative that weighs the rest; calibration leaves it out. A finding seen with one class only keeps the head it has, or gets one that
    always says its share, drawn in a little.

    Attributes:
        penalties: To choose from: of ``penalty / 2 |w|^2`` beside the summed log loss.
        balanced: Whether both classes weigh the same, however rare one is; the calibration sets
            probabilities right again.
        folds: For the choice of penalty and the calibration.
        salt: Which patients share a fold.
    """

    penalties: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
    balanced: bool = False
    folds: int = 5
    salt: str = "heads"

    def __post_init__(self) -> None:
        if not self.penalties or min(self.penalties) <= 0:
            raise ConfigError(f"Penalties are one or more, each above 0; got {self.penalties}.")
        if self.folds < 2:
            raise ConfigError(f"A penalty is chosen over 2 folds or more; got {self.folds}.")

    def begin(self, setting: Setting, *, rng: np.random.Generator) -> Learner:  # noqa: ARG002
        """No head yet."""
        return Learner(setting=setting, readout=no_head(setting.image_dim, normalise=True))

    def learn(
        self,
        learner: Learner,
        view: View,
        *,
        rng: np.random.Generator,  # noqa: ARG002
    ) -> Iterator[Event]:
        """Fit the visible findings one by one, an event each.

        Raises:
            Mismatch: where the view is of another width.
        """
        check_width(learner, view)
        alone = learner.single_patients or of_few_patients(view)
        now = replace(learner, single_patients=alone)
        fold = torch.from_numpy(folds_of(view.patients, folds=self.folds, salt=self.salt))
        for index, label in enumerate(view.labels):
            rows, target, mass = cells_of_finding(view, index)
            loss: float | None = None
            if bool(target.any()) and not bool(target.all()):
                head = fitted_head(
                    unit(view.rows.take(rows).double()),
                    target,
                    mass,
                    fold[rows],
                    folds=self.folds,
                    penalties=self.penalties,
                    balanced=self.balanced,
                )
                loss = head.error
                now = with_head(now, label, head)
            elif label not in now.labels:
                now = with_head(now, label, constant_head(target, learner.setting.image_dim))
            yield Step(index=index, of=len(view.labels), loss=loss)
        yield Learned(learner=now)

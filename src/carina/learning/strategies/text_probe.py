"""A logistic head that may lean on the text: the text-informed probe, LP++.

Shakeri et al., "Few-shot Adaptation of Medical Vision-Language Models", MICCAI 2024; Huang et al.,
"LP++: A Surprisingly Strong Linear Probe for Few-Shot CLIP", CVPR 2024. The papers score class k by
``x . (w_k + a_k t_k) + b_k``, t_k its prompts' mean, and learn the prototypes w_k and the
multipliers a_k together by cross-entropy over classes, by block-wise gradient descent with step
sizes from the data; they begin w_k at the class means, put no penalty on either and stop where
accuracy on held-out films is best.

What carries over: the form, and that the multiplier is learned for each class. What does not: the
soft-max over classes and the early stop. Each finding is a question by itself with one w, one
multiplier a and one text direction t from its negative to its positive prompts, at length 1
(`text_directions`); both are learned to convergence under ``penalty / 2 (|w|^2 + a^2 / blend^2)``,
so that a blend far above 1 leaves the multiplier as free as the papers have it and one near 0 is
the plain head of `Heads`. Penalty and blend are those of least log loss when every fold of patients
is scored by the fit on the others, which does the work of stopping early. Since ``x . t`` is linear
in x, the head is one vector ``w + a t``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from carina.core import ConfigError, Mismatch
from carina.learning.keeping import of_few_patients
from carina.learning.learner import Event, Learned, Learner, Setting, Step
from carina.learning.strategies.linear import check_width, no_head
from carina.learning.strategies.logistic_head import (
    Head,
    cells_of_finding,
    fitted_head,
    with_head,
)
from carina.learning.strategies.ridge import text_directions
from carina.learning.strategies.summing import folds_of, unit
from carina.streams import View

__all__ = ["TextProbe"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextProbe:
    """Logistic regression whose head may lean on the text, on the experience's rows alone.

    Rows are brought to length 1 first; soft cells count by their share. A finding seen with one
    class only keeps the head it has, or gets the text's, which ranks as zero-shot does.

    Attributes:
        penalties: To choose from: of ``penalty / 2 (|w|^2 + a^2 / blend^2)`` beside the summed log
            loss; ties go to the larger.
        blends: To choose from: how freely the text's multiplier moves; ties go to the larger.
        balanced: Whether both classes weigh the same, however rare one is.
        folds: For the choice and the calibration.
        salt: Which patients share a fold.
    """

    penalties: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0, 10.0)
    blends: tuple[float, ...] = (1.0, 10.0, 100.0)
    balanced: bool = False
    folds: int = 5
    salt: str = "text probe"

    def __post_init__(self) -> None:
        numbers = (*self.penalties, *self.blends)
        if not self.penalties or not self.blends or min(numbers) <= 0:
            raise ConfigError(
                "Penalties and blends are one or more, each above 0; got "
                f"{self.penalties} and {self.blends}."
            )
        if self.folds < 2:
            raise ConfigError(f"A penalty is chosen over 2 folds or more; got {self.folds}.")

    def begin(self, setting: Setting, *, rng: np.random.Generator) -> Learner:  # noqa: ARG002
        """No head yet.

        Raises:
            Mismatch: where images and texts cannot be compared.
        """
        if not setting.zero_shot:
            raise Mismatch(
                "A text-informed probe leans on texts that images can be compared with, and here "
                "the encoders share no space and no alignment was fitted. Name encoders of one "
                "space, fit an alignment, or use the probe without text (Heads)."
            )
        return Learner(setting=setting, readout=no_head(setting.image_dim, normalise=True))

    def reads_text(self, setting: Setting) -> bool:
        """Whether a finding without films has a head all the same, its text's."""
        return setting.zero_shot

    def learn(
        self,
        learner: Learner,
        view: View,
        *,
        rng: np.random.Generator,  # noqa: ARG002
    ) -> Iterator[Event]:
        """Fit the visible findings one by one, an event each.

        Raises:
            Mismatch: where the view is of another width or has no prompts.
        """
        check_width(learner, view)
        texts = text_directions(learner.setting, view.prompts, view.labels)
        alone = learner.single_patients or of_few_patients(view)
        now = replace(learner, single_patients=alone)
        fold = torch.from_numpy(folds_of(view.patients, folds=self.folds, salt=self.salt))
        for index, (label, text) in enumerate(zip(view.labels, texts, strict=True)):
            rows, target, mass = cells_of_finding(view, index)
            loss: float | None = None
            if bool(target.any()) and not bool(target.all()):
                near = unit(view.rows.take(rows).double())
                found = [
                    (self._fitted(near, text, blend, target, mass, fold[rows]), blend)
                    for blend in sorted(set(self.blends), reverse=True)
                ]
                (head, leaning), blend = min(found, key=_error)
                loss = head.error
                now = with_head(now, label, head, blend=blend, text=leaning)
            elif label not in now.labels:
                now = with_head(now, label, Head(weight=text, bias=0.0), blend=None, text=1.0)
            yield Step(index=index, of=len(view.labels), loss=loss)
        yield Learned(learner=now)

    def _fitted(
        self,
        rows: Float64[Tensor, "cells dim"],
        text: Float64[Tensor, " dim"],
        blend: float,
        target: Tensor,
        mass: Tensor,
        fold: Tensor,
    ) -> tuple[Head, float]:
        """The head ``w + a t`` of a blend, and a."""
        wider = fitted_head(
            torch.cat([rows, blend * (rows @ text)[:, None]], dim=1),
            target,
            mass,
            fold,
            folds=self.folds,
            penalties=self.penalties,
            balanced=self.balanced,
        )
        leaning = blend * float(wider.weight[-1])
        return replace(wider, weight=wider.weight[:-1] + leaning * text), leaning


def _error(found: tuple[tuple[Head, float], float]) -> float:
    """Held-out loss of a head; the first of equals, where nothing was held out, leans most."""
    (head, _), _ = found
    return 0.0 if head.error is None else head.error

"""RE-tune: adaptors on both sides of a frozen pair of encoders, fine-tuned step by step.

Mistretta and Bagdanov, "RE-tune: Incremental Fine Tuning of Biomedical Vision-Language Models for
Multi-label Chest X-ray Classification", arXiv 2410.17827.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import Parameter

from carina.adaptors import Combine, Identity, Sides
from carina.core import ConfigError, later
from carina.learning.keeping import of_few_patients
from carina.learning.learner import Event, Learned, Learner, Setting, Step
from carina.learning.strategies.prompted import asked, empty_readout, met, prompted
from carina.learning.strategies.tuning import Cells, Tuning, cells_of
from carina.streams import View

__all__ = ["Optimiser", "Precision", "RETune", "Schedule"]

_SCALE = "adaptor/log_scale"
_QUICK = 100.0  # times the rate: how fast logits of prompts move


class Optimiser(StrEnum):
    """How a gradient becomes a step."""

    ADAM = "adam"
    """The authors' (Kingma and Ba, ICLR 2015)."""
    ADAMW = "adamw"
    """Weight decay beside the gradient (Loshchilov and Hutter, ICLR 2019)."""
    SGD = "sgd"
    """Plain gradient descent, without momentum."""


class Schedule(StrEnum):
    """How the learning rate runs within an experience."""

    CONSTANT = "constant"
    """The authors'."""
    LINEAR = "linear"
    """Falls by equal amounts, and would be 0 one step after the last."""


class Precision(StrEnum):
    """What the products of training are computed in; weights, losses and answers are float32."""

    FLOAT32 = "float32"
    """The authors'."""
    BFLOAT16 = "bfloat16"
    """Eight bits of mantissa: half the time where a processor multiplies them by itself."""


_TYPES = {Precision.FLOAT32: torch.float32, Precision.BFLOAT16: torch.bfloat16}


@dataclass(frozen=True, slots=True, kw_only=True)
class RETune:
    """Sequential fine-tuning of adaptors against the prompts of the visible findings.

    The loss is binary cross-entropy of ``scale (cos(image, positive) - cos(image, negative))``
    over the known cells. The defaults are the authors' where the encoders are 128 wide. Joint
    training is this over a stream of one experience.

    Attributes:
        sides: Form of the adaptors.
        combine: How several prompts of one side become one similarity.
        optimiser: How a gradient becomes a step.
        rate: Its learning rate.
        schedule: How that runs within an experience.
        weight_decay: Its weight decay.
        batch: Rows a step.
        steps: Optimiser steps an experience; None counts epochs instead.
        epochs: Passes over the rows an experience; None counts steps instead.
        normalise: Whether features and prompts are brought to length ``sqrt(width)`` first.
        noise: Standard deviation of normal noise on what the image side takes, while training;
            with `normalise` an entry is about 1.
        scale: Of the difference of cosines, at the beginning; 1 is the authors', who have none.
        learn_scale: Whether the scale is learned too, as its logarithm.
        learn_prompt_weights: Whether the prompts of a side get weights, equal at first and shared
            by all findings (see `PromptReadout`). They move 100 times as fast, or the steps that
            suit adaptors would leave them equal.
        carry_optimiser: Whether its state goes on from one experience to the next.
        average: Decay a step of a running mean of the weights, which an experience ends with; 0,
            the authors', ends with the last ones.
        precision: What the products of training are computed in.
    """

    sides: Sides = Sides()
    combine: Combine = Combine.MEAN
    optimiser: Optimiser = Optimiser.ADAM
    rate: float = 1e-4
    schedule: Schedule = Schedule.CONSTANT
    weight_decay: float = 0.0
    batch: int = 6144
    steps: int | None = None
    epochs: int | None = 10
    normalise: bool = False
    noise: float = 0.0
    scale: float = 1.0
    learn_scale: bool = False
    learn_prompt_weights: bool = False
    carry_optimiser: bool = True
    average: float = 0.0
    precision: Precision = later(Precision.FLOAT32)

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.epochs is None):
            raise ConfigError(
                "RE-tune's budget is a number of steps or of epochs, the other None; "
                f"got steps={self.steps}, epochs={self.epochs}."
            )
        counts = [count for count in (self.batch, self.steps, self.epochs) if count is not None]
        if min(counts) < 1 or min(self.rate, self.scale) <= 0:
            raise ConfigError(
                "RE-tune needs a batch and a budget of 1 or more, a rate and a scale above 0; got "
                f"batch={self.batch}, steps={self.steps}, epochs={self.epochs}, rate={self.rate}, "
                f"scale={self.scale}."
            )
        if min(self.weight_decay, self.noise) < 0:
            raise ConfigError(
                "RE-tune's weight decay and noise are 0 or more; got "
                f"weight_decay={self.weight_decay}, noise={self.noise}."
            )
        if not 0 <= self.average < 1:
            raise ConfigError(f"A decay of weights is in [0, 1); got average={self.average}.")
        if self.learn_prompt_weights and self.combine is not Combine.MEAN:
            raise ConfigError(
                "Weights of prompts are those of their mean; take combine = 'mean' or leave "
                "learn_prompt_weights out."
            )
        if isinstance(self.sides.adaptor, Identity):
            raise ConfigError("RE-tune learns adaptors, and Identity learns nothing; see ZeroShot.")

    def begin(self, setting: Setting, *, rng: np.random.Generator) -> Learner:
        """Fresh adaptors over no finding.

        Raises:
            Mismatch: where there is no text encoder, or the sides would not meet.
        """
        generator = torch.Generator().manual_seed(int(rng.integers(1 << 63)))
        readout = empty_readout(setting, self.sides, self.combine, generator)
        readout = replace(readout, scale=self.scale, normalise=self.normalise)
        learner = Learner(setting=setting, readout=readout)
        if self.learn_scale:
            return replace(learner, carried={_SCALE: torch.tensor(self.scale).log()})
        return learner

    def learn(self, learner: Learner, view: View, *, rng: np.random.Generator) -> Iterator[Event]:
        """Fine-tune on the rows of the experience with a known cell, one event a step.

        Raises:
            Mismatch: where the view has no prompts or features of another width.
        """
        tuning = self.tuning(learner, view, rng=rng)
        for batch in tuning.batches():
            loss = tuning.loss(batch, tuning.logits(batch.features))
            tuning.step(batch, loss)
            yield Step(index=batch.index, of=batch.of, loss=float(loss.detach()))
        yield Learned(learner=self.learned(learner, view, tuning))

    def tuning(
        self,
        learner: Learner,
        view: View,
        *,
        rng: np.random.Generator,
        whole: bool = False,
        cells: Cells | None = None,
    ) -> Tuning:
        """The fine-tuning of an experience, for strategies that add to the plain loss.

        Args:
            learner: Whose adaptors, copied, it starts from; what they carry of the optimiser too.
            view: The experience, whose findings are met.
            rng: Draws the order of the rows, and the noise.
            whole: Whether the cells, and so the logits, are over all findings met and not just
                those the experience shows.
            cells: What to train on in the place of the experience's own rows.

        Raises:
            Mismatch: where the view has no prompts or features of another width.
        """
        old = prompted(learner)
        readout = replace(met(old, asked(view)), adaptors=old.adaptors.copy())
        scale = Parameter(learner.carried[_SCALE].clone()) if self.learn_scale else self.scale
        learned = readout.adaptors.parameters()
        if isinstance(scale, Parameter):
            learned.append(scale)
        if self.learn_prompt_weights:
            equal = readout.positive.new_zeros(2, readout.positive.shape[1])
            weights = Parameter(equal if old.weights is None else old.weights.clone())
            readout = replace(readout, weights=weights)
            learned.append(weights)
        cells = cells_of(view, readout) if cells is None else cells
        steps = self._budget(len(cells.rows))
        return Tuning(
            readout=readout,
            scale=scale,
            optimiser=self._optimiser(learned, learner.carried),
            cells=cells.over(readout.labels) if whole else cells,
            steps=steps,
            batch=self.batch,
            noise=self.noise,
            products=_TYPES[self.precision],
            rate_at=lambda step: self.rate_at(step, steps),
            average=self.average,
            rng=rng,
        )

    def learned(self, learner: Learner, view: View, tuning: Tuning) -> Learner:
        """The learner after an experience's fine-tuning, settled; what others carry stays."""
        tuning.settle()
        tuning.optimiser.zero_grad()
        scale = tuning.scale
        carried = {name: kept for name, kept in learner.carried.items() if not _tuned(name)}
        if self.carry_optimiser:
            carried |= _state(tuning.parameters, tuning.optimiser)
        if isinstance(scale, Parameter):
            carried[_SCALE] = scale.detach().clone()
        before = learner.notes.get("optimiser_steps", 0)
        total = tuning.steps + (before if isinstance(before, int) else 0)
        factor = float(scale.detach().exp()) if isinstance(scale, Parameter) else scale
        weights = tuning.readout.weights
        return replace(
            learner,
            labels=learner.labels.grown(*view.labels),
            readout=replace(
                tuning.readout,
                scale=factor,
                weights=None if weights is None else weights.detach().clone(),
            ),
            carried=carried,
            notes={**learner.notes, "optimiser_steps": total},
            single_patients=learner.single_patients or of_few_patients(view),
        )

    def _budget(self, rows: int) -> int:
        """Steps for an experience; none without a known cell."""
        if not rows:
            return 0
        return self.steps or (self.epochs or 0) * -(-rows // self.batch)

    def rate_at(self, step: int, of: int) -> float:
        """The learning rate of a step, from 0, of so many."""
        return self.rate * (1 - step / of) if self.schedule is Schedule.LINEAR else self.rate

    def _optimiser(
        self, parameters: list[Parameter], carried: Mapping[str, Tensor]
    ) -> torch.optim.Optimizer:
        kind = {
            Optimiser.ADAM: torch.optim.Adam,
            Optimiser.ADAMW: torch.optim.AdamW,
            Optimiser.SGD: torch.optim.SGD,
        }[self.optimiser]
        groups: list[dict[str, Any]] = [{"params": parameters}]
        if self.learn_prompt_weights:
            groups = [{"params": parameters[:-1]}, {"params": parameters[-1:], "times": _QUICK}]
        optimiser: torch.optim.Optimizer = kind(
            groups, lr=self.rate, weight_decay=self.weight_decay
        )
        for name, tensor in carried.items():
            kind_of, *place = name.split("/")
            if kind_of == "optimiser":
                optimiser.state[parameters[int(place[0])]][place[1]] = tensor.clone()
        return optimiser


def _tuned(name: str) -> bool:
    """Whether a carried tensor is the fine-tuning's own."""
    return name == _SCALE or name.startswith("optimiser/")


def _state(parameters: list[Parameter], optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's tensors by place of the parameter."""
    return {
        f"optimiser/{place}/{name}": value.detach().clone()
        for place, parameter in enumerate(parameters)
        for name, value in optimiser.state[parameter].items()
        if isinstance(value, Tensor)
    }

"""RE-tune: adaptors on both sides of a frozen pair of encoders, fine-tuned step by step.

Mistretta and Bagdanov, "RE-tune: Incremental Fine Tuning of Biomedical Vision-Language Models for
Multi-label Chest X-ray Classification", arXiv 2410.17827.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import Parameter

from carina.adaptors import Combine, Identity, Sides
from carina.core import ConfigError
from carina.learning.keeping import of_one_patient
from carina.learning.learner import Event, Learned, Learner, Setting, Step
from carina.learning.strategies.prompted import asked, empty_readout, met, prompted
from carina.objectives import masked_bce
from carina.streams import View

__all__ = ["Optimiser", "RETune", "Schedule"]

_SCALE = "adaptor/log_scale"


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
        carry_optimiser: Whether its state goes on from one experience to the next.
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
    carry_optimiser: bool = True

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
        old = prompted(learner)
        readout = replace(met(old, asked(view)), adaptors=old.adaptors.copy())
        parameters = readout.adaptors.parameters()
        log_scale = torch.zeros(())
        if self.learn_scale:
            log_scale = Parameter(learner.carried[_SCALE].clone())
            parameters.append(log_scale)
        optimiser = self._optimiser(parameters, learner.carried)
        visible = replace(readout.over(asked(view)), scale=1.0)
        shown, share = view.learnable, view.share
        rows = shown.any(dim=1).nonzero()[:, 0]
        features = readout.aligned(view.features[rows])  # frozen, so computed once
        target, known = share[rows], shown[rows]
        steps = self._budget(len(rows))
        batches = _batches(len(rows), self.batch, rng)
        for index, batch in zip(range(steps), batches, strict=False):
            factor = log_scale.exp() if self.learn_scale else self.scale
            shown = _blurred(features[batch], self.noise, rng)
            logits = factor * visible.compared(shown).difference
            loss = masked_bce(logits, target[batch], known[batch])
            for group in optimiser.param_groups:
                group["lr"] = self.rate_at(index, steps)
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            yield Step(index=index, of=steps, loss=float(loss.detach()))
        optimiser.zero_grad()
        carried = self._carried(parameters, optimiser)
        if self.learn_scale:
            carried[_SCALE] = log_scale.detach().clone()
            readout = replace(readout, scale=float(log_scale.detach().exp()))
        before = learner.notes.get("optimiser_steps", 0)
        total = steps + (before if isinstance(before, int) else 0)
        yield Learned(
            learner=replace(
                learner,
                labels=learner.labels.grown(*view.labels),
                readout=readout,
                carried=carried,
                notes={**learner.notes, "optimiser_steps": total},
                single_patients=learner.single_patients or of_one_patient(view),
            )
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
        optimiser: torch.optim.Optimizer = kind(
            parameters, lr=self.rate, weight_decay=self.weight_decay
        )
        for name, tensor in carried.items():
            kind_of, *place = name.split("/")
            if kind_of == "optimiser":
                optimiser.state[parameters[int(place[0])]][place[1]] = tensor.clone()
        return optimiser

    def _carried(
        self, parameters: list[Parameter], optimiser: torch.optim.Optimizer
    ) -> dict[str, Tensor]:
        """The optimiser's tensors by place of the parameter."""
        if not self.carry_optimiser:
            return {}
        return {
            f"optimiser/{place}/{name}": value.detach().clone()
            for place, parameter in enumerate(parameters)
            for name, value in optimiser.state[parameter].items()
            if isinstance(value, Tensor)
        }


def _batches(rows: int, batch: int, rng: np.random.Generator) -> Iterator[Int64[Tensor, " batch"]]:
    """Row numbers for step after step, every row once an epoch, in a new order each."""
    while True:
        order = torch.from_numpy(rng.permutation(rows))
        for start in range(0, rows, batch):
            yield order[start : start + batch]


def _blurred(
    features: Float[Tensor, "rows width"], noise: float, rng: np.random.Generator
) -> Float[Tensor, "rows width"]:
    if not noise:
        return features
    drawn = rng.standard_normal(tuple(features.shape), dtype=np.float32)
    return features + noise * torch.from_numpy(drawn).to(features)

"""Fine-tuning adaptors on one experience, a step at a time: what RE-tune and all that wraps it share."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import Parameter

from carina.adaptors import PromptReadout
from carina.features import FeatureRows
from carina.objectives import masked_bce
from carina.streams import View

__all__ = ["Batch", "Cells", "Tuning", "aligned", "cells_of"]

_YOUNG = 10  # steps after which the running mean's decay is near its full length


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """What is trained on: rows, and labels for some findings met.

    Attributes:
        labels: The findings, in the order of the columns.
        rows: Features as the image side takes them (`PromptReadout.aligned`); frozen, so computed
            once.
        target: Share of presence of each known cell; plainly whether, where none is soft.
        known: Cells that say something.
    """

    labels: tuple[str, ...]
    rows: FeatureRows
    target: Bool[Tensor, "rows labels"] | Float[Tensor, "rows labels"]
    known: Bool[Tensor, "rows labels"]

    def over(self, labels: tuple[str, ...]) -> "Cells":
        """The same rows over other findings; of those not here before no cell is known."""
        target = self.target.new_zeros(len(self.target), len(labels))
        known = self.known.new_zeros(len(self.known), len(labels))
        here = [label for label in self.labels if label in labels]
        there, places = [labels.index(x) for x in here], [self.labels.index(x) for x in here]
        target[:, there], known[:, there] = self.target[:, places], self.known[:, places]
        return replace(self, labels=labels, target=target, known=known)


def cells_of(view: View, readout: PromptReadout) -> Cells:
    """The rows of an experience with a cell to learn from.

    Raises:
        Mismatch: where the features have another width than the readout takes.
    """
    shown = view.learnable
    target = view.target if view.soft is None else view.share
    rows, told = view.rows, shown.any(dim=1)
    if not told.all():  # else nothing is copied
        rows, target, shown = rows.only(told), target[told], shown[told]
    return Cells(labels=view.labels, rows=aligned(rows, readout), target=target, known=shown)


def aligned(rows: FeatureRows, readout: PromptReadout) -> FeatureRows:
    """Rows as the image side of a readout takes them; those of the pool, where it takes them as they are.

    Raises:
        Mismatch: where the features have another width than the readout takes.
    """
    return rows if readout.takes_as_it_is(rows.pool) else rows.through(readout.aligned)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The rows of one optimiser step.

    Attributes:
        index: Of the step, from 0.
        of: How many steps the experience has.
        ends_epoch: Whether every row has now been met as often as every other.
        rows: Their places among the cells.
        features: What the image side takes of them, noise and all.
    """

    index: int
    of: int
    ends_epoch: bool
    rows: Int64[Tensor, " batch"]
    features: Float[Tensor, "batch width"]


class Tuning:
    """One experience's fine-tuning, driven by whoever asks it for batches.

    A strategy's loop reads: for each of `batches`, its `logits`, a loss of them (`loss` is the plain
    one), then `step`;
    at the end `settle`. Between `backward` and `advance`, which `step` is made of, gradients may be
    bent.

    Args:
        readout: Over all findings met; its adaptors are trained in place.
        scale: Factor of the difference of cosines; a `Parameter` is its logarithm, and learned.
        optimiser: Over `parameters`, its state already that of the experience before.
        cells: What to train on.
        steps: How many.
        batch: Rows a step.
        noise: Standard deviation of normal noise on what the image side takes.
        products: Type of the numbers that logits are computed in; a lower one than the features'
            is for products alone, and losses and weights stay as they are.
        rate_at: Step, from 0, to learning rate.
        average: Decay a step of the running mean of the weights that `settle` puts in their place;
            0 keeps the last ones.
        rng: Draws the order of the rows, and the noise.
    """

    def __init__(
        self,
        *,
        readout: PromptReadout,
        scale: float | Parameter,
        optimiser: torch.optim.Optimizer,
        cells: Cells,
        steps: int,
        batch: int,
        noise: float,
        products: torch.dtype,
        rate_at: Callable[[int], float],
        average: float,
        rng: np.random.Generator,
    ) -> None:
        self.readout = replace(readout, scale=1.0)
        self.scale = scale
        self.optimiser = optimiser
        self.cells = cells
        self.steps = steps
        self._batch = batch
        self._noise = noise
        self._products = products
        self._rate_at = rate_at
        self._average = average
        self._mean = [weight.detach().clone() for weight in self.parameters]
        self._rng = rng

    @property
    def parameters(self) -> list[Parameter]:
        """What is learned: the adaptors', then scale and weights of prompts where they are."""
        beside = (self.scale, self.readout.weights)
        learned = [each for each in beside if isinstance(each, Parameter)]
        return [*self.readout.adaptors.parameters(), *learned]

    def batches(self) -> Iterator[Batch]:
        """As many batches as there are steps: every row once an epoch, in a new order each."""
        rows = left = len(self.cells.rows)
        order: Iterator[Tensor] = iter(())
        for index in range(self.steps):
            if (picked := next(order, None)) is None:
                permuted = torch.from_numpy(self._rng.permutation(rows))
                order, left = iter(torch.split(permuted, self._batch)), rows
                picked = next(order)
            left -= len(picked)
            yield Batch(
                index=index,
                of=self.steps,
                ends_epoch=not left,
                rows=picked,
                features=self.blurred(self.cells.rows.take(picked)),
            )

    def logits(self, features: Float[Tensor, "batch width"]) -> Float[Tensor, "batch labels"]:
        """Scaled differences of cosines for the findings of the cells, differentiable."""
        factor = self.scale.exp() if isinstance(self.scale, Parameter) else self.scale
        asked, kind = self.readout.only(self.cells.labels), features.dtype
        lower = self._products != kind
        with torch.autocast(features.device.type, dtype=self._products, enabled=lower):
            difference = asked.compared(features).difference
        return factor * difference.to(kind)

    def loss(self, batch: Batch, logits: Float[Tensor, "batch labels"]) -> Float[Tensor, ""]:
        """Masked binary cross-entropy over the known cells of a batch."""
        target, known = (
            cells.index_select(0, batch.rows) for cells in (self.cells.target, self.cells.known)
        )
        return masked_bce(logits, target, known)

    def backward(self, loss: Float[Tensor, ""]) -> None:
        """Fill the gradients."""
        self.optimiser.zero_grad()
        torch.autograd.backward(loss)

    def advance(self, batch: Batch) -> None:
        """Move the parameters along their gradients."""
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate_at(batch.index) * group.get("times", 1.0)
        self.optimiser.step()
        if self._average:
            kept = min(self._average, (batch.index + 1) / (batch.index + _YOUNG))
            for mean, weight in zip(self._mean, self.parameters, strict=True):
                mean.lerp_(weight.detach(), 1 - kept)

    def step(self, batch: Batch, loss: Float[Tensor, ""]) -> None:
        """`backward`, then `advance`."""
        self.backward(loss)
        self.advance(batch)

    def settle(self) -> None:
        """Put the running mean of the weights in their place, where one is kept.

        Source: Polyak and Juditsky, SIAM Journal on Control and Optimization 1992; the decay rises
        from little, since the first weights are no better than any.
        """
        if self._average and self.steps:
            with torch.no_grad():
                for mean, weight in zip(self._mean, self.parameters, strict=True):
                    weight.copy_(mean)

    def blurred(self, features: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """Features with fresh noise on them, where there is any."""
        if not self._noise:
            return features
        drawn = self._rng.standard_normal(tuple(features.shape), dtype=np.float32)
        return features + self._noise * torch.from_numpy(drawn).to(features)

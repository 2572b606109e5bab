"""Gradient projection memory: new gradients stay out of the way of what earlier films used.

Saha, Garg and Roy, "Gradient Projection Memory for Continual Learning", ICLR 2021. For each affine
layer a basis of the inputs it saw is kept; later gradients of its weight are made orthogonal to it,
so that the layer goes on giving for those inputs what it gave. Intercepts, which the paper's layers
lack, rest after the first experience.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from carina.core import ConfigError
from carina.learning.learner import Event, Learned, Learner, Setting, Step
from carina.learning.strategies.pulls import numbered, placed
from carina.learning.strategies.retune import RETune
from carina.learning.strategies.tuning import Tuning
from carina.streams import View

__all__ = ["GPM"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GPM:
    """RE-tune whose gradients are orthogonal to the inputs of experiences before.

    Attributes:
        base: How adaptors are tuned. Adam's steps do not lie in the span of the gradients, so the
            movement is projected too.
        energy: Share of the squared length of a layer's inputs that its basis must hold.
        growth: By how much that share grows an experience, up to 1.
    """

    base: RETune = RETune()
    energy: float = 0.9
    growth: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.energy <= 1 or self.growth < 0:
            raise ConfigError(
                "A basis holds a share of the energy in (0, 1], which does not shrink; got "
                f"energy={self.energy}, growth={self.growth}."
            )

    def begin(self, setting: Setting, *, rng: np.random.Generator) -> Learner:
        """As RE-tune begins.

        Raises:
            Mismatch: where there is no text encoder, or the sides would not meet.
        """
        return self.base.begin(setting, rng=rng)

    def learn(self, learner: Learner, view: View, *, rng: np.random.Generator) -> Iterator[Event]:
        """Fine-tune in what room is left, then give up the directions this experience used.

        Raises:
            Mismatch: where the view has no prompts or features of another width.
        """
        tuning = self.base.tuning(learner, view, rng=rng)
        layers, bases = _layers(tuning), placed("basis", learner.carried)
        for batch in tuning.batches():
            loss = tuning.loss(batch, tuning.logits(batch.features))
            old = [(layer.weight.detach().clone(), layer.bias.detach().clone()) for layer in layers]
            tuning.step(batch, loss)
            if bases:
                _confine(layers, old, bases)
            yield Step(index=batch.index, of=batch.of, loss=float(loss.detach()))
        learned = self.base.learned(learner, view, tuning)
        lived = learner.notes.get("experiences", 0)
        count = lived if isinstance(lived, int) else 0
        energy = min(1.0, self.energy + count * self.growth)
        empty = [layer.weight.new_zeros(layer.weight.shape[1], 0) for layer in layers]
        grown = [
            widened(basis, inputs, energy)
            for basis, inputs in zip(bases or empty, _inputs(tuning, layers), strict=True)
        ]
        yield Learned(
            learner=replace(
                learned,
                carried={**learned.carried, **numbered("basis", grown)},
                notes={**learned.notes, "experiences": count + 1},
            )
        )


def widened(
    basis: Float[Tensor, "width rank"], inputs: Float[Tensor, "rows width"], energy: float
) -> Float[Tensor, "width wider"]:
    """The basis with the fewest further directions that hold so much of the inputs (equation 9)."""
    if not len(inputs):
        return basis
    left = inputs - inputs @ basis @ basis.T
    _, strengths, directions = torch.linalg.svd(left, full_matrices=False)
    whole = inputs.square().sum()
    held = whole - left.square().sum()
    reached = (held + strengths.square().cumsum(dim=0)) / whole.clamp(min=1e-12)
    needed = 0 if held >= energy * whole else 1 + int((reached < energy - 1e-6).sum())
    room = min(basis.shape[0] - basis.shape[1], int((strengths > 1e-6 * strengths.amax()).sum()))
    return torch.cat([basis, directions[: min(needed, room)].T], dim=1)


def _layers(tuning: Tuning) -> list[nn.Linear]:
    """The affine layers of both sides, each once, the image side's first."""
    adaptors = tuning.readout.adaptors
    sides = [adaptors.image] if adaptors.shared else [adaptors.image, adaptors.text]
    modules = [module for side in sides if isinstance(side, nn.Module) for module in side.modules()]
    return [module for module in modules if isinstance(module, nn.Linear)]


def _confine(
    layers: list[nn.Linear], old: list[tuple[Tensor, Tensor]], bases: list[Tensor]
) -> None:
    """Take out of each weight's movement what lies along its basis, and keep intercepts."""
    with torch.no_grad():
        for layer, (weight, bias), basis in zip(layers, old, bases, strict=True):
            moved = layer.weight - weight
            layer.weight.copy_(weight + moved - moved @ basis @ basis.T)
            layer.bias.copy_(bias)


def _inputs(tuning: Tuning, layers: list[nn.Linear]) -> list[Tensor]:
    """What each layer is given for the experience's films and prompts."""
    seen: dict[nn.Linear, list[Tensor]] = {layer: [] for layer in layers}

    def keep(layer: nn.Module, given: tuple[Tensor, ...], _: Tensor) -> None:
        if isinstance(layer, nn.Linear):
            seen[layer].append(given[0].detach().flatten(0, -2))

    handles = [layer.register_forward_hook(keep) for layer in layers]
    with torch.no_grad():
        tuning.logits(tuning.cells.rows.all())
    for handle in handles:
        handle.remove()
    return [torch.cat(seen[layer]) for layer in layers]

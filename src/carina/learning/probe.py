"""A head trained on frozen features, stopped where the films held apart say so.

Qin et al., "Freeze the Backbones: A Parameter-Efficient Contrastive Approach to Robust Medical
Vision-Language Pre-training", ICASSP 2024 (arXiv 2401.01179): backbone and Adaptor stay frozen, the
head is trained by AdamW, and what is tested is the epoch of least validation loss. Their images go
through the frozen encoder in every epoch although nothing of it changes; here they went through once.
The warm restarts of their rate are stepped so seldom that it is all but constant: here it is.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from carina.adaptors import ProbeHead, ProbeHeadModule
from carina.core import ConfigError, InvalidValue
from carina.objectives import masked_bce

__all__ = ["HeadTraining", "ProbeEpoch", "ProbeTrained", "Shown", "train_head"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadTraining:
    """How the head is trained; the defaults are the authors' on RSNA with all labels.

    Attributes:
        head: Its form.
        rate: AdamW's.
        weight_decay: AdamW's.
        batch: Films a step.
        epochs: At most.
        patience: Epochs without a better validation loss after which training ends.
        least: By how much a loss must be lower to be better.
    """

    head: ProbeHead = ProbeHead()
    rate: float = 5e-5
    weight_decay: float = 1e-4
    batch: int = 512
    epochs: int = 100
    patience: int = 10
    least: float = 1e-3

    def __post_init__(self) -> None:
        if min(self.batch, self.epochs, self.patience) < 1 or self.rate <= 0:
            raise ConfigError(
                "A head is trained in batches, epochs and patience of 1 or more at a rate above 0; "
                f"got batch={self.batch}, epochs={self.epochs}, patience={self.patience}, "
                f"rate={self.rate}."
            )
        if min(self.weight_decay, self.least) < 0:
            raise ConfigError(
                "Weight decay and the least gain are 0 or more; got "
                f"weight_decay={self.weight_decay}, least={self.least}."
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shown:
    """Films with labels.

    Attributes:
        features: As the frozen encoder gives them.
        target: Whether each finding is present; False where not known.
        known: Cells that say something.
    """

    features: Float[Tensor, "films dim"]
    target: Bool[Tensor, "films labels"]
    known: Bool[Tensor, "films labels"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeEpoch:
    """One epoch: mean loss of the films learned from and of those held apart."""

    number: int
    loss: float
    validation: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProbeTrained:
    """The last event: the head of the best epoch.

    Attributes:
        module: Its norm as it stood after that epoch, and fixed.
        epoch: Number of the best, from 1.
    """

    module: ProbeHeadModule
    epoch: int

    def __call__(self, features: Float[Tensor, "films dim"]) -> Float[Tensor, "films labels"]:
        """Logits of films, each by itself."""
        with torch.no_grad():
            return self.module(features)  # type: ignore[no-any-return]


def train_head(
    training: HeadTraining, films: Shown, validation: Shown, *, rng: np.random.Generator
) -> Iterator[ProbeEpoch | ProbeTrained]:
    """Train a head on films and keep it as it was when those held apart were answered best.

    Args:
        training: How.
        films: Learned from; two or more, for the batch norm.
        validation: Held apart, of other patients.
        rng: Draws first weights, order of films and what is dropped out.

    Raises:
        InvalidValue: where there are fewer than two films, or none to stop by.
    """
    if len(films.features) < 2 or not validation.known.any():
        raise InvalidValue(
            f"A head learns from two films or more and stops by others; got {len(films.features)} "
            f"and {int(validation.known.any(dim=1).sum())} with a known label."
        )
    draw = torch.Generator().manual_seed(int(rng.integers(1 << 63)))
    head = training.head.build(films.features.shape[1], films.target.shape[1], draw)
    optimiser = torch.optim.AdamW(
        head.parameters(), lr=training.rate, weight_decay=training.weight_decay
    )
    best, kept, at = float("inf"), head, 0
    for epoch in range(1, training.epochs + 1):
        losses = []
        for batch in _batches(len(films.features), training.batch, draw):
            dropped = head.kept(len(batch), draw)
            logits = head(films.features[batch], dropped)
            loss = masked_bce(logits, films.target[batch], films.known[batch])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            losses.append(float(loss.detach()))
        head.eval()
        with torch.no_grad():
            found = float(
                masked_bce(head(validation.features), validation.target, validation.known)
            )
        yield ProbeEpoch(number=epoch, loss=sum(losses) / len(losses), validation=found)
        if found < best - training.least:
            best, kept, at = found, deepcopy(head), epoch
        elif epoch - at >= training.patience:
            break
        head.train()
    yield ProbeTrained(module=kept.eval(), epoch=at)


def _batches(rows: int, size: int, draw: torch.Generator) -> tuple[Tensor, ...]:
    """Every film once, in a new order, in batches as equal as can be: none is a single film."""
    many = max(1, round(rows / size))
    while many > 1 and rows // many < 2:
        many -= 1
    return torch.randperm(rows, generator=draw).tensor_split(many)

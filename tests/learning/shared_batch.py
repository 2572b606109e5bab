"""Learn from a few pairs in the processes that torchrun started; the first writes what came of it."""

import sys
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from carina.adaptors import CrossModalConfig
from carina.learning import (
    EpochEnded,
    PretrainingStep,
    Processes,
    Sigmoid,
    pretrain,
    started_processes,
)
from carina.learning.gradient_caching import backward_in_pieces
from carina.objectives import info_nce
from tests.learning.contrasted import CROSS, SMALL, TOKENS, config, pairs

DROPPING = replace(TOKENS, dropout=0.2)


def losses(processes: Processes) -> list[float]:
    """Of every step, and on held-out pairs after every epoch."""
    how = config(DROPPING, loss=Sigmoid(), batch=31, piece=8, epochs=2)
    learn, held_out = pairs(61, seed=1, tokens=3), pairs(9, seed=2, tokens=3)
    found = []
    for event in pretrain(how, learn, held_out, seed=1, processes=processes):
        match event:
            case PretrainingStep(loss=loss):
                found.append(loss)
            case EpochEnded(standing=standing):
                found.append(standing.epochs[-1].held_out)
    return found


def gradients(
    adaptor: CrossModalConfig, tokens: int, *, piece: int, processes: Processes
) -> tuple[float, list[Tensor]]:
    """Loss of a batch of twelve, and the gradients of all that it learns."""
    learn = pairs(12, seed=1, tokens=tokens)
    module = adaptor.build(image_dim=6, text_dim=8, generator=torch.Generator().manual_seed(0))
    sharper = nn.Parameter(torch.tensor(1.0))
    loss = backward_in_pieces(
        module,
        lambda places: learn.read(places.numpy()),
        lambda similar: info_nce(sharper * module.logit_scale.exp() * similar, torch.eye(12)),
        pairs=12,
        piece=piece,
        seed="0",
        beside=(sharper,),
        processes=processes,
    )
    learned = [*module.parameters(), sharper]
    return loss, [torch.zeros(0) if w.grad is None else w.grad for w in learned]


def outcome(processes: Processes) -> dict[str, np.ndarray]:
    """All that any number of processes should agree on."""
    found = {"losses": np.array(losses(processes))}
    for name, adaptor, tokens in (("one", SMALL, 0), ("tokens", DROPPING, 3), ("all", CROSS, 3)):
        loss, gradient = gradients(adaptor, tokens, piece=5, processes=processes)
        whole = torch.cat([each.flatten() for each in gradient]).numpy()
        found |= {f"{name}/loss": np.array(loss), f"{name}/gradient": whole}
    return found


if __name__ == "__main__":
    with started_processes() as together:
        found = outcome(together)
        if together.number == 0:
            np.savez(sys.argv[1], **found)  # type: ignore[arg-type]

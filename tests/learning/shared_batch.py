"""Pre-train on a few pairs in the processes that torchrun started; the first writes the losses."""

import sys

import numpy as np
import torch.distributed as dist

from carina.learning import EpochEnded, PretrainingStep, Processes, Together, pretrain
from tests.learning.contrasted import TOKENS, config, pairs


def losses(processes: Processes) -> list[float]:
    """Of every step, and on held-out pairs after every epoch."""
    how = config(TOKENS, batch=31, piece=8, epochs=2)
    learn, held_out = pairs(61, seed=1, tokens=3), pairs(9, seed=2, tokens=3)
    found = []
    for event in pretrain(how, learn, held_out, seed=1, processes=processes):
        match event:
            case PretrainingStep(loss=loss):
                found.append(loss)
            case EpochEnded(standing=standing):
                found.append(standing.epochs[-1].held_out)
    return found


if __name__ == "__main__":
    dist.init_process_group("gloo")
    together = Together()
    found = losses(together)
    if together.number == 0:
        np.savetxt(sys.argv[1], found)
    dist.destroy_process_group()

"""Several processes as one batch: what each gathers of the others, and how gradients meet."""

from typing import Protocol, final, runtime_checkable

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor

from carina.adaptors import Sequences

__all__ = ["Alone", "Processes", "Together"]


@runtime_checkable
class Processes(Protocol):
    """The processes that work on one batch together, each on its share."""

    @property
    def number(self) -> int:
        """Which one this is, from 0."""
        ...

    @property
    def count(self) -> int:
        """How many there are."""
        ...

    def gathered(self, share: Sequences) -> Sequences:
        """The shares of all, in the order of their numbers, without gradient."""
        ...

    def add_up(self, tensor: Tensor) -> None:
        """Put the sum over all processes in the tensor's place."""
        ...


@final
class Alone:
    """One process."""

    @property
    def number(self) -> int:
        """The first."""
        return 0

    @property
    def count(self) -> int:
        """One."""
        return 1

    def gathered(self, share: Sequences) -> Sequences:
        """The share itself, apart from its graph."""
        return Sequences(values=share.values.detach(), there=share.there)

    def add_up(self, tensor: Tensor) -> None:
        """Nothing comes to it."""


@final
class Together:
    """The processes of torch's default group, such as ``torchrun`` starts.

    Whoever starts them begins the group: ``torch.distributed.init_process_group("gloo")``.
    """

    @property
    def number(self) -> int:
        """This process's rank."""
        return dist.get_rank()

    @property
    def count(self) -> int:
        """Size of the group."""
        return dist.get_world_size()

    def gathered(self, share: Sequences) -> Sequences:
        """The shares of all, padded to the longest."""
        items, tokens = share.there.shape
        sizes = _all(torch.tensor([items, tokens]))
        most, longest = torch.stack(sizes).amax(dim=0).tolist()
        more = (0, longest - tokens, 0, most - items)
        values = _all(F.pad(share.values.detach(), (0, 0, *more)))
        there = _all(F.pad(share.there, more).to(torch.uint8))
        here = [int(size[0]) for size in sizes]
        return Sequences(
            values=torch.cat([each[:n] for each, n in zip(values, here, strict=True)]),
            there=torch.cat([each[:n] for each, n in zip(there, here, strict=True)]).bool(),
        )

    def add_up(self, tensor: Tensor) -> None:
        """One sum over all processes."""
        dist.all_reduce(tensor)


def _all(tensor: Tensor) -> list[Tensor]:
    """The tensors of one shape that the processes hold."""
    found = [torch.empty_like(tensor) for _ in range(dist.get_world_size())]
    dist.all_gather(found, tensor.contiguous())
    return found

"""Several processes as one batch: what each gathers of the others, and how gradients meet."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Protocol, final, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributed import destroy_process_group, is_torchelastic_launched

from carina.adaptors import Sequences
from carina.core import MissingFile

__all__ = ["Alone", "Processes", "Together", "started_processes"]


@runtime_checkable
class Processes(Protocol):
    """The processes that work on one batch together, each on its share."""

    @property
    def number(self) -> int:
        """Which one this is, from 0; the first writes and speaks for all."""
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

    def agree(self, number: int) -> bool:
        """Whether all say the same number; none goes on before all have said theirs."""
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

    def agree(self, number: int) -> bool:  # noqa: ARG002 - the protocol's
        """Always, with itself."""
        return True


@final
class Together:
    """The processes that ``torchrun`` started, on one machine or several, through Lightning Fabric.

    Raises:
        MissingFile: where Lightning Fabric is not installed, with how to install it.
    """

    def __init__(self) -> None:
        if find_spec("lightning_fabric") is None:
            raise MissingFile(
                "Several processes share a batch through the package lightning-fabric, which is "
                "not installed. Next: pip install 'carina[distributed]'."
            )
        from lightning_fabric import Fabric  # here: of an extra, and it takes a second

        here, all_in_all = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["WORLD_SIZE"])
        self._fabric = Fabric(
            accelerator="cpu", strategy="ddp", devices=here, num_nodes=all_in_all // here
        )
        self._fabric.launch()

    @property
    def number(self) -> int:
        """This process's rank."""
        return int(self._fabric.global_rank)

    @property
    def count(self) -> int:
        """As many as were started."""
        return int(self._fabric.world_size)

    def gathered(self, share: Sequences) -> Sequences:
        """The shares of all, padded to the longest."""
        items, tokens = share.there.shape
        sizes = self._of_all(torch.tensor([items, tokens]))
        most, longest = sizes.amax(dim=0).tolist()
        more = (0, longest - tokens, 0, most - items)
        values = self._of_all(F.pad(share.values.detach(), (0, 0, *more)))
        there = self._of_all(F.pad(share.there, more))
        held = torch.arange(most) < sizes[:, :1]
        return Sequences(values=values[held], there=there[held])

    def add_up(self, tensor: Tensor) -> None:
        """One sum over all processes."""
        self._fabric.all_reduce(tensor, reduce_op="sum")

    def agree(self, number: int) -> bool:
        """Each hears the numbers of all."""
        return len(set(self._of_all(torch.tensor(number)).tolist())) == 1

    def _of_all(self, tensor: Tensor) -> Tensor:
        """The tensors of one shape that the processes hold, one behind the other."""
        with warnings.catch_warnings(category=FutureWarning, action="ignore"):
            found: Tensor = self._fabric.all_gather(tensor)  # by a name that torch will give up
        return found


@contextmanager
def started_processes() -> Iterator[Processes]:
    """Those that ``torchrun`` started, this one among them; `Alone` where it started no other.

    Raises:
        MissingFile: where there are several, and what they share a batch through is not installed.
    """
    if not is_torchelastic_launched() or int(os.environ["WORLD_SIZE"]) == 1:
        yield Alone()
        return
    together = Together()
    try:
        yield together
    finally:
        destroy_process_group()  # left to the end of Python, its threads can abort it

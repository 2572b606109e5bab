"""Batches through a frozen encoder side by side, and what they gave in the order they went in."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import torch

from carina.encoders import FrozenImages, ImageEncoder

__all__ = ["Lanes", "lanes"]

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lanes(Generic[T, R]):
    """Work handed to threads, given back in order; no more waits than keeps them busy.

    Attributes:
        work: What is done, in any thread.
        pool: The threads.
        most: Pieces that may be under way or wait.
    """

    work: Callable[[T], R]
    pool: ThreadPoolExecutor
    most: int
    _coming: deque[Future[R]] = field(default_factory=deque)

    def give(self, piece: T) -> Iterator[R]:
        """Hand one more over; what the oldest gave, once it is done, where too many wait."""
        self._coming.append(self.pool.submit(self.work, piece))
        while len(self._coming) > self.most:
            yield self._coming.popleft().result()

    def rest(self) -> Iterator[R]:
        """What those gave that were not taken yet."""
        while self._coming:
            yield self._coming.popleft().result()


@contextmanager
def lanes(encoder: ImageEncoder, work: Callable[[T], R], *, threads: int) -> Iterator[Lanes[T, R]]:
    """Threads for work that calls an encoder: on the CPU several, each with one thread of torch.

    Several threads of torch inside one encoder wait for each other more than they work: beside as
    many that decode, two took twice the time of two encoders with one thread each. And with one,
    numbers do not hang on how many a machine has. On another device, and with an encoder that is
    not a `FrozenImages` and may not bear company, batches go one by one.

    Args:
        encoder: Who encodes.
        work: What is done with a piece.
        threads: How many there are to encode on the CPU.
    """
    together = isinstance(encoder, FrozenImages) and encoder.device.type == "cpu"
    at_once, before = threads if together else 1, torch.get_num_threads()
    pool = ThreadPoolExecutor(
        max_workers=at_once,
        initializer=torch.set_num_threads,
        initargs=(1 if together else before,),
    )
    try:
        yield Lanes(work=work, pool=pool, most=2 * at_once)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        # what its threads were given is what threads begun later would get
        torch.set_num_threads(before)

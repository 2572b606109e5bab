"""How many processors learning takes."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["one_thread"]


@contextmanager
def one_thread() -> Iterator[None]:
    """Products of adaptors are small: a second thread waits for the first more than it works.

    On a busy machine two threads took eight times as long as one; and with one, numbers do not
    hang on how many a machine has.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)

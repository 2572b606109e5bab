"""Memory that threads free stays theirs while they encode, instead of going back to the system."""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["freed_memory_kept"]

_TRIM, _MAP = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h
_MOST = 1 << 30  # larger blocks than any film's still come and go
_USUAL = 32 << 20  # where glibc's own threshold ends once blocks as large have come and gone
_ASKED = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Have glibc keep what is freed for what is asked for next, and give it all back at the end.

    Of what a thread frees that is not the first, glibc gives the pages back at once, and a film
    through an encoder frees some megabytes at every layer: 3,400 pages a film that the system
    had to find anew, for a quarter of the time. With another C library, or where the environment
    says how it shall be (``MALLOC_TRIM_THRESHOLD_``, ``MALLOC_MMAP_THRESHOLD_`` or
    ``GLIBC_TUNABLES``), nothing is done.
    """
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    glibc = hasattr(library, "gnu_get_libc_version")
    if library is None or not glibc or any(name in os.environ for name in _ASKED):
        yield
        return
    library.mallopt(_MAP, _MOST)
    library.mallopt(_TRIM, _MOST)
    try:
        yield
    finally:
        library.mallopt(_MAP, _USUAL)
        library.mallopt(_TRIM, 2 * _USUAL)
        library.malloc_trim(0)

"""Manners for decoders: no warning that may quote a file, in any number of threads; no panic."""

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock

__all__ = ["quietly", "without_panic"]

_LOCK = Lock()
_SILENCE = ExitStack()
_INSIDE = 0


@contextmanager
def quietly() -> Iterator[None]:
    """No warning is shown while anybody is inside; then the filters are what they were.

    `warnings.catch_warnings` alone is not for threads: who leaves first takes the silence from
    the others, who leaves last makes it last for ever.
    """
    global _INSIDE
    with _LOCK:
        if _INSIDE == 0:
            _SILENCE.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
        _INSIDE += 1
    try:
        yield
    finally:
        with _LOCK:
            _INSIDE -= 1
            if _INSIDE == 0:
                _SILENCE.close()


@contextmanager
def without_panic() -> Iterator[None]:
    """A decoder in Rust that gives up on damaged data raises `RuntimeError`, as others do.

    What it raises by itself is no `Exception`, so that it would end a thread or a program.
    """
    try:
        yield
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise RuntimeError("The decoder gave up on damaged data.") from None

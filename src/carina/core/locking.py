"""Locks on folders: held as long as a process lives, and gone with it however it ends."""

import os
import sys
from pathlib import Path

__all__ = ["lock_folder"]

if sys.platform == "win32":

    def lock_folder(folder: Path, *, wait: bool, shared: bool = False) -> int | None:  # noqa: ARG001
        """Refuse: a folder cannot be opened there.

        Raises:
            OSError: always.
        """
        raise NotADirectoryError(folder)

else:
    import fcntl

    def lock_folder(folder: Path, *, wait: bool, shared: bool = False) -> int | None:
        """A descriptor that holds the lock until it is closed; None where another holds it.

        Args:
            folder: What to lock; nothing is written into it.
            wait: Whether to wait for whoever holds it.
            shared: Whether others who share it may hold it too.

        Raises:
            OSError: where the folder is gone, or the file system knows no locks.
        """
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
            fcntl.flock(descriptor, kind | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(descriptor)
            return None
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

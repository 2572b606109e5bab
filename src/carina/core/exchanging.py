"""Two names change places at once: no moment at which either is missing."""

import ctypes
import errno
import os
import sys
from pathlib import Path

__all__ = ["exchange"]

_CANNOT = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EXDEV}
_HERE = -100  # AT_FDCWD of Linux
_SWAP = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS


def exchange(one: Path, other: Path) -> bool:
    """Let two files or folders of one file system change places; False where that cannot be done.

    It is one system call on Linux (renameat2) and macOS (renamex_np): a kill leaves it done or not
    done. Elsewhere, and on file systems that know no such call, nothing is done.

    Raises:
        OSError: where a name is missing or may not be changed.
    """
    first, second = os.fsencode(one), os.fsencode(other)
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if sys.platform == "darwin":
            failed = library.renamex_np(first, second, _SWAP)
        else:
            failed = library.renameat2(_HERE, first, _HERE, second, _SWAP)
    except (AttributeError, OSError, TypeError):  # no such library, or no such call in it
        return False
    if not failed:
        return True
    code = ctypes.get_errno()
    if code in _CANNOT:
        return False
    raise OSError(code, os.strerror(code), str(one), None, str(other))

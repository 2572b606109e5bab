"""Decode in a process of its own what a decoder may crash on.

gdcm alone reads lossless JPEG, as many scanners write it. It ends its process on some damaged files, and a run
that encodes a hundred thousand must outlive one of them.
"""

import atexit
import json
import math
import os
import struct
import subprocess
import sys
from threading import Lock, Timer

import numpy as np
from jaxtyping import Num

from carina.core import UnreadableFile

__all__ = ["decode_apart"]

_PATIENCE_S = 60.0


def decode_apart(data: bytes) -> Num[np.ndarray, "..."]:
    """Stored values of a DICOM file, decoded by gdcm in another process.

    The process starts with the first file (0.5 s) and serves all that follow.

    Raises:
        UnreadableFile: where the decoder refused, crashed, or took longer than a minute.
    """
    return _DECODER.decode(data)


class _Decoder:
    """A child process that decodes, started when needed and again after it died."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def decode(self, data: bytes) -> Num[np.ndarray, "..."]:
        with self._lock:
            child = self._running()
            overdue = Timer(_PATIENCE_S, child.kill)
            overdue.start()
            try:
                return _ask(child, data)
            except UnreadableFile:
                raise
            except (EOFError, OSError, ValueError):
                self.close()
                raise UnreadableFile(
                    "Damaged pixels: the decoder crashed on them. Copy the file anew."
                ) from None
            finally:
                overdue.cancel()

    def close(self) -> None:
        """End the process."""
        if self._child is not None and self._owner == os.getpid():
            self._child.kill()
            self._child.communicate()
        self._child = None

    def _running(self) -> subprocess.Popen[bytes]:
        # A fork inherits the pipes; two owners would take each other's answers.
        if self._child is None or self._owner != os.getpid() or self._child.poll() is not None:
            self.close()
            self._owner = os.getpid()
            self._child = subprocess.Popen(
                [sys.executable, "-m", "carina.studies.decoder_process"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._child


def _ask(child: subprocess.Popen[bytes], data: bytes) -> Num[np.ndarray, "..."]:
    if child.stdin is None or child.stdout is None:
        raise EOFError
    child.stdin.write(struct.pack(">Q", len(data)) + data)
    child.stdin.flush()
    line = child.stdout.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    if line == b"\n":
        raise UnreadableFile("Damaged pixels: the decoder refused them. Copy the file anew.")
    said = json.loads(line)
    kind = np.dtype(said["dtype"])
    values = child.stdout.read(kind.itemsize * math.prod(said["shape"]))
    return np.frombuffer(values, dtype=kind).reshape(said["shape"])


_DECODER = _Decoder()
atexit.register(_DECODER.close)

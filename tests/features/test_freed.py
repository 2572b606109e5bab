"""What a thread frees is found again by the next who asks, while encoding lasts."""

import os
import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, threading
import numpy as np
from carina.features.freed import freed_memory_kept

def work():
    for _ in range(200):
        np.empty(1 << 17).fill(1.0)  # a megabyte: 256 pages

with freed_memory_kept():
    thread = threading.Thread(target=work)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    thread.start()
    thread.join()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(**environment: str) -> int:
    """Pages that the system had to find while a thread took and freed the same memory."""
    done = subprocess.run(
        [sys.executable, "-c", FAULTS],
        capture_output=True,
        text=True,
        check=True,
        env={name: value for name, value in os.environ.items() if "MALLOC" not in name}
        | environment,
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc alone is told")
def test_pages_are_asked_for_once_unless_the_environment_says_otherwise() -> None:
    kept = faults()

    assert kept < 10 * 256
    assert faults(GLIBC_TUNABLES="glibc.malloc.mmap_threshold=131072") > 10 * kept

"""Reads damaged files on request, one after another, under a limit of address space.

A line of input is a JSON pair of form and path; the answer is a JSON line: what came of it
("read", "refused", or the kind of an error that should not have come out), what was said, how long
it took, and how far resident memory went above where it stood.
"""

import json
import resource
import sys
import time
from pathlib import Path

from carina.core import CarinaError
from carina.studies import decode_image, read_data

ROOM = 1 << 30


def warm_up() -> None:
    """Import what reading imports, before the limit."""
    import polars as pl

    pl.DataFrame({"a": [1]}).sum()


def attempt(form: str, path: Path) -> tuple[str, str]:
    """What came of reading one file, and what was said of it."""
    try:
        if form in ("dicom", "png", "jpeg"):
            decode_image(path.read_bytes())
        elif form == "csv":
            read_data(path.parent)
        else:
            read_data(path.parents[1] if form == "xml" else path.parent, Path("openi"))
    except CarinaError as error:
        return "refused", str(error)
    except Exception as error:  # noqa: BLE001 - the campaign counts these
        return type(error).__name__, str(error)[:500]
    return "read", ""


def memory(name: str) -> int:
    """A line of this process's status, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise AssertionError(name)


def main() -> None:
    warm_up()
    limit = memory("VmSize") + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        form, path = json.loads(line)
        Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts anew
        before, began = memory("VmRSS"), time.monotonic()
        outcome, said = attempt(form, Path(path))
        answer = {
            "outcome": outcome,
            "said": said,
            "seconds": time.monotonic() - began,
            "peak": memory("VmHWM") - before,
        }
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

"""Encodes in child processes on request, so that a test may kill them without loading torch anew.

A line of input is a JSON list of orders; each order runs in a child of its own, and the answer is
a line with their process ids. An empty line asks to wait for them; the answer is a line with their
exit codes. Until then a dead child keeps its id, so no signal can hit a stranger.
"""

import json
import os
import resource
import sys
import time
from pathlib import Path

import numpy as np
import torch

from carina.core import UnreadableFile
from carina.encoders import load_image_encoder
from carina.features import Store, encode
from carina.studies import LabelSpace, Manifest

FULL = 3


def read(folder: Path) -> Manifest:
    names = tuple(sorted(path.name for path in folder.iterdir()))
    blank = ("",) * len(names)
    return Manifest(
        root=folder,
        image=names,
        study=names,
        patient=tuple(f"Smith^{row // 2}" for row in range(len(names))),
        view=blank,
        sex=blank,
        age=(40.0,) * len(names),
        site=blank,
        date=blank,
        split=("train",) * len(names),
        report=blank,
        labels=np.zeros((len(names), 1), dtype=np.int8),
        space=LabelSpace(names=("Edema",)),
    )


def linger_around_renames(seconds: float) -> None:
    """Make renames last, so that many kills fall just before and just after one."""
    rename = os.rename

    def slow(source: str, target: str) -> None:
        time.sleep(seconds)
        rename(source, target)
        time.sleep(seconds)

    os.rename = slow  # type: ignore[assignment]


def obey(order: dict[str, object]) -> int:
    """Encode as told, to the end."""
    linger_around_renames(float(str(order["linger"])))
    if limit := int(str(order["largest_file"])):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    films, store = Path(str(order["films"])), Store(Path(str(order["store"])))
    encoder = load_image_encoder("toy-image")
    try:
        for _ in encode(read(films), encoder, store, batch=4, rows_per_segment=8, workers=2):
            pass
    except UnreadableFile as error:
        sys.stderr.write(f"{error}\n")
        return FULL
    return 0


def answer(numbers: list[int]) -> None:
    sys.stdout.write(json.dumps(numbers) + "\n")
    sys.stdout.flush()


def main() -> None:
    torch.set_num_threads(1)
    load_image_encoder("toy-image")
    children: list[int] = []
    for line in sys.stdin:
        if not line.strip():
            ended = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
            answer(ended)
            continue
        children.clear()
        for order in json.loads(line):
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    code = obey(order)
                finally:  # never back into the parent's loop
                    os._exit(code)
            children.append(child)
        answer(children)


if __name__ == "__main__":
    main()

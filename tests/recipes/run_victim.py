"""Runs a small recipe in child processes on request, so that a test may kill them.

What a run reads is read once, by the parent. A line of input is a JSON order and the answer is the
process id of the child that obeys it; an empty line asks to wait for it, and the answer is its
exit code. Until then a dead child keeps its id, so no signal can hit a stranger.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from carina.adaptors import Linear, Sides
from carina.encoders import load_image_encoder
from carina.features import Store, encode
from carina.learning import RETune
from carina.recipes import Continual, Prepared, prepare, run
from carina.studies import read_folder

RECIPE = Continual(
    name="small",
    encoders=("toy-image",),
    text_encoder="toy-text",
    strategy=RETune(sides=Sides(adaptor=Linear(out=8)), rate=1e-2, batch=32, steps=3, epochs=None),
    folds=2,
    draws=100,
)


def linger(seconds: float) -> None:
    """Make renames last, so that many kills fall just before and just after one."""

    def slow(rename: Callable[..., Any]) -> Callable[..., Any]:
        def around(*paths: Any, **options: Any) -> Any:
            time.sleep(seconds)
            done = rename(*paths, **options)
            time.sleep(seconds)
            return done

        return around

    os.rename, os.replace = slow(os.rename), slow(os.replace)


def obey(prepared: Prepared, out: Path, seconds: float) -> int:
    """Run to the end."""
    linger(seconds)
    for _ in run(RECIPE, prepared, out):
        pass
    return 0


def say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def main(data: Path, root: Path) -> None:
    torch.set_num_threads(1)
    manifest, store = read_folder(data), Store(root)
    for _ in encode(manifest, load_image_encoder("toy-image"), store, workers=1):
        pass
    prepared = prepare(RECIPE, manifest, store)
    child = 0
    for line in sys.stdin:
        if not line.strip():
            say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            continue
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = obey(prepared, Path(order["out"]), order["linger"])
            finally:  # never back into the parent's loop
                os._exit(code)
        say(child)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

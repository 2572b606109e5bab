"""An update whose last part, from the dossier on, is killed in child processes at each change of a name.

What is learned and tested is worked out once. Each child then puts it down over the same reader, put
back to how it was, and dies before another rename, replacement or exchange; what it leaves is moved
to a folder of its number. A line tells the number and whether the child came to its end.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from carina.bundles.history import changing
from carina.core import exchange, writing
from carina.encoders import load_image_encoder
from carina.features import Store
from carina.recipes import update
from carina.recipes.updating import update as update_module
from carina.studies import read_folder


def die_before(number: int) -> None:
    """Let this process be killed just before its change of a name of a number."""
    left = [number]

    def counted(operation: Callable[..., Any]) -> Callable[..., Any]:
        def around(*words: Any, **options: Any) -> Any:
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            return operation(*words, **options)

        return around

    for name in ("rename", "replace", "unlink"):
        setattr(os, name, counted(getattr(os, name)))
    for module in (changing, writing):
        module.exchange = counted(exchange)  # type: ignore[attr-defined]


def main(work: Path) -> None:
    torch.set_num_threads(1)
    reader, history, start = (work / name for name in ("reader", "reader.history", "start"))
    put_down: Callable[..., Any] = vars(update_module)["put_down"]

    def put_down_and_die(*words: Any) -> Any:
        shutil.copytree(reader, start / "reader")
        shutil.copytree(history, start / "reader.history")
        ended, number = -1, 0
        while ended:
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    die_before(number)
                    put_down(*words)
                    code = 0
                finally:  # never back into the parent's loop
                    os._exit(code)
            ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            for folder in (reader, history):
                shutil.copytree(folder, work / str(number) / folder.name)
                for path in folder.iterdir():  # the folder itself is held by this process
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
                shutil.copytree(start / folder.name, folder, dirs_exist_ok=True)
            if ended > 0:
                sys.exit(f"child {number} failed by itself")
            sys.stdout.write(f"{number} {ended}\n")
            number += 1
        return put_down(*words)

    vars(update_module)["put_down"] = put_down_and_die
    for _ in update(
        reader,
        read_folder(work / "new"),
        Store(work / "store"),
        lambda: (load_image_encoder("toy-image"),),
        check_input=False,
    ):
        pass


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""``carina doctor``."""

import os
import platform
from importlib.metadata import version

import torch

from carina.cli.terminal import print_table
from carina.encoders import device, listing

__all__ = ["doctor"]

_PACKAGES = (
    "carina",
    "torch",
    "transformers",
    "numpy",
    "pydicom",
    "polars",
    "pyarrow",
    "matplotlib",
)


def doctor() -> None:
    """Say what this installation can do."""
    rows = [
        ["python", platform.python_version()],
        ["system", f"{platform.system()} {platform.machine()}"],
        ["processors", f"{os.cpu_count()}, torch uses {torch.get_num_threads()}"],
        ["device", str(device())],
        *([name, version(name)] for name in _PACKAGES),
        *(
            [
                f"encoder {info.card.name}",
                "ready" if info.installed and not info.needs else info.needs or "not installed",
            ]
            for info in listing()
        ),
    ]
    print_table("this installation", ["what", "is"], rows)

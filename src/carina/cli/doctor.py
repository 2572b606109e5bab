"""``carina doctor``."""

import os
import platform
from importlib.metadata import version

import torch

from carina.cli.terminal import note, print_table
from carina.core import CarinaError
from carina.encoders import (
    EncoderInfo,
    device,
    listing,
    load_encoder,
    self_checked,
    settings_file,
    shelves,
    user_settings,
)

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
    found, settings = listing(), user_settings()
    named = set(settings.encoders)
    rows = [
        ["python", platform.python_version()],
        ["system", f"{platform.system()} {platform.machine()}"],
        ["processors", f"{os.cpu_count()}, torch uses {torch.get_num_threads()}"],
        ["device", str(device())],
        ["settings", f"{settings_file()} ({len(named)} encoder(s))" if named else "none"],
        *([name, version(name)] for name in _PACKAGES),
        *([f"encoder {info.card.name}", _state(info, named)] for info in found),
        *(
            [f"encoder {kind.name}", "ready" if kind.installed else f"needs {kind.needs}"]
            for kind in shelves()
        ),
    ]
    print_table("this installation", ["what", "is"], rows, words=(1,))
    for stranger in settings.unknown(tuple(info.card.name for info in found)):
        note(f"The settings name no encoder there is: {stranger}")


def _state(info: EncoderInfo, named: set[str]) -> str:
    if not info.installed:
        return f"needs {info.needs}"
    if info.weights == "required" and info.card.name not in named:
        return "needs --weights PATH, or its weights in the settings"
    try:
        check = self_checked(load_encoder(info.card.name))
    except CarinaError as error:
        return f"fails: {error}"
    if check.worst is None:
        return "ready; no golden for these weights"
    return f"ready; its numbers are the golden ones (worst {check.worst:.0e} deviations)"

"""``carina recipes``."""

from collections.abc import Callable, Mapping
from typing import Any

from carina.cli.terminal import print_json, print_table
from carina.recipes import NAMED, PRETRAININGS, PROBES, SEGMENTATIONS, find_recipe

__all__ = ["recipes"]

_OTHERS: Mapping[str, Callable[[], Any]] = {**PRETRAININGS, **PROBES, **SEGMENTATIONS}
"""What is not for `carina run`, but for `pretrain`, `probe` and `segment`."""


def recipes(name: str = "") -> None:
    """List the named recipes, or print one as JSON, to be changed and run as a file.

    Args:
        name: Of a recipe.
    """
    if name:
        print_json(_OTHERS[name]() if name in _OTHERS else find_recipe(name, NAMED))
        return
    told: dict[str, str] = {}
    for one, make in (
        *NAMED.items(),
        *_OTHERS.items(),
    ):  # variants that share their words stand once
        told.setdefault((make.__doc__ or "").strip().splitlines()[0], one)
    print_table(
        "recipes", ["name", "what it is"], [[one, said] for said, one in told.items()], words=(1,)
    )

"""``carina recipes``."""

from carina.cli.terminal import print_json, print_table
from carina.recipes import NAMED, PRETRAININGS, find_pretraining, find_recipe

__all__ = ["recipes"]


def recipes(name: str = "") -> None:
    """List the named recipes, or print one as JSON, to be changed and run as a file.

    Args:
        name: Of a recipe.
    """
    if name:
        print_json(find_pretraining(name) if name in PRETRAININGS else find_recipe(name, NAMED))
        return
    told: dict[str, str] = {}
    for one, make in (
        *NAMED.items(),
        *PRETRAININGS.items(),
    ):  # variants that share their words stand once
        told.setdefault((make.__doc__ or "").strip().splitlines()[0], one)
    print_table(
        "recipes", ["name", "what it is"], [[one, said] for said, one in told.items()], words=(1,)
    )

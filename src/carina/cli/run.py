"""``carina run``."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from carina.cli.results import show_results
from carina.cli.running import run_to_end
from carina.cli.runs import free_for_folder
from carina.cli.terminal import note, print_json
from carina.recipes import NAMED, Continual, check_verb, find_recipe, with_seed
from carina.studies import read_data

__all__ = ["run"]


def run(
    recipe: str,
    *,
    data: Path,
    store: Path,
    out: Path,
    mapping: Path | None = None,
    seed: int | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Run a recipe: learn step by step, judge, write a folder with a card.

    A run that was cut off goes on where it stood; one that is there already is shown.

    Args:
        recipe: A name (see `carina recipes`), module:function, or a TOML or JSON file.
        data: The data folder, its table, or a collection of several data sets (TOML).
        store: Where `carina encode` put the features.
        out: Folder of runs; this one's is named by what it is.
        mapping: TOML that names the table's columns.
        seed: Of everything random; the recipe's own by default.
        as_json: Print the results for machines.
    """
    check_verb(recipe, Continual)
    if ":" in recipe:
        sys.path.append(str(Path.cwd()))  # where `python -m carina` would look too
    chosen = with_seed(find_recipe(recipe, NAMED), seed)
    finished = run_to_end(chosen, read_data(data, mapping), store, free_for_folder(out))
    if as_json:
        print_json(finished.results)
    else:
        show_results(finished.results)
    note(f"Run:  {finished.folder}\nCard: {finished.folder / 'card.html'}")

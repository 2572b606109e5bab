"""``carina run``."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from carina.cli.results import show_results
from carina.cli.running import run_to_end
from carina.cli.runs import free_for_folder
from carina.cli.terminal import note, print_json
from carina.features import Store
from carina.recipes import NAMED, Continual, check_verb, find_recipe, prepare, with_seed
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
    on_disk: Annotated[bool, Parameter(negative="")] = False,
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
        on_disk: Keep the features of all films in a file, which has no name and lies in `out` while
            it runs, instead of in memory: RE-tune and ridge then need little more of it for more
            films. Scores are the same.
        as_json: Print the results for machines.
    """
    check_verb(recipe, Continual)
    if ":" in recipe:
        sys.path.append(str(Path.cwd()))  # where `python -m carina` would look too
    chosen = with_seed(find_recipe(recipe, NAMED), seed)
    folder = free_for_folder(out)
    ready = prepare(
        chosen, read_data(data, mapping), Store(store), on_disk=folder if on_disk else None
    )
    finished = run_to_end(chosen, ready, folder)
    if as_json:
        print_json(finished.results)
    else:
        show_results(finished.results)
    note(f"Run:  {finished.folder}\nCard: {finished.folder / 'card.html'}")

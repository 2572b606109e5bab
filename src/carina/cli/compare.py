"""``carina compare``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from carina.cli.runs import run_folder
from carina.cli.terminal import note, print_json, print_table
from carina.core import Estimate, generator
from carina.evaluation import METRICS, Scores, read_results, read_scores
from carina.evaluation import compare as paired
from carina.studies import LabelSpace

__all__ = ["compare"]

_DRAWS = 2000


def compare(
    first: Path,
    second: Path,
    *,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Compare two runs on the same films: first less second, paired by patient.

    Args:
        first: A run's folder.
        second: Another's.
        as_json: Print the differences for machines.
    """
    folders = [run_folder(path) for path in (first, second)]
    one, other = (read_results(folder / "results.json") for folder in folders)
    tables = [
        read_scores(
            folder / "scores.parquet",
            tuple(e.name for e in found.experiences),
            LabelSpace(names=found.labels),
        )
        for folder, found in zip(folders, (one, other), strict=True)
    ]
    names = tuple(name for name in one.groups[one.headline] if name in other.labels)
    differences = {
        part: {metric: _difference(tables, part, metric, names) for metric in METRICS}
        for part in ("out-of-fold", "test")
    }
    if as_json:
        print_json(differences)
        return
    print_table(
        f"{one.recipe} less {other.recipe}, mean over {len(names)} findings after the last step",
        ["metric", *differences],
        [[m, *(str(differences[part][m]) for part in differences)] for m in METRICS],
    )
    for leaks in dict.fromkeys(found.leaks for found in (one, other) if found.leaks):
        note(f"The split leaks, the figures behind the difference are too good: {leaks}.")
    if one.plan_id != other.plan_id:
        note(
            "The runs follow different plans: the difference is of outcomes, not of methods alone."
        )


def _difference(
    tables: list[dict[str, Scores]], part: str, metric: str, names: tuple[str, ...]
) -> Estimate:
    first, second = (table[part] for table in tables)
    rng = generator(0, "compare", part)
    return paired(first, second, names=names, metric=metric, draws=_DRAWS, rng=rng)

"""``carina results``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from carina.cards import finding_rows, macro_rows
from carina.cli.runs import run_folder
from carina.cli.terminal import note, print_json, print_table
from carina.evaluation import Results, read_results

__all__ = ["results", "show_results"]


def results(
    run: Path, *, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False
) -> None:
    """Print a run's numbers, each with its interval.

    Args:
        run: A run's folder, or a folder that holds just one.
        as_json: As they stand in results.json.
    """
    found = read_results(run_folder(run) / "results.json")
    if as_json:
        print_json(found)
    else:
        show_results(found)


def show_results(found: Results) -> None:
    """The headline by step, then every finding after the last step."""
    plan = f"{found.plan_kind}, {found.plan_variant}, plan {found.plan_id}"
    leaking = " ‡" if found.leaks else ""
    print_table(f"{found.recipe} ({plan}): mean over {found.headline}{leaking}", *macro_rows(found))
    print_table(f"after {found.experiences[-1].name}{leaking}", *finding_rows(found))
    if found.leaks:
        note(f"‡ The split leaks, every figure is too good: {found.leaks}.")
    if not found.zero_shot:
        note(found.why_no_zero_shot[:1].upper() + found.why_no_zero_shot[1:] + ".")
    for encoder in found.encoders:
        if encoder.exposed:
            note(f"Exposed: {encoder.name}: {encoder.exposed}.")
    for reason, count in found.set_aside.items():
        note(f"Set aside: {count} film(s), {reason}.")

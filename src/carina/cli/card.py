"""``carina card``."""

from pathlib import Path

from carina.cards import write_overview, write_run_card
from carina.cli.runs import free_for_folder, run_folder
from carina.cli.terminal import note
from carina.core import ConfigError

__all__ = ["card"]


def card(*runs: Path, out: Path | None = None) -> None:
    """Write a run's card (HTML and Markdown), or an overview of several.

    Args:
        runs: Folders of runs.
        out: Folder of the overview; needed for several runs.
    """
    if not runs:
        raise ConfigError("Name a run's folder: carina card RUN.")
    folders = [run_folder(run) for run in runs]
    if len(folders) == 1:
        if out is not None:
            raise ConfigError("A run's card lies in the run's own folder: leave --out out.")
        note(f"Card: {write_run_card(folders[0])}")
    elif out is None:
        raise ConfigError(
            "An overview of several runs needs a folder: carina card RUN RUN --out O."
        )
    elif (free_for_folder(out) / "results.json").is_file():
        raise ConfigError(f"{out} is a run, whose own card would be lost. Name another folder.")
    else:
        note(f"Card: {write_overview(folders, out)}")

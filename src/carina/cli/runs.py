"""Which run a path on the command line means."""

from pathlib import Path

from carina.core import InvalidValue, MissingFile

__all__ = ["run_folder"]


def run_folder(path: Path) -> Path:
    """The folder itself where it is a run, otherwise the one run in it.

    Raises:
        MissingFile: where there is no finished run.
        InvalidValue: where there are several, naming them.
    """
    if (path / "results.json").is_file():
        return path
    runs = sorted(file.parent for file in path.glob("*/results.json"))
    if len(runs) == 1:
        return runs[0]
    if runs:
        names = ", ".join(run.name for run in runs)
        raise InvalidValue(f"{path} holds {len(runs)} runs; name one of them: {names}.")
    raise MissingFile(
        f"There is no finished run in {path}. Make one: "
        "carina run RECIPE --data DATA --store STORE --out OUT."
    )

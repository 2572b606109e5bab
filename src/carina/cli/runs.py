"""Which run a path on the command line means, and where new ones may go."""

from pathlib import Path

from carina.core import InvalidValue, MissingFile

__all__ = ["free_for_folder", "run_folder"]


_RUN = "carina run RECIPE --data DATA --store STORE --out OUT"
_UNFINISHED = ".unfinished"
_OTHERS = {
    "pretraining.json": "a pre-training: the same carina pretrain command shows its results, and a "
    "run stands on it by [align] adaptor = '{}/adaptor' in its recipe.",
    "adaptor.json": "an Adaptor: a run stands on it by [align] adaptor = '{}' in its recipe.",
    "probe.json": "a probe: the same carina probe command shows its results.",
    "segmentation.json": "a segmentation: its scores are in card.md there, and the same carina "
    "segment command shows them.",
}
"""What else carina leaves in a folder, by the file that tells it."""


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
    raise MissingFile(f"{_instead(path)} Make a run: {_RUN}.")


def free_for_folder(path: Path, *, option: str = "--out") -> Path:
    """The path itself, where a folder is or may be made, asked before any work is done.

    Args:
        path: Where to.
        option: What it was named by.

    Raises:
        InvalidValue: where a file is in its place or above it.
    """
    for place in (path, *path.parents):
        if place.is_file():
            raise InvalidValue(f"{option} is a folder, and {place} is a file. Name another place.")
    return path


def _instead(path: Path) -> str:
    """What is there in the place of a finished run."""
    if path.is_file():
        return f"{path} is a file; wanted the folder of a run."
    if not path.is_dir():
        return f"There is no folder {path}."
    if (path / "bundle.json").is_file():
        return f"{path} is a bundle; wanted the run it was made of."
    for name, told in _OTHERS.items():
        if (path / name).is_file():
            return f"{path} is {told.format(path)}"
    if path.suffix == _UNFINISHED or any(path.glob(f"*{_UNFINISHED}")):
        return (
            f"The run in {path} is not finished: give the same carina run command again, and it "
            "goes on where it stood."
        )
    return f"There is no finished run in {path}."

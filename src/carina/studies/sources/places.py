"""Where the files a table names lie, whichever of the published layouts a folder has."""

from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

__all__ = ["places"]


def places(
    root: Path,
    names: Sequence[str],
    layouts: Sequence[str],
    *,
    default: Callable[[str], str] = str,
) -> list[str]:
    """Each file's path below the data folder.

    Args:
        root: The data folder.
        names: Files, without folders.
        layouts: Glob patterns of folders that may hold them, beside the data folder itself; the
            first that has a file has it.
        default: Name to path, for a file in none of them: images need not be there yet.
    """
    wanted = set(names)
    found: dict[str, str] = {}
    for folder in (*(one for layout in layouts for one in sorted(root.glob(layout))), root):
        if folder.is_dir():
            below = PurePosixPath(folder.relative_to(root).as_posix())
            for path in folder.iterdir():
                if path.name in wanted:
                    found.setdefault(path.name, str(below / path.name))
    return [found.get(name) or default(name) for name in names]

"""From what is named to image files, and from an image file to the study it belongs to."""

from collections.abc import Sequence
from pathlib import Path

from carina.core import MissingFile
from carina.studies import looks_like_image

__all__ = ["by_folder", "images_in"]


def images_in(named: Sequence[Path]) -> tuple[Path, ...]:
    """The files named, and of folders every image at any depth, by path; each once.

    What is hidden, or neither called an image nor begins as one, is passed over in folders; a
    file that is named is taken as it is.

    Raises:
        MissingFile: for a folder without an image.
    """
    found: dict[Path, None] = {}
    for path in named:
        if not path.is_dir():
            found[path] = None
            continue
        inside = [
            file
            for file in sorted(path.rglob("*"))
            if not any(part.startswith(".") for part in file.relative_to(path).parts)
            and file.is_file()
            and looks_like_image(file)
        ]
        if not inside:
            raise MissingFile(f"The folder {path} holds no PNG, JPEG or DICOM file.")
        found.update(dict.fromkeys(inside))
    return tuple(found)


def by_folder(image: Path) -> str:
    """The folder of an image as the name of its study: for data with one folder a study."""
    return str(image.parent)

"""Every error carina raises on purpose.

    CarinaError
    ├── InvalidValue (ValueError)       a value no object of its kind can have
    │   ├── ConfigError                 a recipe, mapping or file of settings with faults
    │   ├── ManifestError               a table of studies that contradicts itself
    │   ├── LabelSpaceError             names of findings that cannot stand together
    │   └── Mismatch                    two things that were not made for each other
    ├── UnknownName (KeyError)          a name nobody registered
    ├── MissingFile (FileNotFoundError) a file or folder that is not there
    └── UnreadableFile (OSError)        a file that is there and cannot be used

A message says what came, what was wanted, the near neighbour, and the next step.
It carries no patient's name, no identifier and no path below a data root.
"""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "CarinaError",
    "ConfigError",
    "InvalidValue",
    "LabelSpaceError",
    "ManifestError",
    "Mismatch",
    "MissingFile",
    "UnknownName",
    "UnreadableFile",
    "near",
    "unknown",
]

_TOLD = 40  # names that an error lists: of recipes there are hundreds


class CarinaError(Exception):
    """The root: catch it to catch everything carina raises on purpose."""


class InvalidValue(CarinaError, ValueError):
    """A value no object of its kind can have."""


class ConfigError(InvalidValue):
    """A recipe, mapping or settings file with faults; all of them are listed."""


class ManifestError(InvalidValue):
    """A table of studies that contradicts itself."""


class LabelSpaceError(InvalidValue):
    """Names of findings that cannot stand together."""


class Mismatch(InvalidValue):
    """Two things that were not made for each other, such as a bundle and an encoder."""


class UnknownName(CarinaError, KeyError):
    """A name nobody registered."""

    def __str__(self) -> str:
        """The message itself; ``KeyError`` alone would print its ``repr``."""
        return str(self.args[0]) if self.args else ""


class MissingFile(CarinaError, FileNotFoundError):
    """A file or folder that is not there."""


class UnreadableFile(CarinaError, OSError):
    """A file that is there and cannot be used."""


def near(name: str, known: Iterable[str]) -> str:
    """A hint that names the closest known name, or nothing where none is close."""
    folded = {k.casefold(): k for k in known}
    close = get_close_matches(name.casefold(), folded, n=1)
    return f" Did you mean {folded[close[0]]!r}?" if close else ""


def unknown(kind: str, name: str, known: Iterable[str]) -> UnknownName:
    """An error that names the neighbour you probably meant, and all names or, of many, the nearest.

    Args:
        kind: What the name should have been a name of, in the singular ("encoder").
        name: What came.
        known: Every name that would have done.
    """
    names = sorted(known)
    told = names if len(names) <= _TOLD else get_close_matches(name, names, n=_TOLD, cutoff=0)
    more = f" and {len(names) - len(told)} more" if len(told) < len(names) else ""
    return UnknownName(
        f"No {kind} named {name!r}.{near(name, names)} Known: {', '.join(told) or 'none'}{more}."
    )

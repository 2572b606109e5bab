"""An earlier version of a reader is put in service again, to the bit."""

from pathlib import Path

from carina.bundles import RolledBack, commit, open_history
from carina.core import InvalidValue

__all__ = ["roll_back"]


def roll_back(folder: Path, *, to: int | None = None) -> int:
    """Put a version in the bundle's place, and say which.

    A patient who was taken out is in no version that is kept, so none comes back this way.

    Args:
        folder: The bundle's; damaged or gone, it is put back too.
        to: The version; that which the one in service was updated from where not given.

    Raises:
        MissingFile: where there is no history.
        InvalidValue: where there is no such version, or none before.
        UnreadableFile: where the version is damaged, or another process changes the reader.
        Mismatch: where a bundle of no version stands in its place.
    """
    with open_history(folder) as history:
        history.check_ours()
        lineage = history.lineage
        version = lineage.parents[lineage.serving] if to is None else to
        if version is None:
            raise InvalidValue(
                "Version 1 is in service, and there is none before it. Name another: --to VERSION."
            )
        history.version(version)
        commit(history, RolledBack(version=version), serve=version)
    return version

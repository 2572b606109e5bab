"""``carina rollback``."""

from pathlib import Path

from carina.cli.terminal import note
from carina.recipes import roll_back

__all__ = ["rollback"]


def rollback(bundle: Path, *, to: int | None = None) -> None:
    """Put an earlier version of a reader in service again, to the bit.

    A patient who was taken out since stays out of every version.

    Args:
        bundle: The bundle's folder; its history lies beside it.
        to: The version; the one that was updated to the present one by default.
    """
    version = roll_back(bundle, to=to)
    note(f"Version {version} is in service: {bundle}")

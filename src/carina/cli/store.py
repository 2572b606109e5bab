"""``carina store``."""

import sys
from pathlib import Path

from carina.cli.terminal import note, print_table, progress
from carina.features import Store

__all__ = ["store"]


def store(root: Path, *, verify: bool = False, prune: bool = False) -> None:
    """List, verify or prune a feature store. Exit status 1 where a segment is damaged.

    Args:
        root: The store's folder.
        verify: Read every byte and compare it with what was written.
        prune: Remove what killed writers left behind.
    """
    opened = Store(root)
    held = opened.holdings()
    print_table(
        f"store {root.name}: {opened.bytes / 1e6:.1f} MB",
        ["encoder", "fingerprint", "computes in", "images", "segments", "MB"],
        [
            [
                h.card.name,
                h.card.fingerprint,
                f"{h.card.dtype} by {h.card.engine}",
                str(h.images),
                str(h.segments),
                f"{h.bytes / 1e6:.1f}",
            ]
            for h in held
        ],
        words=(1, 2),
    )
    if prune:
        note(f"{opened.prune(older_than=0.0)} leftover(s) removed.")
    if verify:
        with progress() as bars:
            bar = bars.add_task("verify", total=sum(h.segments for h in held))
            faults = []
            for checked in opened.verify():
                faults += [f"{checked.encoder} {checked.segment}: {f}" for f in checked.faults]
                bars.advance(bar)
        for fault in faults:
            note(fault)
        note(f"{len(faults)} fault(s) found.")
        if faults:
            sys.exit(1)

"""``carina encoders``."""

from typing import Annotated

from cyclopts import Parameter

from carina.cli.terminal import print_json, print_table
from carina.encoders import listing

__all__ = ["encoders"]


def encoders(*, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False) -> None:
    """List encoders: what they need, what they may be used for and what they have seen.

    Args:
        as_json: Print the list for machines.
    """
    found = listing()
    if as_json:
        print_json(found)
        return
    print_table(
        "encoders",
        ["name", "kind", "width", "here", "needs", "licence", "has seen"],
        [
            [
                info.card.name,
                info.card.modality,
                str(info.card.dim),
                "yes" if info.installed else "no",
                info.needs or "nothing",
                info.card.licence,
                "; ".join(exposure.source for exposure in info.card.exposed_to),
            ]
            for info in found
        ],
    )

"""``carina encoders``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from carina.cli.terminal import note, print_json, print_table
from carina.encoders import EncoderInfo, ShelfInfo, listing, shelves, user_settings

__all__ = ["encoders"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listing:
    """What is printed for machines.

    Attributes:
        encoders: Every encoder with a name of its own.
        kinds: Kinds whose encoders are named after a colon.
        settings: Names whose weights the user's settings tell.
    """

    encoders: tuple[EncoderInfo, ...]
    kinds: tuple[ShelfInfo, ...]
    settings: tuple[str, ...]


def encoders(*, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False) -> None:
    """List encoders: what they need, what they may be used for and what they have seen.

    Args:
        as_json: Print the list for machines.
    """
    found, kinds, settings = listing(), shelves(), user_settings()
    if as_json:
        print_json(_Listing(encoders=found, kinds=kinds, settings=tuple(sorted(settings.encoders))))
        return
    print_table(
        "encoders",
        ["name", "kind", "width", "here", "needs", "in settings", "licence", "use", "has seen"],
        [
            *(_row(info, settings.encoders) for info in found),
            *(_kind_row(kind, settings.encoders) for kind in kinds),
        ],
    )
    for stranger in settings.unknown(tuple(info.card.name for info in found)):
        note(f"The settings name no encoder there is: {stranger}")


def _row(info: EncoderInfo, settings: Mapping[str, object]) -> list[str]:
    card = info.card
    return [
        card.name,
        card.modality,
        str(card.dim),
        _yes(info.installed),
        info.needs or "nothing",
        "-" if info.weights == "none" else _yes(card.name in settings),
        card.licence,
        info.use,
        "; ".join(exposure.source for exposure in card.exposed_to),
    ]


def _kind_row(kind: ShelfInfo, settings: Mapping[str, object]) -> list[str]:
    before = kind.name.partition(":")[0]
    told = sum(name.partition(":")[0] == before for name in settings)
    return [
        kind.name,
        "any",
        "-",
        _yes(kind.installed),
        kind.needs or "nothing",
        str(told),
        "each its own",
        kind.use,
        "unknown",
    ]


def _yes(it_is: bool) -> str:
    return "yes" if it_is else "no"

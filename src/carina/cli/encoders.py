"""``carina encoders``."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from carina.cli.terminal import note, print_json, print_table
from carina.core import ConfigError, dump
from carina.encoders import (
    EncoderInfo,
    ShelfInfo,
    encoder_info,
    export_onnx,
    listing,
    load_encoder,
    load_image_encoder,
    shelves,
    user_settings,
)

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


def encoders(
    name: str = "",
    *,
    weights: Path | None = None,
    onnx: Path | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """List encoders: what they need, what they may be used for and what they have seen.

    Args:
        name: One encoder, to be told all of; without one, all are listed.
        weights: File of its weights: it is loaded then, and checked.
        onnx: Write it as this ONNX file, with pooled features and tokens; onnxruntime must give
            torch's numbers, or nothing is written.
        as_json: Print the list for machines.
    """
    if name:
        _one(name, weights, onnx, as_json=as_json)
        return
    if weights or onnx:
        raise ConfigError("Name the encoder that is meant: carina encoders NAME --weights PATH.")
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
        words=(1, 3, 4, 5, 6, 7, 8),
    )
    for stranger in settings.unknown(tuple(info.card.name for info in found)):
        note(f"The settings name no encoder there is: {stranger}")


def _one(name: str, weights: Path | None, onnx: Path | None, *, as_json: bool) -> None:
    """All of one encoder; what its weights change, only where they are read."""
    info = encoder_info(name)
    if onnx is not None:
        encoder = load_image_encoder(name, weights=weights)
        parity = export_onnx(encoder, onnx)
        info = replace(info, card=encoder.card)
        note(
            f"{name} is written as {onnx.name} with {' and '.join(parity.outputs)}; onnxruntime is "
            f"within {parity.difference:.0e} standard deviations of torch, cosine "
            f"{parity.cosine:.7f}."
        )
    elif weights is not None:
        info = replace(info, card=load_encoder(name, weights=weights).card)
    if as_json:
        print_json(info)
        return
    about = {
        "needs": info.needs,
        "here": _yes(info.installed),
        "takes weights": info.weights,
        "weights from": info.weights_from,
        "use": info.use,
    }
    rows = [[key, _words(each)] for key, each in {**dump(info.card), **about}.items()]
    print_table(f"encoder {name}", ["what", "is"], [row for row in rows if row[1]], words=(1,))


def _words(value: Any) -> str:
    """A value of plain dictionaries and lists for people; "" for what is not there."""
    if isinstance(value, dict):
        told = {key: _words(each) for key, each in value.items() if key != "kind"}
        return ", ".join(f"{key} {each}" for key, each in told.items() if each)
    if isinstance(value, list | tuple):
        return "; ".join(filter(None, map(_words, value)))
    return str(value or "")


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

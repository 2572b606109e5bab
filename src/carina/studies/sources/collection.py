"""Several data sets as one: a file that names their folders, and the manifest of all."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int, Int8

from carina.core import ConfigError, InvalidValue
from carina.studies.findings import canonical
from carina.studies.labels import LabelSpace, Presence
from carina.studies.manifest import DATA_SET, Manifest
from carina.studies.sources.source import Reading, sharing

__all__ = ["Collection", "Films", "PartOf", "joined"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Films(StrEnum):
    """Which films of a patient are read."""

    ALL = "all"
    FIRST_FRONTAL = "first-frontal"
    """One a patient: the first in the order of the table that is no lateral; a lateral where there
    is nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartOf:
    """One data set of a collection.

    Attributes:
        data: Its folder or table, from the folder of the collection's file.
        mapping: A mapping file, from there too, or the name of a source; "" for what
            recognises the folder.
        reading: What is chosen of a published data set, in the place of a mapping file.
    """

    data: str
    mapping: str = ""
    reading: Reading | None = None

    def __post_init__(self) -> None:
        if self.mapping and self.reading is not None:
            raise InvalidValue("A part has a mapping or a reading, not both.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """What a collection's file says: the parts by name, and which of their films are read.

    Attributes:
        parts: Name to data set; images, patients and studies go by the name and their own.
        films: Which films of a patient.
    """

    parts: dict[str, PartOf]
    films: Films = Films.ALL

    def __post_init__(self) -> None:
        if len(self.parts) < 2:
            raise InvalidValue(
                f"A collection has two parts or more; got {len(self.parts)}. Name the folder of "
                "a single data set itself."
            )
        if strange := [name for name in self.parts if not _NAME.fullmatch(name)]:
            raise InvalidValue(
                f"Parts are named by letters, digits, dots, hyphens and underscores; got {strange[0]!r}."
            )


def joined(parts: Mapping[str, Manifest], root: Path, *, films: Films = Films.ALL) -> Manifest:
    """One manifest of several, each under a name.

    Findings are those of all parts, by their canonical names; where a part has no column for one,
    its cells are UNANNOTATED: whoever reads them for absent would learn which source a film is
    from. The site of a film is its part's data set, unless the part has sites of its own. Splits
    stay as they are, and so do patients: nobody of one part is taken for somebody of another.

    Args:
        parts: In order.
        root: Folder of the collection's file.
        films: Which films of a patient are read.

    Raises:
        ConfigError: where two columns of a part become one finding, or a part is joined itself.
    """
    if deep := [name for name, one in parts.items() if one.roots]:
        raise ConfigError(
            f"Part {deep[0]!r} is a collection itself; name its parts here in its place."
        )
    chosen = {name: one.take(_chosen(one, films)) for name, one in parts.items()}
    for name, one in chosen.items():
        names = [canonical(finding) for finding in one.space.names]
        if twice := [finding for finding in names if names.count(finding) > 1]:
            raise ConfigError(f"Part {name!r} has two columns for {twice[0]!r}; keep one.")
    space = LabelSpace(names=()).grown(
        *(canonical(finding) for one in chosen.values() for finding in one.space.names)
    )
    columns: dict[str, Any] = {
        each.name: tuple(cell for one in chosen.values() for cell in getattr(one, each.name))
        for each in fields(Manifest)
        if isinstance(getattr(next(iter(chosen.values())), each.name), tuple)
    }
    for column in ("image", "study", "patient"):
        columns[column] = tuple(
            f"{name}/{cell}" for name, one in chosen.items() for cell in getattr(one, column)
        )
    columns["site"] = tuple(cell for name, one in chosen.items() for cell in _sites(name, one))
    return Manifest(
        root=root,
        **columns,
        labels=np.concatenate([_labels(one, space) for one in chosen.values()]),
        space=space,
        source="+".join(dict.fromkeys(one.source or name for name, one in chosen.items())),
        extra=_extra(chosen),
        leaks="; ".join([*_leaks(chosen), *_shared(chosen)]),
        roots={name: one.root for name, one in chosen.items()},
    )


def _chosen(manifest: Manifest, films: Films) -> Int[np.ndarray, " rows"]:
    if films is Films.ALL:
        return np.arange(len(manifest))
    first: dict[str, int] = {}
    for row, (patient, view) in enumerate(zip(manifest.patient, manifest.view, strict=True)):
        held = first.setdefault(patient, row)
        if manifest.view[held] == "LATERAL" and view != "LATERAL":
            first[patient] = row
    return np.array(sorted(first.values()), dtype=np.int64)


def _sites(name: str, manifest: Manifest) -> Sequence[str]:
    if any(manifest.site):
        return manifest.site
    return (manifest.source or name,) * len(manifest)


def _labels(manifest: Manifest, space: LabelSpace) -> Int8[np.ndarray, "rows findings"]:
    labels = np.full((len(manifest), len(space)), Presence.UNANNOTATED, dtype=np.int8)
    own = tuple(canonical(finding) for finding in manifest.space.names)
    labels[:, space.indices(own)] = manifest.labels
    return labels


def _extra(parts: Mapping[str, Manifest]) -> dict[str, tuple[str, ...]]:
    """Every part's further columns, blank where another part lacks them, and each row's source."""
    names = dict.fromkeys(name for one in parts.values() for name in one.extra)
    extra = {
        name: tuple(
            cell for one in parts.values() for cell in one.extra.get(name, ("",) * len(one))
        )
        for name in names
    }
    sources = (cell for name, one in parts.items() for cell in (one.source or name,) * len(one))
    return {**extra, DATA_SET: tuple(sources)}


def _leaks(parts: Mapping[str, Manifest]) -> list[str]:
    return [f"part {name!r}: {one.leaks}" for name, one in parts.items() if one.leaks]


def _shared(parts: Mapping[str, Manifest]) -> list[str]:
    """Parts that hold films of each other, which may stand in two splits."""
    return [
        f"parts {one!r} and {other!r} share films, which may stand in two splits "
        f"({sharing(parts[one].source).get(parts[other].source, 'both are the same data set')})"
        for one, other in combinations(parts, 2)
        if parts[one].source
        and (
            parts[one].source == parts[other].source
            or parts[other].source in sharing(parts[one].source)
        )
    ]

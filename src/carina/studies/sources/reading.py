"""From a path to a manifest: a published data set, a folder with a table of one's own, or several."""

import tomllib
from pathlib import Path

from carina.core import ConfigError, MissingFile, read_toml
from carina.studies.manifest import Manifest
from carina.studies.sources import published as published
from carina.studies.sources.collection import Collection, PartOf, joined
from carina.studies.sources.folder import MAPPING, read_folder
from carina.studies.sources.source import SOURCES, Reading, Source

__all__ = ["read_data"]


def read_data(data: Path, mapping: Path | None = None) -> Manifest:
    """The manifest of a data folder, whatever its form. Images need not be there yet.

    Args:
        data: The folder of a published data set, or a folder with a table, or the table itself; or
            a collection: a TOML file that names several of these, see `Collection`.
        mapping: A TOML file: a `TableMapping` for a table of one's own, or a `Reading`
            (``reader = "chexpert"``, ``labels = ...``, ``split = ...``) for a published data set;
            or just the name of a source. Otherwise ``mapping.toml`` in the folder, and otherwise
            what recognises the folder.

    Raises:
        MissingFile, UnreadableFile, ConfigError, ManifestError, UnknownName: see `read_folder`
            and `Source.manifest`.
    """
    if data.suffix.lower() == ".toml":
        if mapping is not None:
            raise ConfigError(
                f"{data.name} is a collection, and names the mapping of each of its parts; leave "
                "--mapping out."
            )
        return _collected(data)
    if mapping is not None and not mapping.is_file() and str(mapping) in SOURCES:
        return _read(data, Reading(reader=str(mapping)))
    if mapping is None and data.is_dir() and (data / MAPPING).is_file():
        mapping = data / MAPPING
    if mapping is not None:
        if _names(mapping, "reader"):
            return _read(data, read_toml(mapping, Reading))
        return read_folder(data, mapping)
    if data.is_dir() and (found := _recognised(data)) is not None:
        return found.manifest(data, Reading(reader=found.name))
    return read_folder(data)


def _collected(file: Path) -> Manifest:
    """The manifest of all parts that a collection names."""
    if not file.is_file():
        raise MissingFile(f"There is no collection {file.name!r}; check the path of the data.")
    if _names(file, "columns") or _names(file, "reader"):
        raise ConfigError(
            f"{file.name} is a mapping, and no collection of data sets. Name the folder of the "
            "data, and the mapping after it: --mapping FILE."
        )
    collection = read_toml(file, Collection)
    parts = {name: _part(file.parent, one) for name, one in collection.parts.items()}
    return joined(parts, file.parent, films=collection.films)


def _part(folder: Path, part: PartOf) -> Manifest:
    data = folder / part.data
    if part.reading is not None:
        return _read(data, part.reading)
    if not part.mapping or part.mapping in SOURCES:
        return read_data(data, Path(part.mapping) if part.mapping else None)
    return read_data(data, folder / part.mapping)


def _read(data: Path, choice: Reading) -> Manifest:
    return SOURCES[choice.reader].manifest(data, choice)


def _names(file: Path, key: str) -> bool:
    try:
        return key in tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # whoever reads it next says what is wrong
        return False


def _recognised(root: Path) -> Source | None:
    return next((SOURCES[name] for name in SOURCES if SOURCES[name].recognises(root)), None)

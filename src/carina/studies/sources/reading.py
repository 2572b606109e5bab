"""From a path to a manifest: a published data set, or a folder with a table of one's own."""

import tomllib
from pathlib import Path

from carina.core import read_toml
from carina.studies.manifest import Manifest
from carina.studies.sources import published as published
from carina.studies.sources.folder import MAPPING, read_folder
from carina.studies.sources.source import SOURCES, Reading, Source

__all__ = ["read_data"]


def read_data(data: Path, mapping: Path | None = None) -> Manifest:
    """The manifest of a data folder, whatever its form. Images need not be there yet.

    Args:
        data: The folder of a published data set, or a folder with a table, or the table itself.
        mapping: A TOML file: a `TableMapping` for a table of one's own, or a `Reading`
            (``reader = "chexpert"``, ``labels = ...``, ``split = ...``) for a published data set;
            or just the name of a source. Otherwise ``mapping.toml`` in the folder, and otherwise
            what recognises the folder.

    Raises:
        MissingFile, UnreadableFile, ConfigError, ManifestError, UnknownName: see `read_folder`
            and `Source.manifest`.
    """
    if mapping is not None and not mapping.is_file() and str(mapping) in SOURCES:
        return _read(data, Reading(reader=str(mapping)))
    if mapping is None and data.is_dir() and (data / MAPPING).is_file():
        mapping = data / MAPPING
    if mapping is not None:
        if _names_a_reader(mapping):
            return _read(data, read_toml(mapping, Reading))
        return read_folder(data, mapping)
    if data.is_dir() and (found := _recognised(data)) is not None:
        return found.manifest(data, Reading(reader=found.name))
    return read_folder(data)


def _read(data: Path, choice: Reading) -> Manifest:
    return SOURCES[choice.reader].manifest(data, choice)


def _names_a_reader(mapping: Path) -> bool:
    try:
        return "reader" in tomllib.loads(mapping.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # whoever reads it next says what is wrong
        return False


def _recognised(root: Path) -> Source | None:
    return next((SOURCES[name] for name in SOURCES if SOURCES[name].recognises(root)), None)

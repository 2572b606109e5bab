"""A folder of images beside a table, read by a mapping that names the table's columns."""

from collections import Counter
from collections.abc import Callable, Iterable
from importlib.resources import files
from pathlib import Path

import numpy as np
from jaxtyping import Int8

from carina.core import (
    ConfigError,
    ManifestError,
    MissingFile,
    UnreadableFile,
    near,
    read_toml,
)
from carina.studies.findings import canonical
from carina.studies.labels import LabelSpace, Presence
from carina.studies.manifest import Manifest, Split
from carina.studies.sources.assembling import FRACTIONS, harmless
from carina.studies.sources.cells import ages, relative, sex, view
from carina.studies.sources.mapping import Duplicates, LabelColumns, TableMapping
from carina.studies.sources.merging import one_patient_an_image, places_of_merged
from carina.studies.sources.table import Table
from carina.studies.splits import hashed_split

__all__ = ["MAPPING", "read_folder"]

MAPPING = "mapping.toml"
"""What a mapping beside a table is called."""
_TABLES = (".csv", ".tsv")
_IMAGES = (".png", ".jpg", ".jpeg", ".dcm")
# Other cells are not quoted: where the column is the wrong one, they name patients.
_SPLITS = {"valid", "validate", "validation", "training", "testing", "development", "holdout"}
_EXAMPLE = """
  table = "labels.csv"
  images = "images"
  [columns]
  image = "image"
  patient = "patient_id"
  [labels.columns]
  "Pleural Effusion" = "Effusion\""""


def read_folder(data: Path, mapping: Path | None = None) -> Manifest:
    """The manifest of a data folder, or of a table in it. Images need not be there yet.

    Args:
        data: The folder, or the table itself, which then stands for the mapping's.
        mapping: A TOML file, see `TableMapping`; otherwise ``mapping.toml`` beside the table, and
            otherwise a mapping that comes with carina and recognises the table.

    Raises:
        MissingFile: where there is no folder, or no table in it.
        UnreadableFile: where the table is no UTF-8 CSV.
        ConfigError: where there is no mapping, or one with faults, or a column is missing.
        ManifestError: where rows contradict the mapping or each other: label or split cells
            outside the contract, an image listed twice, a patient in two splits.
    """
    if not data.exists():
        raise MissingFile(f"There is no folder or table {data.name!r}; check the path of the data.")
    if data.is_file() and data.suffix.lower() not in _TABLES:
        raise UnreadableFile(
            f"The data are a folder or a table in it ({' or '.join(_TABLES)}); got a file "
            f"{data.suffix or 'without an ending'}. Name the folder."
        )
    root = data if data.is_dir() else data.parent
    if mapping is None and (root / MAPPING).is_file():
        mapping = root / MAPPING
    if mapping is not None:
        chosen = read_toml(mapping, TableMapping)
        table = data if data.is_file() else root / chosen.table
        if not table.is_file():
            raise MissingFile(
                f"There is no table {chosen.table!r} in the data folder.{_contents(root)} "
                f"Set `table` in {mapping.name}."
            )
        return _manifest(chosen, Table.read(table), root)
    for table in [data] if data.is_file() else _with_suffix(root, _TABLES):
        read = Table.read(table)
        if (recognised := _recognised(read)) is not None:
            return _manifest(recognised, read, root)
    raise _no_mapping(data, root)


def _contents(root: Path) -> str:
    tables = [path.name for path in _with_suffix(root, _TABLES)]
    return f" Tables there: {', '.join(tables[:5]) or 'none'}."


def _with_suffix(root: Path, suffixes: tuple[str, ...]) -> list[Path]:
    return sorted(p for p in root.iterdir() if p.suffix.lower() in suffixes and p.is_file())


def _no_mapping(data: Path, root: Path) -> ConfigError | MissingFile:
    how = f"Describe it in {MAPPING} beside it, or with --mapping FILE, like this:{_EXAMPLE}"
    tables = [data] if data.is_file() else _with_suffix(root, _TABLES)
    if tables:
        columns = Table.read(tables[0]).named(20)
        return ConfigError(
            f"No mapping says what the columns of {tables[0].name} mean; it has {columns}. {how}"
        )
    images = sum(1 for path in root.rglob("*") if path.suffix.lower() in _IMAGES)
    held = f"holds {images} image(s) and no table" if images else "is empty: no table, no images"
    if not images and any(root.iterdir()):
        held = "holds neither a table nor images"
    return MissingFile(
        f"The data folder {held}. carina wants a table (CSV, one row an image) that says at least "
        f"which file is whose. {how}"
    )


def _recognised(table: Table) -> TableMapping | None:
    """The mapping, of those that come with carina, whose columns the table has."""
    shipped = files("carina.studies.sources").joinpath("mappings")
    for entry in sorted(shipped.iterdir(), key=lambda item: item.name):
        mapping = read_toml(Path(str(entry)), TableMapping)
        wanted = set(mapping.recognise.columns)
        if wanted and wanted <= set(table.columns):
            return mapping
    return None


def _manifest(mapping: TableMapping, table: Table, root: Path) -> Manifest:
    _check_columns(mapping, table)
    columns = mapping.columns
    image = tuple(map(relative, table.cells[columns.image]))
    if not image:
        raise ManifestError(f"The table {table.name} has a header and no rows.")
    patient = tuple(table.cells[columns.patient])
    merged = mapping.duplicates is Duplicates.MERGED
    _check_rows(table.name, image, patient, twice_is_well=merged)

    def column(name: str, clean: Callable[[str], str] = str) -> tuple[str, ...]:
        return tuple(map(clean, table.cells[name])) if name else ("",) * len(image)

    listed = patient
    if merged:
        patient = one_patient_an_image(image, listed)
    split = _splits(mapping, table, patient)
    every = Manifest(
        root=root / mapping.images,
        image=image,
        study=column(columns.study) if columns.study else image,
        patient=patient,
        view=column(columns.view, view),
        sex=column(columns.sex, sex),
        age=ages(columns.age, column(columns.age)),
        site=column(columns.site),
        date=column(columns.date),
        split=places_of_merged(listed, patient, split),
        report=column(columns.report),
        labels=_labels(mapping.labels, table, len(image)),
        space=LabelSpace(names=tuple(map(canonical, mapping.labels.columns))),
        source=mapping.source,
        extra={name: column(header) for name, header in mapping.extra.items()},
    )
    return _once(every, table.name) if merged else every


def _once(manifest: Manifest, table: str) -> Manifest:
    """The first row of each image."""
    first: dict[str, int] = {}
    for row, image in enumerate(manifest.image):
        first.setdefault(image, row)
    other = np.array([first[image] for image in manifest.image])
    if unlike := int((manifest.labels != manifest.labels[other]).any(axis=1).sum()):
        raise ManifestError(
            f"{unlike} row(s) of {table} name an image that stands there already with other "
            "labels; decide which are right and keep one row an image."
        )
    return manifest.take(np.array(list(first.values()), dtype=np.int64))


def _check_columns(mapping: TableMapping, table: Table) -> None:
    if missing := {p: c for p, c in mapping.named().items() if c not in table.cells}:
        known = table.columns if table.headed else []
        faults = [f"{p} = {c!r}.{near(c, known)}" for p, c in missing.items()]
        raise ConfigError(
            f"{table.name} has no column for {len(missing)} name(s) of the mapping:\n  "
            + "\n  ".join(faults)
            + f"\nIts columns: {table.named(40)}.{_one_column(table)}"
        )


def _one_column(table: Table) -> str:
    """A hint where the cells are parted by something other than what was looked for."""
    (only, *more) = table.columns or [""]
    parted = [mark for mark in (";", "\t", ",", "|") if mark in only]
    if more or not parted:
        return ""
    return f" Its cells are parted by {parted[0]!r}; wanted commas in .csv, tabs in .tsv."


def _check_rows(
    table: str, image: tuple[str, ...], patient: tuple[str, ...], *, twice_is_well: bool
) -> None:
    for name, cells in {"image": image, "patient": patient}.items():
        if blank := cells.count(""):
            raise ManifestError(f"{blank} row(s) of {table} have no {name}; fill or remove them.")
    if not twice_is_well and (twice := len(image) - len(set(image))):
        others = len(set(zip(image, patient, strict=True))) - len(set(image))
        raise ManifestError(
            f"{twice} row(s) of {table} name an image that stands there already, {others} of them "
            "under another patient; wanted one row an image. Decide whose it is and keep that row, "
            'or set `duplicates = "merged"` in the mapping to make such patients one.'
        )


def _splits(mapping: TableMapping, table: Table, patient: tuple[str, ...]) -> tuple[str, ...]:
    rule = mapping.split
    if not mapping.columns.split:
        return hashed_split(patient, rule.salt, rule.fractions or FRACTIONS)
    known = [str(split) for split in Split]
    names = tuple(rule.rename.get(cell, cell) for cell in table.cells[mapping.columns.split])
    if strange := [name for name in names if name not in known]:
        word = next((name for name in strange if name.lower() in _SPLITS), "") or harmless(strange)
        such = f", such as {word!r}" if word else ""
        raise ManifestError(
            f"{len(strange)} row(s) of column {mapping.columns.split!r} name no split{such}."
            f"{near(strange[0], known)} Known: {', '.join(known)}. "
            f'Say what each means in the mapping: [split] rename = {{ "{word or "CELL"}" = SPLIT }}.'
        )
    return names


def _labels(rule: LabelColumns, table: Table, rows: int) -> Int8[np.ndarray, "images labels"]:
    meanings = rule.meanings()
    labels = np.full((rows, len(rule.columns)), Presence.UNMENTIONED, dtype=np.int8)
    for at, name in enumerate(rule.columns.values()):
        cells = table.cells[name]
        if strange := Counter(cell for cell in cells if cell not in meanings):
            short = harmless(value for value, _ in strange.most_common())
            such = f", such as {short!r}" if short else ""
            raise ManifestError(
                f"Label outside the contract in column {name!r}: {strange.total()} row(s), "
                f"{len(strange)} value(s){such}. Known: {_quoted(meanings)}. "
                "Add it to present, absent, uncertain or unmentioned under [labels]."
            )
        labels[:, at] = [meanings[cell] for cell in cells]
    if (unknown := rule.unknown_where) is not None:
        nobody = [cell == unknown.equals for cell in table.cells[unknown.column]]
        labels[np.array(nobody)] = Presence.UNMENTIONED
    return labels


def _quoted(values: Iterable[str]) -> str:
    return ", ".join(repr(value) if value else "blank" for value in values)

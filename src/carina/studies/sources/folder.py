"""A folder of images beside a table, read by a mapping that names the table's columns."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path, PurePosixPath

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
from carina.studies.sources.mapping import LabelColumns, TableMapping
from carina.studies.splits import hashed_split

__all__ = ["read_folder"]

_MAPPING = "mapping.toml"
_FRACTIONS = {"train": 0.7, "val": 0.1, "test": 0.2}
_TABLES = (".csv", ".tsv")
_HEAD = 4096
_DATUM = re.compile(
    r"^\W*\d|\d{4}|\.(png|jpe?g|dcm|dicom)\b", re.IGNORECASE
)  # in no name of a column, but in cells: begun by or with a long number, a file
_IMAGES = (".png", ".jpg", ".jpeg", ".dcm")
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
    if mapping is None and (root / _MAPPING).is_file():
        mapping = root / _MAPPING
    if mapping is not None:
        chosen = read_toml(mapping, TableMapping)
        table = data if data.is_file() else root / chosen.table
        if not table.is_file():
            raise MissingFile(
                f"There is no table {chosen.table!r} in the data folder.{_contents(root)} "
                f"Set `table` in {mapping.name}."
            )
        return _manifest(chosen, _Table.read(table), root)
    for table in [data] if data.is_file() else _with_suffix(root, _TABLES):
        read = _Table.read(table)
        if (recognised := _recognised(read)) is not None:
            return _manifest(recognised, read, root)
    raise _no_mapping(data, root)


def _contents(root: Path) -> str:
    tables = [path.name for path in _with_suffix(root, _TABLES)]
    return f" Tables there: {', '.join(tables[:5]) or 'none'}."


def _with_suffix(root: Path, suffixes: tuple[str, ...]) -> list[Path]:
    return sorted(p for p in root.iterdir() if p.suffix.lower() in suffixes and p.is_file())


def _no_mapping(data: Path, root: Path) -> ConfigError | MissingFile:
    how = f"Describe it in {_MAPPING} beside it, or with --mapping FILE, like this:{_EXAMPLE}"
    tables = [data] if data.is_file() else _with_suffix(root, _TABLES)
    if tables:
        columns = _Table.read(tables[0]).named(20)
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


def _recognised(table: "_Table") -> TableMapping | None:
    """The mapping, of those that come with carina, whose columns the table has."""
    shipped = files("carina.studies.sources").joinpath("mappings")
    for entry in sorted(shipped.iterdir(), key=lambda item: item.name):
        mapping = read_toml(Path(str(entry)), TableMapping)
        wanted = set(mapping.recognise.columns)
        if wanted and wanted <= set(table.columns):
            return mapping
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """A CSV file, every cell as text without spaces around it."""

    name: str
    cells: dict[str, list[str]]

    @property
    def columns(self) -> list[str]:
        return list(self.cells)

    @property
    def headed(self) -> bool:
        """Whether the first line can be a header; otherwise it may be a row, of a patient."""
        return not any(_DATUM.search(column) for column in self.columns)

    def named(self, most: int) -> str:
        """The first columns by name, for a message; nothing of a first line that is a row."""
        if self.headed:
            return ", ".join(self.columns[:most])
        return f"{len(self.columns)} column(s), but its first line does not look like a header"

    @classmethod
    def read(cls, path: Path) -> "_Table":
        # polars takes 0.3 s to import: only who reads a table waits for it.
        import polars as pl

        try:
            with path.open("rb") as file:
                if b"\0" in file.read(_HEAD):  # UTF-16, or no text: polars would make cells of it
                    raise UnreadableFile(_no_table(path.name, "NUL bytes"))
            frame = pl.read_csv(
                path,
                separator="\t" if path.suffix.lower() == ".tsv" else ",",
                infer_schema=False,
            )
        except pl.exceptions.NoDataError:
            raise UnreadableFile(
                f"The table {path.name} is empty; wanted a header and one row an image."
            ) from None
        except UnreadableFile:
            raise
        except (pl.exceptions.PolarsError, OSError, ValueError) as error:
            # polars quotes the row it stumbled over, which may name a patient.
            raise UnreadableFile(_no_table(path.name, type(error).__name__)) from None
        columns = {column.name: column.fill_null("").to_list() for column in frame}
        return cls(
            name=path.name,
            cells={name: [cell.strip() for cell in cells] for name, cells in columns.items()},
        )


def _no_table(name: str, why: str) -> str:
    return (
        f"The table {name} is no UTF-8 CSV with equally long rows: {why}. "
        "Save it again as CSV (UTF-8)."
    )


def _manifest(mapping: TableMapping, table: _Table, root: Path) -> Manifest:
    _check_columns(mapping, table)
    columns = mapping.columns
    image = tuple(map(_relative, table.cells[columns.image]))
    if not image:
        raise ManifestError(f"The table {table.name} has a header and no rows.")
    patient = tuple(table.cells[columns.patient])
    _check_rows(table.name, image, patient)

    def column(name: str, clean: Callable[[str], str] = str) -> tuple[str, ...]:
        return tuple(map(clean, table.cells[name])) if name else ("",) * len(image)

    return Manifest(
        root=root / mapping.images,
        image=image,
        study=column(columns.study) if columns.study else image,
        patient=patient,
        view=column(columns.view, _view),
        sex=column(columns.sex, _sex),
        age=_ages(columns.age, column(columns.age)),
        site=column(columns.site),
        date=column(columns.date),
        split=_splits(mapping, table, patient),
        report=column(columns.report),
        labels=_labels(mapping.labels, table, len(image)),
        space=LabelSpace(names=tuple(map(canonical, mapping.labels.columns))),
        source=mapping.source,
        extra={name: column(header) for name, header in mapping.extra.items()},
    )


def _check_columns(mapping: TableMapping, table: _Table) -> None:
    if missing := {p: c for p, c in mapping.named().items() if c not in table.cells}:
        known = table.columns if table.headed else []
        faults = [f"{p} = {c!r}.{near(c, known)}" for p, c in missing.items()]
        raise ConfigError(
            f"{table.name} has no column for {len(missing)} name(s) of the mapping:\n  "
            + "\n  ".join(faults)
            + f"\nIts columns: {table.named(40)}.{_one_column(table)}"
        )


def _one_column(table: _Table) -> str:
    """A hint where the cells are parted by something other than what was looked for."""
    (only, *more) = table.columns or [""]
    parted = [mark for mark in (";", "\t", ",", "|") if mark in only]
    if more or not parted:
        return ""
    return f" Its cells are parted by {parted[0]!r}; wanted commas in .csv, tabs in .tsv."


def _relative(cell: str) -> str:
    path = PurePosixPath(cell)
    if path.is_absolute() or ".." in path.parts:
        raise ManifestError(
            "An image cell leaves the image folder; wanted paths below it. "
            "Set `images` in the mapping to the folder they all lie in."
        )
    return str(path) if cell else ""


def _check_rows(table: str, image: tuple[str, ...], patient: tuple[str, ...]) -> None:
    for name, cells in {"image": image, "patient": patient}.items():
        if blank := cells.count(""):
            raise ManifestError(f"{blank} row(s) of {table} have no {name}; fill or remove them.")
    if twice := len(image) - len(set(image)):
        others = len(set(zip(image, patient, strict=True))) - len(set(image))
        raise ManifestError(
            f"{twice} row(s) of {table} name an image that stands there already, {others} of them "
            "under another patient; wanted one row an image. Decide whose it is and keep that row."
        )


def _splits(mapping: TableMapping, table: _Table, patient: tuple[str, ...]) -> tuple[str, ...]:
    rule = mapping.split
    if not mapping.columns.split:
        return hashed_split(patient, rule.salt, rule.fractions or _FRACTIONS)
    known = [str(split) for split in Split]
    names = tuple(rule.rename.get(cell, cell) for cell in table.cells[mapping.columns.split])
    if strange := [name for name in names if name not in known]:
        raise ManifestError(
            f"No split named {strange[0][:20]!r} ({len(strange)} row(s) of column "
            f"{mapping.columns.split!r}).{near(strange[0], known)} Known: {', '.join(known)}. "
            f'Say what it means in the mapping: [split] rename = {{ "{strange[0][:20]}" = SPLIT }}.'
        )
    return names


def _labels(rule: LabelColumns, table: _Table, rows: int) -> Int8[np.ndarray, "images labels"]:
    meanings = rule.meanings()
    labels = np.full((rows, len(rule.columns)), Presence.UNMENTIONED, dtype=np.int8)
    for at, name in enumerate(rule.columns.values()):
        cells = table.cells[name]
        if strange := Counter(cell for cell in cells if cell not in meanings):
            value, times = strange.most_common(1)[0]
            raise ManifestError(
                f"Label outside the contract in column {name!r}: {value[:20]!r} in {times} row(s)"
                f"{_others(len(strange) - 1)}. Known: {_quoted(meanings)}. "
                "Add it to present, absent, uncertain or unmentioned under [labels]."
            )
        labels[:, at] = [meanings[cell] for cell in cells]
    if (unknown := rule.unknown_where) is not None:
        nobody = [cell == unknown.equals for cell in table.cells[unknown.column]]
        labels[np.array(nobody)] = Presence.UNMENTIONED
    return labels


def _others(more: int) -> str:
    return f", and {more} other value(s)" if more else ""


def _quoted(values: Iterable[str]) -> str:
    return ", ".join(repr(value) if value else "blank" for value in values)


_VIEWS = {
    "PA": ("PA", "POSTEROANTERIOR"),
    "AP": ("AP", "ANTEROPOSTERIOR", "AP SUPINE", "AP ERECT", "PORTABLE AP"),
    "LATERAL": ("LATERAL", "LAT", "L", "LL", "RL", "LLAT"),
}
_VIEW = {word: view for view, words in _VIEWS.items() for word in words}
_SEX = {"F": "F", "FEMALE": "F", "M": "M", "MALE": "M"}
_AGE = re.compile(r"(\d{1,3}(?:\.\d+)?)([YMWD]?)")
_A_YEAR = {"": 1.0, "Y": 1.0, "M": 12.0, "W": 52.1775, "D": 365.2425}


def _view(cell: str) -> str:
    return _VIEW.get(cell.upper(), "")


def _sex(cell: str) -> str:
    return _SEX.get(cell.upper(), "")


def _ages(name: str, cells: tuple[str, ...]) -> tuple[float, ...]:
    """Years, from numbers of years or DICOM age strings such as 061Y and 003M; NaN for blank."""
    matches = [_AGE.fullmatch(cell.upper()) for cell in cells]
    if wrong := sum(
        match is None and cell != "" for match, cell in zip(matches, cells, strict=True)
    ):
        raise ManifestError(
            f"{wrong} row(s) of column {name!r} hold no age; wanted years (61) or a DICOM age "
            "(061Y). Clear those cells, or leave `age` out of the mapping."
        )
    return tuple(np.nan if m is None else float(m[1]) / _A_YEAR[m[2]] for m in matches)

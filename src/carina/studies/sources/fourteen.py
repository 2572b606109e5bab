"""The fourteen findings of the CheXpert labeller, as CheXpert and MIMIC-CXR-JPG write them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from carina.core import ConfigError, UnreadableFile
from carina.studies.findings import FOURTEEN, canonical
from carina.studies.labels import Presence
from carina.studies.sources.assembling import presences
from carina.studies.sources.table import Table

__all__ = ["fourteen", "from_json_lines", "laid_over"]

_MEANINGS = {
    "1": Presence.PRESENT,
    "1.0": Presence.PRESENT,
    "0": Presence.ABSENT,
    "0.0": Presence.ABSENT,
    "-1": Presence.UNCERTAIN,
    "-1.0": Presence.UNCERTAIN,
    "": Presence.UNMENTIONED,
}
_LINE = 1 << 16  # bytes; a line of fourteen findings has under 1,000
_MOST = 1 << 30

Labels = dict[str, list[Presence]]


def fourteen(table: Table, *, may_lack: Sequence[str] = ()) -> Labels:
    """What a table says of each finding, its columns found by any name of the finding.

    Args:
        table: One row an image or a study; cells 1, 0, -1 or blank.
        may_lack: Findings the table's form leaves out; they are UNMENTIONED.

    Raises:
        ConfigError: where the column of another finding is missing.
        ManifestError: for a cell outside the form.
    """
    named = {canonical(column): column for column in table.columns}
    table.require(*(name for name in FOURTEEN if name not in named and name not in may_lack))
    return {
        name: presences(table.cells[named[name]], _MEANINGS, column=named[name])
        if name in named
        else [Presence.UNMENTIONED] * len(table)
        for name in FOURTEEN
    }


def from_json_lines(path: Path, key: str) -> Table:
    """The table of a file with one JSON object a line, as CheXbert's labels are published.

    Raises:
        UnreadableFile: where a line is no object of numbers, nulls and the key.
        ConfigError: where lines lack the key or a finding.
    """
    cells: dict[str, list[str]] = {name: [] for name in (key, *FOURTEEN)}
    if path.stat().st_size > _MOST:
        raise UnreadableFile(f"The labels {path.name} have more than {_MOST >> 20} MiB.")
    with path.open("rb") as file:
        while line := file.readline(_LINE):
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            if not isinstance(row, dict):
                raise UnreadableFile(
                    f"The labels {path.name} are not one JSON object a line; "
                    "use the file as it was published."
                )
            if missing := [name for name in cells if name not in row]:
                raise ConfigError(
                    f"A line of {path.name} lacks {len(missing)} name(s): {', '.join(missing)}."
                )
            for name, column in cells.items():
                column.append("" if row[name] is None else str(row[name]))
    return Table(name=path.name, cells=cells)


def laid_over(
    labels: Labels, at: Mapping[int, int], others: Labels, *, only: Sequence[int]
) -> Labels:
    """Labels of some rows replaced by those of another table.

    Args:
        labels: What is laid under.
        at: Row to row of the other table.
        others: The other table's labels.
        only: The rows it speaks for; those it lacks become UNMENTIONED.
    """
    laid = {name: list(column) for name, column in labels.items()}
    for name, column in laid.items():
        for row in only:
            column[row] = others[name][at[row]] if row in at else Presence.UNMENTIONED
    return laid

"""Tables of any data set: CSV as text, cells without spaces around them."""

import gzip
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

from carina.core import ConfigError, MissingFile, UnreadableFile, near
from carina.studies.quiet import without_panic

__all__ = ["Table", "find", "header"]

_HEAD = 4096
_MOST = 512 << 20  # bytes; no published table comes near
_CELLS = 16_000_000  # at some 60 bytes each once they are text
_PIECE = 1 << 20
_DATUM = re.compile(
    r"^\W*\d|\d{4}|\.(png|jpe?g|dcm|dicom)\b", re.IGNORECASE
)  # in no name of a column, but in cells: begun by or with a long number, a file


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A CSV file, every cell as text without spaces around it."""

    name: str
    cells: dict[str, list[str]]

    @property
    def columns(self) -> list[str]:
        """The header, in order."""
        return list(self.cells)

    def __len__(self) -> int:
        """Rows."""
        return len(next(iter(self.cells.values()), []))

    def require(self, *names: str) -> None:
        """See that the columns are there.

        Raises:
            ConfigError: listing those that are not, each with its neighbour.
        """
        if missing := [name for name in names if name not in self.cells]:
            known = self.columns if self.headed else []
            faults = "\n  ".join(f"{name!r}.{near(name, known)}" for name in missing)
            raise ConfigError(
                f"{self.name} lacks {len(missing)} column(s) its form has:\n  {faults}\n"
                f"Its columns: {self.named(40)}. Use the file as it was published."
            )

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
    def read(
        cls, path: Path, *, separator: str | None = None, only: tuple[str, ...] = ()
    ) -> "Table":
        """A table from a CSV file, or a TSV one by its ending; ``.gz`` is unpacked in memory.

        Args:
            path: The file.
            separator: What parts cells, where the ending does not say.
            only: Columns to keep, of a large table; all when empty.

        Raises:
            MissingFile: where there is no such file.
            UnreadableFile: where it is no UTF-8 text in rows of one length, or too large.
        """
        # polars takes 0.3 s to import: only who reads a table waits for it.
        import polars as pl

        plain = path.with_suffix("") if path.suffix.lower() == ".gz" else path
        unreadable = (OSError, EOFError, RuntimeError, ValueError, zlib.error)
        tabs = plain.suffix.lower() == ".tsv"
        try:
            data = _unpacked(path)
            if b"\0" in data[:_HEAD]:  # UTF-16, or no text: polars would make cells of it
                raise UnreadableFile(_no_table(path.name, "NUL bytes"))
            parting = separator or ("\t" if tabs else ",")
            if data.count(parting.encode()) + data.count(b"\n") > _CELLS:
                raise UnreadableFile(f"The table {path.name} has more than {_CELLS:,} cells.")
            with without_panic():
                frame = pl.read_csv(data, separator=parting, infer_schema=False)
        except FileNotFoundError:
            raise MissingFile(f"There is no table {path.name} where it should be.") from None
        except pl.exceptions.NoDataError:
            raise UnreadableFile(
                f"The table {path.name} is empty; wanted a header and one row an image."
            ) from None
        except UnreadableFile:
            raise
        except MemoryError:
            raise UnreadableFile(f"The table {path.name} is too large for this machine.") from None
        except (*unreadable, pl.exceptions.PolarsError) as error:
            # polars quotes the row it stumbled over, which may name a patient.
            raise UnreadableFile(_no_table(path.name, type(error).__name__)) from None
        columns = {
            column.name: column.fill_null("").to_list()
            for column in frame
            if not only or column.name.strip() in only
        }
        return cls(
            name=path.name,
            cells={
                name.strip(): [cell.strip() for cell in cells] for name, cells in columns.items()
            },
        )


def find(root: Path, *names: str) -> Path | None:
    """The first of several files that is in a folder, packed (``.gz``) or not."""
    both = [root / form for name in names for form in (name, f"{name}.gz")]
    return next((path for path in both if path.is_file()), None)


def header(path: Path) -> set[str]:
    """What the first line of a CSV file names; nothing where it cannot be read."""
    try:
        with path.open("rb") as file:
            line = file.read(_HEAD).splitlines()[:1]
    except OSError:
        return set()
    cells = b"".join(line).decode("utf-8-sig", errors="replace").split(",")
    return {cell.strip().strip('"') for cell in cells}


def _unpacked(path: Path) -> bytes:
    """The bytes of a file, out of its gzip where it is in one; nothing beyond reason."""
    if path.suffix.lower() != ".gz":
        if path.stat().st_size > _MOST:
            raise UnreadableFile(f"The table {path.name} has more than {_MOST >> 20} MiB.")
        return path.read_bytes()
    data = bytearray()
    with gzip.open(path) as file:
        while piece := file.read(_PIECE):  # all at once would claim the room before it is needed
            data += piece
            if len(data) > _MOST:
                raise UnreadableFile(
                    f"The table {path.name} unpacks to more than {_MOST >> 20} MiB."
                )
    return bytes(data)


def _no_table(name: str, why: str) -> str:
    return (
        f"The table {name} is no UTF-8 CSV with equally long rows: {why}. "
        "Save it again as CSV (UTF-8)."
    )

"""What a mapping file says: where a table and its images are, and what its columns mean."""

from collections import Counter
from dataclasses import dataclass, field, fields
from enum import StrEnum

from carina.core import InvalidValue
from carina.studies.findings import canonical
from carina.studies.labels import Presence

__all__ = [
    "Blank",
    "Columns",
    "Duplicates",
    "LabelColumns",
    "Recognise",
    "SplitRule",
    "TableMapping",
    "UnknownWhere",
]


class Blank(StrEnum):
    """What an empty cell of a label column says."""

    UNMENTIONED = "unmentioned"
    ABSENT = "absent"


class Duplicates(StrEnum):
    """What is done with an image the table lists more than once."""

    REFUSED = "refused"
    """Somebody decides whose it is before anything is read."""
    MERGED = "merged"
    """It is read once, where it stands first; the patients it is listed under are one, by the id
    and in the split of the first. Rows of an image that disagree on a label are refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The table's name for each column of a manifest; "" where it has none.

    Without ``study`` every image is a study of its own; without ``split`` patients are split by
    their hash.
    """

    image: str
    patient: str
    study: str = ""
    view: str = ""
    sex: str = ""
    age: str = ""
    site: str = ""
    date: str = ""
    split: str = ""
    report: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownWhere:
    """Rows nobody labelled: where the column holds the value, every cell is UNMENTIONED."""

    column: str
    equals: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelColumns:
    """How label cells are written, and in which columns the findings stand.

    Attributes:
        columns: Finding to column; the order is the label space's. Names become canonical.
        present: What a cell says for PRESENT; cells are compared as text, without spaces around.
        absent: For ABSENT.
        uncertain: For UNCERTAIN.
        unmentioned: For UNMENTIONED, beside the empty cell.
        blank: What the empty cell says.
        unknown_where: Rows whose cells count for nothing.
    """

    columns: dict[str, str] = field(default_factory=dict)
    present: tuple[str, ...] = ("1", "1.0")
    absent: tuple[str, ...] = ("0", "0.0")
    uncertain: tuple[str, ...] = ("-1", "-1.0")
    unmentioned: tuple[str, ...] = ()
    blank: Blank = Blank.UNMENTIONED
    unknown_where: UnknownWhere | None = None

    def __post_init__(self) -> None:
        said = Counter([*self.present, *self.absent, *self.uncertain, *self.unmentioned, ""])
        if twice := [value for value, times in said.items() if times > 1]:
            raise InvalidValue(f"The cell {twice[0]!r} cannot say two things; blank has its key.")
        names = Counter(canonical(name) for name in self.columns)
        if same := [name for name, times in names.items() if times > 1]:
            raise InvalidValue(f"Two label columns are both {same[0]!r}; keep one.")

    def meanings(self) -> dict[str, Presence]:
        """What each text a cell may hold says."""
        blank = Presence.ABSENT if self.blank is Blank.ABSENT else Presence.UNMENTIONED
        return {
            **dict.fromkeys(self.present, Presence.PRESENT),
            **dict.fromkeys(self.absent, Presence.ABSENT),
            **dict.fromkeys(self.uncertain, Presence.UNCERTAIN),
            **dict.fromkeys(self.unmentioned, Presence.UNMENTIONED),
            "": blank,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitRule:
    """The names of splits in a split column, or the shares of a hashed split.

    Attributes:
        rename: What the column says to one of `Split`; where the names agree nothing is needed.
        fractions: Share of each split where there is no column; 70/10/20 when empty.
        salt: Another salt gives another hashed split.
    """

    rename: dict[str, str] = field(default_factory=dict)
    fractions: dict[str, float] = field(default_factory=dict)
    salt: str = "carina"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognise:
    """A table that has all these columns is meant, where no mapping is named; none for never."""

    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TableMapping:
    """What a ``mapping.toml`` says: where the table and the images are, and what columns mean.

    Attributes:
        columns: Columns of the manifest.
        table: File of the table, CSV or TSV, below the data folder.
        images: Folder below which the image cells lie, below the data folder.
        source: Name of the data set, for exposure checks and cards.
        labels: Label columns.
        split: Splits.
        recognise: When to take this mapping unasked.
        extra: Further columns to keep as they are: name in the manifest to column.
        duplicates: What is done with an image that is listed more than once.
    """

    columns: Columns
    table: str = "labels.csv"
    images: str = "."
    source: str = ""
    labels: LabelColumns = field(default_factory=LabelColumns)
    split: SplitRule = field(default_factory=SplitRule)
    recognise: Recognise = field(default_factory=Recognise)
    extra: dict[str, str] = field(default_factory=dict)
    duplicates: Duplicates = Duplicates.REFUSED

    def __post_init__(self) -> None:
        if self.columns.split and self.split.fractions:
            raise InvalidValue("There is a split column and there are fractions; keep one of them.")
        if self.split.rename and not self.columns.split:
            raise InvalidValue("There are splits to rename and no split column; name the column.")

    def named(self) -> dict[str, str]:
        """Every column the table must have, by its place in the mapping."""
        named = {f"columns.{f.name}": getattr(self.columns, f.name) for f in fields(self.columns)}
        named |= {f"labels.columns.{name}": column for name, column in self.labels.columns.items()}
        named |= {f"extra.{name}": column for name, column in self.extra.items()}
        if self.labels.unknown_where is not None:
            named["labels.unknown_where.column"] = self.labels.unknown_where.column
        return {place: column for place, column in named.items() if column}

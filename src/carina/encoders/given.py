"""Features that were computed elsewhere: a matrix in the order of a table, or rows by name."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from carina.core import InvalidValue, Mismatch, MissingFile, UnreadableFile, digest_file
from carina.encoders.card import EncoderCard
from carina.encoders.protocol import Encoded

__all__ = ["GivenFeatures", "GivenImages", "GivenTexts", "read_given"]

_FORMS = (".npy", ".parquet", ".csv")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GivenFeatures:
    """What a file of features holds.

    Attributes:
        values: A row an image (or text), float32; what the file has in float64 is rounded.
        names: What each row is of; None where rows stand in the order of the user's table.
        digest: Of the file's bytes.
    """

    values: Float[np.ndarray, "rows dim"]
    names: tuple[str, ...] | None
    digest: str

    def __post_init__(self) -> None:
        if 0 in self.values.shape:
            raise InvalidValue(f"A file of features has numbers; got {self.values.shape} of them.")
        unfit = int((~np.isfinite(self.values)).any(axis=1).sum())
        if unfit:
            raise InvalidValue(
                f"{unfit} of {len(self.values)} rows of the features have a NaN or an infinite "
                "number. Leave those rows out of the file: they are then set aside."
            )
        if self.names is not None and (twice := len(self.names) - len(set(self.names))):
            raise InvalidValue(
                f"{twice} row(s) of the features name what an earlier row has named. Leave one row "
                "of each."
            )

    def places(self, names: Sequence[str]) -> tuple[int | None, ...]:
        """The row of each name, None where the file has none.

        Raises:
            Mismatch: where rows stand in order and are not as many, or no name is known.
        """
        if self.names is None:
            if len(self.values) != len(names):
                raise Mismatch(
                    f"The features have {len(self.values)} rows, the table {len(names)}; an .npy "
                    "has one row for each of the table's, in its order. Or name the images: a "
                    "Parquet file with a column image."
                )
            return tuple(range(len(names)))
        row = {name: index for index, name in enumerate(self.names)}
        found = tuple(row.get(name) for name in names)
        if names and not any(place is not None for place in found):
            raise Mismatch(
                f"None of the {len(row)} names in the features is one of the {len(names)} asked "
                "for. Images are named as in the table, folders included."
            )
        return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GivenImages:
    """In an image encoder's place: features of the images a file names, and of no others.

    Attributes:
        card: Its engine is `FROM_FILE`, and it has no preprocess.
        features: What the file holds.
    """

    card: EncoderCard
    features: GivenFeatures

    def to(self, device: torch.device) -> "GivenImages":
        """Itself: there is nothing to run."""
        del device
        return self

    def encode(
        self,
        images: Float[torch.Tensor, "items channels rows cols"],
        *,
        tokens: bool = False,
        stages: bool = False,
    ) -> Encoded:
        """Nothing.

        Raises:
            Mismatch: always; only `carina.features.encode` knows which image a row is of.
        """
        del images, tokens, stages
        raise Mismatch(
            f"{self.card.name} is a file of features, with no model behind it: it encodes no "
            "image. Put its rows into a store: carina encode DATA --encoder "
            f"{self.card.name} --weights FEATURES --store STORE."
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GivenTexts:
    """In a text encoder's place: features of the texts a file holds, and of no others.

    Attributes:
        card: Its engine is `FROM_FILE`.
        features: What the file holds, by text.
    """

    card: EncoderCard
    features: GivenFeatures
    _row: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        rows = {text: index for index, text in enumerate(self.features.names or ())}
        object.__setattr__(self, "_row", rows)

    def to(self, device: torch.device) -> "GivenTexts":
        """Itself: there is nothing to run."""
        del device
        return self

    def encode(self, texts: tuple[str, ...]) -> Encoded:
        """The rows of the texts, which are compared letter by letter.

        Raises:
            Mismatch: where the file lacks one; how many, and none of them.
        """
        if missing := len({text for text in texts if text not in self._row}):
            raise Mismatch(
                f"{missing} of {len(set(texts))} texts are not in the file of {self.card.name}. It "
                "needs every prompt (carina prompts BANK lists them), and every report where an "
                "alignment is fitted."
            )
        rows = [self._row[text] for text in texts]
        return Encoded(pooled=torch.from_numpy(self.features.values[rows]))


def read_given(path: Path, key: str, *, who: str) -> GivenFeatures:
    """The features in an ``.npy``, Parquet or CSV file.

    A table has a column of names and, beside it, either one column of lists or one column a
    number; all of those are features, in the order of the file.

    Args:
        path: The file.
        key: Name of the column of names: "image" or "text".
        who: The encoder's name, for messages.

    Raises:
        MissingFile: where there is no such file.
        UnreadableFile: where it is damaged, of another form, or holds other things than numbers.
        InvalidValue: for NaN, duplicates, or no numbers at all.
    """
    if not path.is_file():
        raise MissingFile(f"There is no file {path.name} with the features of {who}.")
    if path.suffix.lower() not in _FORMS:
        raise UnreadableFile(
            f"{path.name} is no file of features: wanted {', '.join(_FORMS)} for {who}."
        )
    if path.suffix.lower() == ".npy":
        return GivenFeatures(values=_matrix(path), names=None, digest=digest_file(path))
    names, values = _table(path, key)
    return GivenFeatures(values=values, names=names, digest=digest_file(path))


def _matrix(path: Path) -> Float[np.ndarray, "rows dim"]:
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        raise UnreadableFile(
            f"{path.name} cannot be read as a plain array: it is damaged, or holds objects. Save "
            "it with numpy.save, as float32."
        ) from None
    if array.ndim != 2 or array.dtype.kind != "f":
        raise UnreadableFile(
            f"{path.name} holds {array.dtype} of shape {array.shape}; wanted floating point of "
            "shape (rows, width)."
        )
    return _rounded(array)


def _table(path: Path, key: str) -> tuple[tuple[str, ...], Float[np.ndarray, "rows dim"]]:
    # here, since few encoders are tables
    import polars as pl

    try:
        if path.suffix.lower() == ".csv":
            frame = pl.read_csv(path, infer_schema_length=None, schema_overrides={key: pl.String})
        else:
            frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError):
        raise UnreadableFile(
            f"{path.name} cannot be read as {path.suffix.lower()[1:]}: it is damaged or of another "
            "form. Write it anew."
        ) from None
    if key not in frame.columns or frame[key].dtype != pl.String:
        raise UnreadableFile(
            f"{path.name} has no column {key!r} of text; it names what each row is of. There are: "
            f"{_few(frame.columns)}."
        )
    if frame[key].null_count():
        raise UnreadableFile(f"{frame[key].null_count()} row(s) of {path.name} have no {key}.")
    names = tuple(frame[key].to_list())
    return names, _rounded(_numbers(path.name, frame.drop(key)))


def _numbers(file: str, frame: Any) -> Float[np.ndarray, "rows dim"]:
    """The columns beside the names: one of lists, or each a number."""
    # here, as above
    import polars as pl

    kinds = frame.schema
    if len(kinds) == 1 and isinstance(next(iter(kinds.values())), pl.List | pl.Array):
        (column,) = frame.get_columns()
        lists = column.cast(pl.List(pl.Float64), strict=False)
        lengths = lists.list.len().unique().to_list()
        if len(lengths) != 1:
            raise UnreadableFile(f"Rows of {file} have different widths; wanted one for all.")
        flat: np.ndarray = lists.explode().to_numpy()
        return flat.astype(np.float64, copy=False).reshape(len(frame), lengths[0])
    if other := [name for name, kind in kinds.items() if not kind.is_numeric() or not name.strip()]:
        raise UnreadableFile(
            f"Every column of {file} beside the names is a feature, and these are none: "
            f"{_few(other)}. Leave them out (a table's index too)."
        )
    numbers: np.ndarray = frame.select(pl.all().cast(pl.Float64)).to_numpy()
    return numbers.reshape(len(frame), len(kinds))


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:5])
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _rounded(array: np.ndarray) -> Float[np.ndarray, "rows dim"]:
    with np.errstate(over="ignore"):  # what is too large is infinite then, and told as that
        return np.ascontiguousarray(array, dtype=np.float32)

"""Features of an ordered list of images, mapped from the store and gathered when asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import final

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from carina.core import InvalidValue, Mismatch
from carina.encoders import EncoderCard
from carina.features.outputs import CORNERS, arrays_of, encode_command
from carina.features.segment import Segment

__all__ = ["Block", "FeatureTable", "mapped_table"]

_JOINED = 1 << 20  # bytes gathered at a time: they stay near the processor until they are float32


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The columns of one encoder in a table.

    Attributes:
        card: The encoder.
        columns: Where its features stand among the table's.
    """

    card: EncoderCard
    columns: slice

    @property
    def width(self) -> int:
        """How many columns it has."""
        return int(self.columns.stop - self.columns.start)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Source:
    """Where one encoder's rows lie.

    Attributes:
        arrays: By name, one a segment, all of one dtype.
        bytes: What lies in those arrays.
        segment: Which segment each image is in.
        row: Where in it.
    """

    arrays: dict[str, list[np.ndarray]]
    bytes: dict[str, list[memoryview]]
    segment: Int[np.ndarray, " images"]
    row: Int[np.ndarray, " images"]

    def gather(
        self, rows: Int[np.ndarray, " rows"], shape: tuple[int, ...], name: str = "pooled"
    ) -> Float[Tensor, "rows ..."]:
        """Rows of an array in the order asked for, in float32.

        Rows that lie behind each other are taken at once, as bytes: a slice of bytes costs less than
        any way into an array, and a batch takes a row or two from each of hundreds of segments.
        """
        # numpy asks for large pages, torch does not: three times the time where a table is read whole
        found = torch.from_numpy(np.empty((len(rows), *shape), dtype=np.float32))
        if not len(rows):
            return found
        dtype, parts = self.arrays[name][0].dtype, self.bytes[name]
        width = prod(shape) * dtype.itemsize
        step = max(1, _JOINED // width)
        for start in range(0, len(rows), step):
            some = rows[start : start + step]
            segment, row = self.segment[some], self.row[some]
            cuts = np.flatnonzero((np.diff(segment) != 0) | (np.diff(row) != 1))
            begins, ends = np.append(0, cuts + 1), np.append(cuts, len(some) - 1)
            runs = zip(
                segment[begins].tolist(),
                (row[begins] * width).tolist(),
                (row[ends] * width + width).tolist(),
                strict=True,
            )
            joined = bytearray().join([parts[at][begin:end] for at, begin, end in runs])
            here = np.frombuffer(joined, dtype=dtype).reshape(-1, *shape)
            found[start : start + step] = torch.from_numpy(here)
        return found

    def shape(self, name: str) -> tuple[int, ...]:
        """What each row of an array is like; nothing where there are no rows at all."""
        return next((part.shape[1:] for part in self.arrays[name]), (0, 0, 0))


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeatureTable:
    """Features of images by one or more encoders side by side; nothing is loaded until asked for.

    The maps stay open until `close`, or the end of a ``with`` block; tables that `take` made
    share them.

    Attributes:
        digests: Digest of each row's image file.
        blocks: Which columns are whose.
    """

    digests: tuple[str, ...]
    blocks: tuple[Block, ...]
    _sources: tuple[_Source, ...]

    def __len__(self) -> int:
        return len(self.digests)

    @property
    def dim(self) -> int:
        """Width of all blocks together."""
        return int(self.blocks[-1].columns.stop)

    @property
    def cards(self) -> tuple[EncoderCard, ...]:
        """The encoders, in the order of their columns."""
        return tuple(block.card for block in self.blocks)

    def pooled(self, rows: Int[np.ndarray, " rows"] | None = None) -> Float[Tensor, "rows dim"]:
        """Pooled features as the encoders gave them, in float32.

        Args:
            rows: Rows of the table, in any order and as often as wanted; None for all.

        Raises:
            InvalidValue: for rows that are not there, and once the table is closed.
        """
        rows = self._checked(rows)
        blocks = [
            source.gather(rows, (block.width,))
            for block, source in zip(self.blocks, self._sources, strict=True)
        ]
        return blocks[0] if len(blocks) == 1 else torch.cat(blocks, dim=1)

    def tokens(self, rows: Int[np.ndarray, " rows"]) -> Float[Tensor, "rows tokens width"]:
        """Tokens of some rows, in float32, from a table of one encoder opened with tokens.

        Raises:
            InvalidValue: as `pooled`.
            Mismatch: where the table has several encoders, no tokens, or unequal counts of them.
        """
        picked = self._picked_tokens(rows)
        counts = {len(tokens) for tokens in picked}
        if len(counts) > 1:
            raise Mismatch(
                f"The rows have from {min(counts)} to {max(counts)} tokens; ask for rows alike."
            )
        shape = (0, 0, self.blocks[0].card.token_dim)
        stacked = np.stack(picked) if picked else np.empty(shape, dtype=np.float32)
        return torch.from_numpy(stacked.astype(np.float32, copy=False))

    def padded_tokens(
        self, rows: Int[np.ndarray, " rows"]
    ) -> tuple[Float[Tensor, "rows tokens width"], Bool[Tensor, "rows tokens"]]:
        """Tokens of some rows, in float32, zeros behind the shorter ones, and which are there.

        Raises:
            InvalidValue: as `pooled`.
            Mismatch: where the table has several encoders, or no tokens.
        """
        picked = self._picked_tokens(rows)
        lengths = np.array([len(tokens) for tokens in picked], dtype=np.int64)
        longest = int(lengths.max(initial=0))
        values = np.zeros((len(rows), longest, self.blocks[0].card.token_dim), dtype=np.float32)
        for row, tokens in enumerate(picked):
            values[row, : len(tokens)] = tokens
        there = np.arange(longest) < lengths[:, None]
        return torch.from_numpy(values), torch.from_numpy(there)

    def stages(self, rows: Int[np.ndarray, " rows"]) -> tuple[Float[Tensor, "rows _ _ _"], ...]:
        """Maps of the card's stages, fine to coarse, of some rows, in float32.

        Raises:
            InvalidValue: as `pooled`.
            Mismatch: where the table has several encoders, or was opened without stages.
        """
        rows = self._checked(rows)
        names = arrays_of(self.blocks[0].card, "stages")
        source = self._only("stages", names)
        shapes = [source.shape(name) for name in names]
        return tuple(
            source.gather(rows, shape, name) for name, shape in zip(names, shapes, strict=True)
        )

    def crops(self, rows: Int[np.ndarray, " rows"]) -> Float[Tensor, "rows views dim"]:
        """Pooled features of the whole image, then of its four corners, of some rows, in float32.

        The corners are top left, top right, bottom left and bottom right.

        Raises:
            InvalidValue: as `pooled`.
            Mismatch: where the table has several encoders, or was opened without crops.
        """
        rows = self._checked(rows)
        source = self._only("crops", ("crops",))
        return source.gather(rows, (1 + CORNERS, self.dim), "crops")

    def take(self, rows: Int[np.ndarray, " rows"]) -> "FeatureTable":
        """The table of some rows, in the order given; it shares this one's maps."""
        rows = self._checked(rows)
        return replace(
            self,
            digests=tuple(self.digests[row] for row in rows.tolist()),
            _sources=tuple(
                replace(source, segment=source.segment[rows], row=source.row[rows])
                for source in self._sources
            ),
        )

    def close(self) -> None:
        """Let go of the files; what was gathered before stays valid."""
        for source in self._sources:
            source.arrays.clear()
            source.bytes.clear()

    def __enter__(self) -> "FeatureTable":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _picked_tokens(
        self, rows: Int[np.ndarray, " rows"]
    ) -> list[Shaped[np.ndarray, "tokens width"]]:
        """The tokens of each row, as they lie."""
        rows = self._checked(rows)
        source = self._only("tokens", ("tokens",))
        picked = []
        for row in rows.tolist():
            offsets, tokens = (
                source.arrays[name][source.segment[row]] for name in ("offsets", "tokens")
            )
            start, stop = offsets[source.row[row] : source.row[row] + 2].tolist()
            picked.append(tokens[start:stop])
        return picked

    def _only(self, output: str, names: tuple[str, ...]) -> _Source:
        """Where the one encoder's rows lie, with the arrays of an output."""
        if len(self.blocks) != 1:
            raise Mismatch(
                f"{output.capitalize()} of {len(self.blocks)} encoders do not stand side by side; "
                "open a table for each."
            )
        source = self._sources[0]
        if not names or any(name not in source.arrays for name in names):
            raise Mismatch(
                f'The table was opened without {output}; ask for outputs=("pooled", "{output}").'
            )
        return source

    def _checked(self, rows: Int[np.ndarray, " rows"] | None) -> Int[np.ndarray, " all_rows"]:
        if not all(source.arrays for source in self._sources) and self.digests:
            raise InvalidValue("The feature table was closed; open it again from its store.")
        if rows is None:
            return np.arange(len(self))
        if len(rows) and not (rows.min() >= 0 and rows.max() < len(self)):
            raise InvalidValue(
                f"Rows lie in 0 to {len(self) - 1}; got {rows.min()} to {rows.max()}."
            )
        return rows


def mapped_table(
    cards: Sequence[EncoderCard],
    segments: Sequence[Sequence[Segment]],
    digests: tuple[str, ...],
    *,
    outputs: tuple[str, ...],
) -> FeatureTable:
    """The table of some images from the segments that hold them.

    Args:
        cards: The encoders, in the order their columns shall have.
        segments: Each encoder's; where an image stands in two, the earlier one is read.
        digests: The images, in the order the rows shall have.
        outputs: Which arrays to open.

    Raises:
        Mismatch: where images are missing, with their number and the next step.
    """
    if not cards:
        raise InvalidValue("A feature table needs at least one encoder; got none.")
    sources = tuple(
        _source(card, own, digests, outputs) for card, own in zip(cards, segments, strict=True)
    )
    stops = np.cumsum([card.dim for card in cards]).tolist()
    blocks = tuple(
        Block(card=card, columns=slice(stop - card.dim, stop))
        for card, stop in zip(cards, stops, strict=True)
    )
    return FeatureTable(digests=digests, blocks=blocks, _sources=sources)


def _source(
    card: EncoderCard,
    segments: Sequence[Segment],
    digests: tuple[str, ...],
    outputs: tuple[str, ...],
) -> _Source:
    places: dict[str, tuple[int, int]] = {}
    for index, segment in enumerate(segments):
        for row, digest in enumerate(segment.images):
            places.setdefault(digest, (index, row))
    if missing := sum(1 for digest in digests if digest not in places):
        what = "images" if card.modality == "image" else "reports"
        raise Mismatch(
            f"{missing} of {len(digests)} {what} have no {' and '.join(outputs)} features by "
            f"{card.name!r} in the store. Encode them: {encode_command(card.name, outputs)}."
        )
    place = np.array([places[digest] for digest in digests], dtype=np.int64).reshape(-1, 2)
    used = np.unique(place[:, 0])
    renumbered = np.zeros(len(segments) + 1, dtype=np.int64)
    renumbered[used] = np.arange(len(used))
    names = [name for output in outputs for name in arrays_of(card, output)]
    arrays = {name: _alike([segments[index].array(name) for index in used]) for name in names}
    return _Source(
        arrays=arrays,
        bytes={
            name: [part.reshape(-1).view(np.uint8).data for part in parts]
            for name, parts in arrays.items()
        },
        segment=renumbered[place[:, 0]],
        row=place[:, 1].copy(),
    )


def _alike(arrays: list[np.ndarray]) -> list[np.ndarray]:
    """Arrays of one dtype; of an encoder that gave now float16, now float32, in memory as float32."""
    dtypes = {array.dtype for array in arrays}
    if len(dtypes) < 2:
        return arrays
    return [array.astype(np.result_type(*dtypes), copy=False) for array in arrays]

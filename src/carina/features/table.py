"""Features of an ordered list of images, mapped from the store and gathered when asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from carina.core import InvalidValue, Mismatch
from carina.encoders import EncoderCard
from carina.features.outputs import CORNERS, arrays_of
from carina.features.segment import Segment

__all__ = ["Block", "FeatureTable", "mapped_table"]


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
    """Where one encoder's rows lie: arrays of several segments, and a place for each image."""

    arrays: list[dict[str, np.ndarray]]
    segment: Int[np.ndarray, " images"]
    row: Int[np.ndarray, " images"]

    def gather(
        self, rows: Int[np.ndarray, " rows"], shape: tuple[int, ...], name: str = "pooled"
    ) -> Float[Tensor, "rows ..."]:
        """Rows of an array in the order asked for, by one gather a segment, in float32."""
        if not len(rows):
            return torch.empty((0, *shape))
        segment, row = self.segment[rows], self.row[rows]
        order = np.argsort(segment)
        segment, row = segment[order], row[order]
        starts = [0, *(np.flatnonzero(np.diff(segment)) + 1).tolist()]
        stops = [*starts[1:], len(rows)]
        sources = [self.arrays[index][name] for index in segment[starts].tolist()]
        dtype = np.result_type(*sources)
        grouped = np.empty((len(rows), *shape), dtype=dtype)
        for source, start, stop in zip(sources, starts, stops, strict=True):
            if source.dtype == dtype:  # "clip" spares numpy a copy of the output
                out = grouped[start:stop]
                np.take(source, row[start:stop], axis=0, out=out, mode="clip")
            else:
                grouped[start:stop] = source[row[start:stop]]
        ordered = np.empty_like(grouped)
        ordered[order] = grouped
        return torch.from_numpy(ordered).float()

    def shape(self, name: str) -> tuple[int, ...]:
        """What each row of an array is like; nothing where there are no rows at all."""
        return tuple(self.arrays[0][name].shape[1:]) if self.arrays else (0, 0, 0)


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
            arrays = source.arrays[source.segment[row]]
            start, stop = arrays["offsets"][source.row[row] : source.row[row] + 2].tolist()
            picked.append(arrays["tokens"][start:stop])
        return picked

    def _only(self, output: str, names: tuple[str, ...]) -> _Source:
        """Where the one encoder's rows lie, with the arrays of an output."""
        if len(self.blocks) != 1:
            raise Mismatch(
                f"{output.capitalize()} of {len(self.blocks)} encoders do not stand side by side; "
                "open a table for each."
            )
        source = self._sources[0]
        if not names or any(name not in arrays for arrays in source.arrays for name in names):
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


def _beside(outputs: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(output for output in outputs if output != "pooled")


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
        more = "" if outputs == ("pooled",) else f" --outputs pooled,{','.join(_beside(outputs))}"
        raise Mismatch(
            f"{missing} of {len(digests)} {what} have no {' and '.join(outputs)} features by "
            f"{card.name!r} in the store. Encode them: carina encode DATA --encoder {card.name} "
            f"--store STORE{more}."
        )
    place = np.array([places[digest] for digest in digests], dtype=np.int64).reshape(-1, 2)
    used = np.unique(place[:, 0])
    renumbered = np.zeros(len(segments) + 1, dtype=np.int64)
    renumbered[used] = np.arange(len(used))
    names = [name for output in outputs for name in arrays_of(card, output)]
    return _Source(
        arrays=[{name: segments[index].array(name) for name in names} for index in used.tolist()],
        segment=renumbered[place[:, 0]],
        row=place[:, 1].copy(),
    )

"""Films that a reader may learn from or be tested on: found, looked over, encoded."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from carina.bundles import Bundle
from carina.core import (
    InvalidValue,
    Mismatch,
    MissingFile,
    UnknownName,
    UnreadableFile,
    fingerprint,
)
from carina.encoders import FROM_FILE, EncoderCard, ImageEncoder, side_by_side
from carina.features import EncodedAll, Store, encode, lookup
from carina.recipes.passes import Progress
from carina.studies import Manifest, inspect, read_image

__all__ = ["Films", "films_in_store", "read_films"]

_NO_IMAGE = "missing, unreadable, or of a patient who was forgotten"
_TWICE = "the same film again"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Films:
    """Films with features.

    Attributes:
        manifest: Their rows.
        digests: Digest of each film's file.
        features: As the bundle's readout takes them.
        set_aside: Rows of the data that are not among them, counted by reason.
    """

    manifest: Manifest
    digests: tuple[str, ...]
    features: Float[Tensor, "films dim"]
    set_aside: Mapping[str, int] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Changes when, and only when, a row or a film's bytes do."""
        return fingerprint({"manifest": self.manifest.digest, "films": self.digests})


def read_films(
    manifest: Manifest,
    store: Store,
    bundle: Bundle,
    load: Callable[[], tuple[ImageEncoder, ...]],
    *,
    check_input: bool = True,
) -> Iterator[Progress | Films]:
    """The films of a manifest with the features a bundle takes; last come `Films`.

    What the store has is not encoded again, and where it has all, no encoder is loaded.

    Args:
        manifest: Whose.
        store: Where features are, or are put.
        bundle: Whose encoders give them, and whose readout takes them.
        load: Loads its image encoders.
        check_input: Whether pictures that are probably inverted, rotated, lateral or no chest
            films are set aside; see `carina.studies.inspect`.

    Raises:
        InvalidValue: where no film is left.
        Mismatch: where features come from a file and are not in the store.
    """
    given = any(card.engine == FROM_FILE for card in bundle.encoders)
    problems: dict[int, str] = {}
    if check_input and not given:
        for row in range(len(manifest)):
            yield Progress(stage="look over", experience="", done=row, of=len(manifest))
            if said := _problem(manifest, row):
                problems[row] = said
    rows = np.array([row for row in range(len(manifest)) if row not in problems], dtype=np.int64)
    here = manifest.take(rows)
    if not given and not _all_there(here, store, bundle.encoders):
        for encoder in load():
            for event in encode(here, encoder, store):
                if not isinstance(event, EncodedAll):
                    stage = f"encode {encoder.card.name}"
                    yield Progress(stage=stage, experience="", done=event.done, of=event.total)
    yield films_in_store(here, store, bundle, Counter(problems.values()))


def _problem(manifest: Manifest, row: int) -> str:
    """Why a film is out of scope; "" where it is not, or cannot be read, which encoding tells."""
    try:
        picture = read_image(manifest.root / manifest.image[row])
    except (InvalidValue, MissingFile, UnreadableFile):
        return ""
    return inspect(picture).said


def _all_there(manifest: Manifest, store: Store, cards: tuple[EncoderCard, ...]) -> bool:
    try:
        lookup(manifest, store, cards)
    except (Mismatch, MissingFile, UnknownName):
        return False
    return True


def films_in_store(
    manifest: Manifest,
    store: Store,
    bundle: Bundle,
    set_aside: Mapping[str, int] | None = None,
) -> Films:
    """The films of a manifest whose features a store has.

    Args:
        manifest: Whose.
        store: Where the features are.
        bundle: As `read_films`.
        set_aside: Rows left out before, by reason.

    Raises:
        InvalidValue: where no film is left.
        Mismatch: where films were never encoded.
    """
    aside = Counter(set_aside or {})
    found = lookup(manifest, store, bundle.encoders)
    first: dict[str, int] = {}
    for row, digest in enumerate(found):
        if digest is None:
            aside[_NO_IMAGE] += 1
        elif first.setdefault(digest, row) != row:
            aside[_TWICE] += 1
    if not first:
        reasons = "; ".join(f"{count} {reason}" for reason, count in aside.items())
        raise InvalidValue(f"No film is left: {reasons or 'the data have no row'}.")
    digests = tuple(first)
    with store.table(bundle.encoders, digests) as table:
        widths = [block.width for block in table.blocks]
        features = side_by_side(torch.split(table.pooled(), widths, dim=1))
    return Films(
        manifest=manifest.take(np.array(list(first.values()), dtype=np.int64)),
        digests=digests,
        features=bundle.taken(features),
        set_aside=dict(aside),
    )

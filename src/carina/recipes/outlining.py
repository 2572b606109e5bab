"""What a finished segmentation draws on films it was judged on: the worst, the middle, the best."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from carina.encoders import prepare
from carina.learning import drawn_masks, load_decoder
from carina.measures import dice
from carina.recipes.segmentation import Segmentation
from carina.recipes.segmenting import DECODER_FILE, PreparedMasks
from carina.studies import read_image

__all__ = ["Outlined", "outlined"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outlined:
    """One film, as the encoder sees it.

    Attributes:
        which: "worst", "middle" or "best" by Dice among the films judged that have the structure.
        dice: Its Dice.
        film: Grey values from 0 to 1.
        drawn: The decoder's mask.
        true: The mask it is judged by.
    """

    which: str
    dice: float
    film: Float[np.ndarray, "size size"]
    drawn: Bool[np.ndarray, "size size"]
    true: Bool[np.ndarray, "size size"]


def outlined(recipe: Segmentation, prepared: PreparedMasks, folder: Path) -> Iterator[Outlined]:
    """The worst, the middle and the best film by the kept decoder; nothing where no mask has a pixel.

    These are pictures of patients wherever the films are: show them only to who may see the films.

    Args:
        recipe: What was run.
        prepared: What it read.
        folder: Where its decoder is.

    Raises:
        MissingFile, UnreadableFile, Mismatch: where the decoder is not there, or another's.
    """
    decoder = load_decoder(
        recipe.teaching.decoder,
        prepared.card,
        folder / DECODER_FILE,
        adaptor=prepared.adaptor,
    )
    films = prepared.judged[prepared.masks.positive[prepared.judged]]
    if not len(films):
        return
    drawn = drawn_masks(decoder, prepared.table, films, adaptor=prepared.adaptor)
    true = prepared.masks.of(films)
    scores = [dice(one, other) for one, other in zip(drawn, true, strict=True)]
    order = np.argsort(scores, kind="stable").tolist()
    spec = prepared.card.preprocess
    assert spec is not None  # noqa: S101 - masks were prepared by it
    as_seen = replace(spec, channels=1, scale=1.0, mean=(0.0,), deviation=(1.0,))
    for which, place in zip(
        ("worst", "middle", "best"), (order[0], order[len(order) // 2], order[-1]), strict=True
    ):
        pixels = read_image(prepared.films[films[place]]).pixels
        yield Outlined(
            which=which,
            dice=scores[place],
            film=prepare(pixels, as_seen)[0],
            drawn=drawn[place],
            true=true[place],
        )

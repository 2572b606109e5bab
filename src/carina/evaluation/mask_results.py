"""What a segmentation left behind in numbers, and the file it stands in."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from carina.core import Estimate, Mismatch, read_json

__all__ = ["DECODER", "MaskLine", "MaskResults", "ShareMean", "read_mask_results"]

DECODER = "decoder"
"""The predictor that looks at the film."""

_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskLine:
    """One predictor's scores.

    Attributes:
        predictor: `DECODER`, "all-empty" or "mean-mask".
        share: Of the training films with masks it learned from.
        draw: Which draw of that share, from 0.
        films: How many it learned from.
        patients: Whose they are.
        scores: By name, see `MASK_SCORES`.
    """

    predictor: str
    share: float
    draw: int
    films: int
    patients: int
    scores: dict[str, Estimate]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareMean:
    """A score over the draws of a share.

    Attributes:
        mean: Over draws in which it is defined; None where it never is.
        deviation: Standard deviation between them; None for fewer than two.
        low: The smallest.
        high: The largest.
        draws: How many.
    """

    mean: float | None
    deviation: float | None
    low: float | None
    high: float | None
    draws: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskResults:
    """All numbers of a segmentation.

    Attributes:
        recipe: The recipe's name.
        run: The run's name.
        structure: What is marked.
        encoder: The frozen encoder's name.
        encoder_fingerprint: Its identity.
        source: Name of the data set.
        leaks: Why scores on its splits are too good, or "".
        judged_on: The split.
        judged: Films judged.
        positive: Of those, how many have the structure.
        patients: Whose they are.
        size: Rows and columns of the masks.
        trainable: Parameters of the decoder.
        exposure: What the encoder's weights have seen of the films, or "".
        adaptor: What the cells of the encoder pass, frozen, before the decoder; "" for nothing.
        empty_masks: What a score over all images does with empty masks.
        spacing: The unit of distances.
        set_aside: Masks that were not used, counted by reason.
        lines: Every predictor on every draw.
        seconds: Of teaching and judging.
        decoder_bytes: Size of the file the decoder is kept in: all that stays of the films.
        format: Of this file.
    """

    recipe: str
    run: str
    structure: str
    encoder: str
    encoder_fingerprint: str
    source: str
    leaks: str
    judged_on: str
    judged: int
    positive: int
    patients: int
    size: int
    trainable: int
    empty_masks: str
    spacing: str
    set_aside: dict[str, int]
    lines: tuple[MaskLine, ...]
    exposure: str = ""
    adaptor: str = ""
    seconds: float = 0.0
    decoder_bytes: int = 0
    format: int = _FORMAT

    def over_draws(self, predictor: str, share: float) -> Mapping[str, ShareMean]:
        """Every score of a predictor over the draws of a share."""
        lines = [one for one in self.lines if (one.predictor, one.share) == (predictor, share)]
        names = lines[0].scores if lines else ()
        return {
            name: _mean([value for line in lines if (value := line.scores[name].value) is not None])
            for name in names
        }


def read_mask_results(path: Path) -> MaskResults:
    """The numbers a segmentation left.

    Raises:
        MissingFile, ConfigError: where there is no such file, or it is another.
        Mismatch: where it is of another format.
    """
    results = read_json(path, MaskResults)
    if results.format != _FORMAT:
        raise Mismatch(f"These results are of format {results.format}; wanted {_FORMAT}.")
    return results


def _mean(values: list[float]) -> ShareMean:
    some = np.array(values)
    if not len(some):
        return ShareMean(mean=None, deviation=None, low=None, high=None, draws=0)
    return ShareMean(
        mean=float(some.mean()),
        deviation=float(some.std(ddof=1)) if len(some) > 1 else None,
        low=float(some.min()),
        high=float(some.max()),
        draws=len(some),
    )

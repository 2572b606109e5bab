"""Whether a picture is what a reader of frontal chest films can answer for.

A picture is trimmed, made a square of 64 x 64, and its grey values replaced by their ranks, so that
exposure and scale do not count. Of that square two linear readouts are taken: which of four turns
and two polarities it has, and, brought upright and positive by that answer, whether it is a lateral
view and whether it is a chest at all. Descriptors: mean ranks of 16 x 16 cells, and histograms of
oriented gradients (Dalal and Triggs, CVPR 2005). The readouts were fitted on training films of three
sets, drawn chests and pictures of other things by ``benchmarks/guard_fit.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from jaxtyping import Float
from PIL import Image

from carina.core import read_json
from carina.studies.picture import Flag, Picture

__all__ = ["Problem", "Verdict", "descriptors", "inspect", "square", "turned"]

_SIDE = 64
_CELLS = 16
_BLOCKS, _ORIENTATIONS = 8, 8
_HELD = 0.02  # of the range: rows and columns that vary less hold nothing
_TRIM = 0.3  # of a side, at most
_LOOKED_AT = 256
_WITHIN = (5, 95)  # percentiles of a line


class Problem(StrEnum):
    """Why a picture is out of scope."""

    INVERTED = "probably inverted"
    ROTATED = "probably rotated"
    LATERAL = "probably a lateral view"
    NOT_A_CHEST = "probably not a chest film"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What `inspect` found.

    Attributes:
        problems: In the order of `Problem`; none where the picture is in scope.
        scores: Of each problem, from 0 to 1; not probabilities of anything in your hospital.
        thresholds: From which score on a problem is told.
    """

    problems: tuple[Problem, ...]
    scores: Mapping[Problem, float]
    thresholds: Mapping[Problem, float]

    @property
    def in_scope(self) -> bool:
        """Whether nothing speaks against the picture."""
        return not self.problems

    @property
    def said(self) -> str:
        """The problems in words; "" where there is none."""
        return ", ".join(self.problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Readouts:
    """The fitted numbers, as they lie in ``guard.json``.

    Attributes:
        made_by: What they were fitted on, in words.
        centre: Mean descriptors.
        state: A row of weights for each turn and polarity, turn first.
        state_bias: Their constants.
        lateral: Weights for a lateral view.
        lateral_bias: Their constant.
        other: Weights for anything but a chest.
        other_bias: Their constant.
        thresholds: From which score on each problem is told, by its name.
    """

    made_by: str
    centre: tuple[float, ...]
    state: tuple[tuple[float, ...], ...]
    state_bias: tuple[float, ...]
    lateral: tuple[float, ...]
    lateral_bias: float
    other: tuple[float, ...]
    other_bias: float
    thresholds: dict[str, float]


def inspect(picture: Picture) -> Verdict:
    """Whether a picture looks like an upright, positive, frontal chest film.

    What the file itself says counts too: a lateral view position, another modality. A picture
    that is not a chest, or a lateral view that is taken for none, is told as that alone.

    Args:
        picture: As `read_image` gives it, dense tissue bright.
    """
    readouts = _readouts()
    small = square(picture.pixels)
    found = descriptors(small) - _numbers("centre")
    chances = _state_chances(found)
    turn, inverted = divmod(int(chances.argmax()), 2)
    if turn or inverted:
        upright = turned(small, (4 - turn) % 4, inverted=bool(inverted))
        found = descriptors(upright) - _numbers("centre")
    scores = {
        Problem.INVERTED: float(chances[1::2].sum()),
        Problem.ROTATED: float(chances[2:].sum()),
        Problem.LATERAL: _logistic(found @ _numbers("lateral") + readouts.lateral_bias),
        Problem.NOT_A_CHEST: _logistic(found @ _numbers("other") + readouts.other_bias),
    }
    if picture.view == "LATERAL":
        scores[Problem.LATERAL] = 1.0
    if Flag.NO_RADIOGRAPH in picture.flags or Flag.BLANK in picture.flags:
        scores[Problem.NOT_A_CHEST] = 1.0
    thresholds = {problem: readouts.thresholds[problem.name] for problem in Problem}
    told = tuple(problem for problem in Problem if scores[problem] >= thresholds[problem])
    if Problem.NOT_A_CHEST in told:
        # few lateral films were there to fit on: what looks more lateral than foreign is lateral
        sideways = scores[Problem.LATERAL] > scores[Problem.NOT_A_CHEST]
        told = (Problem.LATERAL if sideways else Problem.NOT_A_CHEST,)
    return Verdict(problems=told, scores=scores, thresholds=thresholds)


def _state_chances(found: Float[np.ndarray, " descriptors"]) -> Float[np.ndarray, " states"]:
    """The share of each turn and polarity, turns of 90 degrees counted anticlockwise."""
    logits = _numbers("state") @ found + _numbers("state_bias")
    shares = np.exp(logits - logits.max())
    chances: np.ndarray = shares / shares.sum()
    return chances


def square(pixels: Float[np.ndarray, "rows cols"]) -> Float[np.ndarray, "side side"]:
    """A picture without its empty margins, as a square of ranks from -0.5 to 0.5."""
    trimmed = np.ascontiguousarray(_trimmed(pixels), dtype=np.float32)
    image = Image.fromarray(trimmed).resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    return _ranked(np.asarray(image))


def turned(
    small: Float[np.ndarray, "side side"], turns: int, *, inverted: bool
) -> Float[np.ndarray, "side side"]:
    """A square of ranks turned anticlockwise by so many right angles, and inverted or not."""
    found: np.ndarray = np.ascontiguousarray(np.rot90(small, turns))
    return -found if inverted else found


def descriptors(small: Float[np.ndarray, "side side"]) -> Float[np.ndarray, " descriptors"]:
    """What the readouts look at: 256 mean ranks and 512 shares of oriented gradients."""
    width = _SIDE // _CELLS
    means = small.reshape(_CELLS, width, _CELLS, width).mean(axis=(1, 3)).ravel()
    return np.concatenate([2 * means, 3 * _gradients(small)])


def _trimmed(pixels: Float[np.ndarray, "rows cols"]) -> Float[np.ndarray, "fewer fewer_cols"]:
    # at most 256 to 511 lines are looked at: more would say the same, and take 0.1 s of a large film
    steps = [max(1, side // _LOOKED_AT) for side in pixels.shape]
    coarse = np.ascontiguousarray(pixels[:: steps[0], :: steps[1]])
    span = float(coarse.max() - coarse.min())
    if span == 0:
        return pixels
    cuts = []
    for axis in (0, 1):
        # not the deviation: a side marker or a line of text in an empty margin would count
        low, high = within(coarse if axis == 0 else coarse.T)
        first, end = _ends(high - low, span)
        cuts.append(slice(first * steps[axis], end * steps[axis]))
    return pixels[tuple(cuts)]


def within(
    lines: Float[np.ndarray, "lines pixels"],
) -> tuple[Float[np.ndarray, " lines"], Float[np.ndarray, " lines"]]:
    """Two percentiles of each line: the bits of `np.percentile`, which takes ten times as long."""
    ordered = np.sort(np.ascontiguousarray(lines), axis=1)
    last = ordered.shape[1] - 1
    found = []
    for share in _WITHIN:
        place = last * (share / 100)
        below, above = ordered[:, int(place)], ordered[:, min(int(place) + 1, last)]
        part = np.float64(place - int(place))  # of numpy, so that float32 is added to in float64
        step = above - below
        found.append(below + step * part if part < 0.5 else above - step * (1 - part))
    return found[0], found[1]


def _ends(spread: Float[np.ndarray, " lines"], span: float) -> tuple[int, int]:
    """The first and the end of the lines that hold something; never more than a part is cut."""
    most = int(_TRIM * len(spread))
    held = np.flatnonzero(spread > _HELD * span)
    if len(held) == 0:
        return 0, len(spread)
    return min(int(held[0]), most), max(int(held[-1]) + 1, len(spread) - most)


def _ranked(values: Float[np.ndarray, "side side"]) -> Float[np.ndarray, "side side"]:
    """Mean rank of each value among all, from -0.5 to 0.5; values a thousandth apart are equal."""
    _, place, counts = np.unique(np.round(values, 3), return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    middle = ends - (counts - 1) / 2
    ranks: np.ndarray = middle[place.reshape(values.shape)] / values.size - 0.5
    return ranks


def _gradients(small: Float[np.ndarray, "side side"]) -> Float[np.ndarray, " shares"]:
    # scipy.ndimage takes 0.1 s to import: only who inspects a picture waits for it
    from scipy.ndimage import gaussian_filter

    down, right = np.gradient(gaussian_filter(small, 1.0, mode="nearest"))
    size = np.hypot(right, down)
    turn = np.arctan2(down, right) / (2 * np.pi) * _ORIENTATIONS
    lower = np.floor(turn).astype(int)
    upper_share = turn - lower
    width = _SIDE // _BLOCKS
    line = np.arange(_SIDE) // width
    block = (line[:, None] * _BLOCKS + line[None]).ravel()
    shares = np.zeros((_BLOCKS * _BLOCKS, _ORIENTATIONS))
    np.add.at(shares, (block, (lower % _ORIENTATIONS).ravel()), (size * (1 - upper_share)).ravel())
    np.add.at(shares, (block, ((lower + 1) % _ORIENTATIONS).ravel()), (size * upper_share).ravel())
    found: np.ndarray = np.sqrt(shares / width**2).ravel()
    return found


def _logistic(score: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(score, -50, 50))))


@cache
def _readouts() -> Readouts:
    return read_json(Path(str(files("carina.studies").joinpath("guard.json"))), Readouts)


@cache
def _numbers(name: str) -> Float[np.ndarray, "..."]:
    """One of the readouts' attributes as an array, made of its tuple once."""
    return np.array(getattr(_readouts(), name))

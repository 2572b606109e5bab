"""How far off readers who are calibrated to the letter would look on so few images.

The outcomes of such a reader are drawn with the very probabilities that were said; what is left of
a gap is chance. A real reader whose error lies inside this band cannot be told from them.

Source: Bröcker and Smith, Weather and Forecasting 2007 (consistency resampling).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from carina.core import InvalidValue
from carina.measures.calibration import binned

__all__ = ["BinBand", "CalibrationBand", "calibration_band"]

_CELLS = 1 << 21  # outcomes drawn at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class BinBand:
    """One bin of a reliability plot as calibrated readers would fill it.

    Attributes:
        mean: Mean probability of the images in the bin.
        count: How many they are.
        low: The 2.5th percentile of the shares of positives they would have.
        high: The 97.5th.
    """

    mean: float
    count: int
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationBand:
    """What calibrated readers with these probabilities would show on as many images.

    Attributes:
        low: The 2.5th percentile of their expected calibration error.
        median: The 50th.
        high: The 97.5th; a reader above it is not calibrated.
        bins: The bins of `reliability`, in the same order.
        agreement: Share of patients whose images were drawn together.
        method: How the band was made.
    """

    low: float
    median: float
    high: float
    bins: tuple[BinBand, ...]
    agreement: float
    method: str


def calibration_band(
    probabilities: Float[np.ndarray, " images"],
    target: Bool[np.ndarray, " images"],
    patients: Int[np.ndarray, " images"],
    *,
    rng: np.random.Generator,
    draws: int = 1000,
    bins: int = 10,
) -> CalibrationBand:
    """The 95 % band of `expected_calibration_error`, and of each bin of `reliability`.

    An image is positive where a number drawn evenly from [0, 1) lies below its probability. Images
    of one patient agree more than chance would have them: in a share of the patients, drawn anew
    each time, one number serves all images of a patient, elsewhere each image has its own. The
    share is what the outcomes show: the sum, over pairs of images of one patient, of the products
    of what the outcomes exceed the probabilities by, over what it would be if all patients had one
    number, sum of min(p, q) - p q; within [0, 1], and 0 where no patient has two images. A reader who
    is off shows more agreement than there is, which errs towards a wider band.

    Args:
        probabilities: What was said.
        target: What happened: only for how far images of one patient agree.
        patients: A number for the patient of each image.
        rng: Where randomness comes from.
        draws: How many readers.
        bins: As for `expected_calibration_error`.

    Raises:
        InvalidValue: where a probability is outside [0, 1], there is no image, no bin or no draw.
    """
    if draws < 1:
        raise InvalidValue(f"A band takes one draw or more; got {draws}.")
    rising, happened, place = binned(probabilities, target, bins)
    order = np.argsort(probabilities, kind="stable")
    patient = np.unique(patients[order], return_inverse=True)[1]
    agreement = _agreement(rising, happened, patient)
    starts = np.flatnonzero(np.diff(place, prepend=-1))
    counts = np.diff(np.r_[starts, len(rising)])
    said = np.add.reduceat(rising, starts)
    found = np.concatenate(
        [
            np.add.reduceat(outcomes, starts, axis=1, dtype=np.float64)
            for outcomes in _outcomes(rising, patient, agreement, draws, rng)
        ]
    )
    errors = np.abs(found - said).sum(axis=1) / len(rising)
    low, median, high = np.quantile(errors, [0.025, 0.5, 0.975]).tolist()
    ends = np.quantile(found / counts, [0.025, 0.975], axis=0).T.tolist()
    return CalibrationBand(
        low=low,
        median=median,
        high=high,
        bins=tuple(
            BinBand(mean=mean, count=count, low=end[0], high=end[1])
            for mean, count, end in zip(
                (said / counts).tolist(), counts.tolist(), ends, strict=True
            )
        ),
        agreement=agreement,
        method=f"calibrated readers, {draws} draws, {agreement:.0%} of patients drawn together",
    )


def _outcomes(
    rising: Float[np.ndarray, " images"],
    patient: Int[np.ndarray, " images"],
    agreement: float,
    draws: int,
    rng: np.random.Generator,
) -> Iterator[Bool[np.ndarray, "some images"]]:
    """Outcomes of some draws at a time."""
    patients, step = int(patient.max()) + 1, max(1, _CELLS // len(rising))
    for start in range(0, draws, step):
        some = min(step, draws - start)
        number = rng.random((some, len(rising)))
        if agreement:
            together = rng.random((some, patients)) < agreement
            shared = rng.random((some, patients))
            number = np.where(together[:, patient], shared[:, patient], number)
        yield number < rising


def _agreement(
    rising: Float[np.ndarray, " images"],
    happened: Bool[np.ndarray, " images"],
    patient: Int[np.ndarray, " images"],
) -> float:
    """The share of `calibration_band`; its sums over pairs are made patient by patient."""
    size = np.bincount(patient)
    if size.max() < 2:
        return 0.0
    over = happened - rising
    shown = float((np.bincount(patient, weights=over) ** 2).sum() - (over**2).sum())
    # in rising order, the lesser of a pair is the one with the other still to come
    by_patient = np.argsort(patient, kind="stable")
    place = np.arange(len(patient)) - np.repeat(np.cumsum(size) - size, size)
    to_come = size[patient[by_patient]] - 1 - place
    lesser = float(2 * (rising[by_patient] * to_come).sum())
    chance = float((np.bincount(patient, weights=rising) ** 2).sum() - (rising**2).sum())
    most = lesser - chance
    return min(1.0, max(0.0, shown / most)) if most > 0 else 0.0

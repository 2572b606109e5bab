"""Patients drawn with replacement, since images of one patient agree with each other."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from carina.core import InvalidValue, generator
from carina.measures.weights import Weights

__all__ = ["PatientResamples", "resample_patients"]

_CELLS = 1 << 22  # patients picked at a time


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PatientResamples:
    """Patients drawn with replacement, as many as there are, many times over.

    Made once for a table and used for every finding and measure of it, it keeps their
    differences paired.

    Attributes:
        patient: For each image, which patient it is of: 0, 1, ... without gaps.
        multiplicities: How often each draw holds each patient; a row sums to the patients.
        seed: What fresh draws follow from, where some must be drawn again.
    """

    patient: Int[np.ndarray, " images"]
    multiplicities: Int[np.ndarray, "draws patients"]
    seed: int

    def __post_init__(self) -> None:
        here = np.unique(self.patient)
        if not np.array_equal(here, np.arange(self.patients)):
            raise InvalidValue(
                f"Images must come from patients 0 to {self.patients - 1}, each with one image or "
                f"more; got {len(here)} patients. Make resamples with resample_patients."
            )
        if self.draws < 1 or (self.multiplicities.sum(axis=1) != self.patients).any():
            raise InvalidValue("Each draw holds as many patients as there are; one draw or more.")

    @property
    def draws(self) -> int:
        """How many draws there are."""
        return len(self.multiplicities)

    @property
    def patients(self) -> int:
        """How many patients there are."""
        return len(self.multiplicities.T)

    def weights(self) -> Int[np.ndarray, "draws images"]:
        """How often each draw holds each image: as often as its patient."""
        return self.multiplicities[:, self.patient]

    def drawn(self) -> Weights:
        """As `weights`, in the form measures walk over."""
        return Weights(unit=self.patient, rows=self.multiplicities.T)

    def settled(
        self,
        good: Bool[np.ndarray, " draws"],
        usable: Callable[[Weights], Bool[np.ndarray, " fresh"]],
    ) -> tuple[Weights, int]:
        """The draws with every unusable one replaced by the next usable one drawn afresh.

        Args:
            good: Which draws are usable as they are.
            usable: Which of others would be; enough to come across them by drawing.

        Returns:
            The draws' weights, and how many draws were discarded on the way to them.
        """
        missing = np.flatnonzero(~good)
        if not len(missing):
            return self.drawn(), 0
        rows, rng = self.multiplicities.T.copy(), generator(self.seed, "redraw")
        discarded = len(missing)
        while len(missing):
            fresh = _drawn(self.patients, len(missing), rng).T
            good = usable(Weights(unit=self.patient, rows=fresh))
            filled = int(good.sum())
            rows[:, missing[:filled]] = fresh[:, good]
            missing = missing[filled:]
            discarded += len(missing)
        return Weights(unit=self.patient, rows=rows), discarded


def resample_patients(
    patients: Int[np.ndarray, " images"], *, draws: int = 1000, rng: np.random.Generator
) -> PatientResamples:
    """Draw patients with replacement.

    Args:
        patients: A number for the patient of each image; any numbers, salted hashes too.
        draws: How many resamples.
        rng: Where randomness comes from.

    Raises:
        InvalidValue: where there is no image or no draw.
    """
    if not len(patients) or draws < 1:
        raise InvalidValue(
            f"Resampling takes an image and a draw; got {len(patients)} images, {draws} draws."
        )
    here, patient = np.unique(patients, return_inverse=True)
    return PatientResamples(
        patient=patient,
        multiplicities=_drawn(len(here), draws, rng),
        seed=int(rng.integers(2**62)),
    )


def _drawn(
    patients: int, draws: int, rng: np.random.Generator
) -> Int[np.ndarray, "{draws} {patients}"]:
    """Counts of picks; each patient's draws lie side by side in memory, as `Weights` likes them."""
    counts = np.empty((patients, draws), dtype=np.int32)
    step = max(1, _CELLS // patients)
    for start in range(0, draws, step):
        some = min(step, draws - start)
        place = rng.integers(patients, size=(some, patients)) * some + np.arange(some)[:, None]
        heaps = np.bincount(place.ravel(), minlength=patients * some)
        counts[:, start : start + some] = heaps.reshape(patients, some)
    return counts.T

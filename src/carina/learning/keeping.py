"""What stays behind when the films of an experience are gone."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Int, Int64
from torch import Tensor

from carina.adaptors import readout_bytes
from carina.core import Mismatch
from carina.learning.learner import Learner
from carina.streams import View

__all__ = ["FEW", "Kept", "counted", "kept", "of_few_patients"]

FEW = 5
"""A sum over fewer patients than this is said to stem from single patients."""
_READ = 4096  # rows looked at at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How much is kept of what kind, and of how many patients at least.

    Attributes:
        bytes: By kind: "adaptor", "head", "prompts", "alignment", "sums", "optimiser", "rows".
        fewest_patients: At least so many patients are in any kept sum; None where none is kept.
        single_patients: Whether a kept sum, or a class that weights were learned from, covers
            fewer than five patients. Where none does, weights may still tell of one: nothing here
            bounds it.
        patient_rows: Rows of single patients that are kept as they are.
    """

    bytes: Mapping[str, int]
    fewest_patients: int | None
    single_patients: bool
    patient_rows: int

    @property
    def total(self) -> int:
        """All bytes."""
        return sum(self.bytes.values())


def of_few_patients(view: View) -> bool:
    """Whether all positives, negatives or soft cells of some finding are of fewer than five patients.

    Weights learned from such a class may be near those patients' features; from one patient's,
    they may be that patient's but for their length. Soft cells are a class of their own here, so
    that many of them hide no single positive.
    """
    columns = zip(
        view.known.unbind(1), view.target.unbind(1), view.learnable.unbind(1), strict=True
    )
    return any(
        _few(view.patients, rows)
        for known, target, learnable in columns
        for rows in (known & target, known & ~target, learnable & ~known)
    )


def _few(patients: Int[Tensor, " rows"], of: Bool[Tensor, " rows"]) -> bool:
    """Whether a class is of somebody and of fewer than five; read no further than tells it."""
    seen = set[int]()
    for some, here in zip(torch.split(patients, _READ), torch.split(of, _READ), strict=True):
        seen.update(some[here].tolist())
        if len(seen) >= FEW:
            return False
    return bool(seen)


def counted(
    before: Int64[Tensor, "2 old"],
    of: Bool[Tensor, "rows classes"],
    patients: Int[Tensor, " rows"],
    *,
    sign: int = 1,
) -> Int64[Tensor, "2 classes"]:
    """Rows of each class met so far, and how many patients they are of at least.

    Args:
        before: What came out of the experiences before; classes are only ever added behind.
        of: Whether a row of this experience is of a class.
        patients: Code of each row's patient.
        sign: -1 where the rows leave; then no more patients leave than rows do.

    Raises:
        Mismatch: where more rows would leave than ever came.
    """
    here = [[int(rows.sum()), len(set(patients[rows].tolist()))] for rows in of.T]
    rows, people = torch.tensor(here, dtype=torch.int64).reshape(-1, 2).T
    old_rows, old_people = F.pad(before, (0, len(rows) - before.shape[1]))
    left = old_rows + sign * rows
    if bool((left < 0).any()):
        raise Mismatch("Cannot take away more rows than were added; were they ever in these sums?")
    least = torch.maximum(old_people, people) if sign > 0 else old_people - rows
    return torch.stack([left, torch.maximum(least, left.clamp(max=1))])


def kept(learner: Learner) -> Kept:
    """What a learner keeps; tensors that several findings share count once."""
    counted = Counter({} if learner.readout is None else readout_bytes(learner.readout))
    if learner.setting.alignment is not None:
        alignment = learner.setting.alignment
        held = (alignment.weight, alignment.image_mean, alignment.text_mean)
        counted["alignment"] = sum(tensor.nbytes for tensor in held)
    for name, tensor in learner.carried.items():
        counted[name.partition("/")[0]] += tensor.nbytes
    return Kept(
        bytes=dict(sorted(counted.items())),
        fewest_patients=learner.fewest_patients,
        single_patients=learner.single_patients,
        patient_rows=learner.patient_rows,
    )

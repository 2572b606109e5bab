"""From the films of an experience to their sums."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float64, Int, Int64, Shaped, UInt64
from scipy.linalg import blas
from torch import Tensor

from carina.adaptors import Lift
from carina.core import Mismatch, salted
from carina.learning.strategies.sums import (
    SHARED,
    FindingSums,
    Moment,
    Sums,
    fit_apart,
    key_of,
)
from carina.learning.strategies.triangles import half_of, packed
from carina.streams import View

__all__ = ["folds_of", "sums_of", "unit"]

_CHUNK = 4096  # rows brought to float64 at a time


def unit(rows: Float64[Tensor, "rows dim"]) -> Float64[Tensor, "rows dim"]:
    """Rows of length 1; a row of zeros stays as it is."""
    return F.normalize(rows, dim=-1)


def folds_of(
    patients: Int[Tensor, " rows"], *, folds: int, salt: str
) -> Int64[np.ndarray, " rows"]:
    """The fold of each row: a salted hash of its patient, so that a patient is in one fold only."""
    mixed = _mixed(_codes(patients) ^ np.uint64(salted("folds", salt)))
    mixed %= np.uint64(folds)
    return mixed.view(np.int64)


def sums_of(
    view: View,
    *,
    folds: int,
    salt: str,
    lift: Lift | None = None,
    budget: int | None = None,
    made: Mapping[str, Moment] | None = None,
) -> Sums:
    """The sums over the films of one experience, rows L2-normalised first, then lifted.

    Args:
        view: What may be seen of the experience.
        folds: In how many parts by patient.
        salt: Which patients share a part; sums made with different ones do not belong together.
        lift: What is summed in place of the rows; None sums the rows themselves.
        budget: Bytes the sums may take; None gives each finding the second moment it needs.
        made: Second moments by key, which are not made again where rows are the same.

    Raises:
        Mismatch: where the lift takes features of another width.
        ConfigError: where the budget holds no second moment.
    """
    if lift is not None and view.rows.dim != lift.dim:
        raise Mismatch(
            f"Features are {view.rows.dim} wide, the lift takes {lift.dim}: they come "
            "from another image encoder."
        )
    dim = view.rows.dim if lift is None else lift.out
    fold = folds_of(view.patients, folds=folds, salt=salt)
    shown = view.learnable.numpy()
    codes = _shown_codes(view, shown)
    keys = [key_of(int(rows.sum()), code) for rows, code in zip(shown.T, codes, strict=True)]
    masses: dict[str, np.ndarray] = {
        key: rows for key, rows in zip(keys, shown.T, strict=True) if key
    }
    if len(masses) > 1 and not fit_apart(budget, dim=dim, folds=folds, findings=len(keys)):
        masses = {SHARED: shown.sum(axis=1)}
    moments = {name: moment for name, moment in (made or {}).items() if name in masses}
    missing = [name for name in masses if name not in moments]
    halves, classes = _summed(view, [masses[name] for name in missing], fold, folds, lift)
    for name, half in zip(missing, halves, strict=True):
        moments[name] = Moment(half=half.clone(), parts=folds)
    return Sums(
        dim=dim,
        folds=folds,
        salt=salt,
        findings={
            label: _finding(view, column, fold, classes[:, :, column].clone(), codes[column])
            for column, label in enumerate(view.labels)
        },
        moments=moments,
        lift="" if lift is None else lift.digest,
        budget=budget,
    )


def _summed(
    view: View,
    masses: Sequence[Shaped[np.ndarray, " rows"]],
    fold: Int64[np.ndarray, " rows"],
    folds: int,
    lift: Lift | None,
) -> tuple[Float64[Tensor, "masses folds half"], Float64[Tensor, "2 folds labels dim"]]:
    """Second moments of rows that weigh their mass; sums of positives and of negatives."""
    shown = view.learnable
    dim = view.rows.dim if lift is None else lift.out
    halves = torch.zeros(len(masses), folds, half_of(dim + 1), dtype=torch.float64)
    classes = torch.zeros(2, folds, len(view.labels), dim, dtype=torch.float64)
    for part in range(folds):
        full = [np.zeros((dim + 1, dim + 1), order="F") for _ in masses]
        mine = np.flatnonzero((fold == part) & shown.any(dim=1).numpy())
        for start in range(0, len(mine), _CHUNK):
            picked = torch.from_numpy(mine[start : start + _CHUNK])
            rows = unit(view.rows.take(picked).double())
            rows = F.pad(rows if lift is None else lift(rows), (0, 1), value=1.0)
            told, has = shown[picked].double(), view.share_of(picked).double()
            classes[0, part] += has.T @ rows[:, :-1]
            classes[1, part] += (told - has).T @ rows[:, :-1]
            for moment, mass in zip(full, masses, strict=True):
                weighed = _weighed(rows, torch.from_numpy(mass)[picked]).numpy()
                # only one triangle is kept, and BLAS need not form the other
                blas.dsyrk(1.0, weighed.T, 1.0, moment, lower=1, overwrite_c=1)
        for half, moment in zip(halves, full, strict=True):
            half[part] = packed(torch.from_numpy(moment.T))
    return halves, classes


def _weighed(
    rows: Float64[Tensor, "rows dim"], mass: Shaped[Tensor, " rows"]
) -> Float64[Tensor, "counted dim"]:
    """Rows whose outer products sum to those of all, each by its mass."""
    if mass.dtype is not torch.bool:
        return rows * mass.double().sqrt()[:, None]
    return rows if mass.all() else rows.index_select(0, mass.nonzero()[:, 0])


def _finding(
    view: View,
    column: int,
    fold: Int64[np.ndarray, " rows"],
    classes: Float64[Tensor, "2 folds dim"],
    code: int,
) -> FindingSums:
    """One finding's counts, and its class sums taken over."""
    folds, patients = classes.shape[1], view.patients.numpy()
    shown, sure = view.learnable[:, column].numpy(), view.known[:, column].numpy()
    share = view.share_of((..., column)).numpy()
    has, lacks, soft = shown & (share > 0), shown & (share < 1), shown & ~sure
    return FindingSums(
        positives=_rows(fold[has & ~soft], folds),
        negatives=_rows(fold[lacks & ~soft], folds),
        positive_patients=_patients(patients[has], fold[has], folds),
        negative_patients=_patients(patients[lacks], fold[lacks], folds),
        positive_sum=classes[0],
        negative_sum=classes[1],
        code=code,
        parts=folds,
        soft=_soft(fold[soft], share[soft], folds) if soft.any() else None,
    )


def _rows(fold: np.ndarray, folds: int) -> Int64[Tensor, " folds"]:
    return torch.from_numpy(np.bincount(fold, minlength=folds).astype(np.int64))


def _soft(fold: np.ndarray, share: np.ndarray, folds: int) -> Float64[Tensor, "2 folds"]:
    shares = np.bincount(fold, weights=share.astype(np.float64), minlength=folds)
    return torch.stack([_rows(fold, folds).double(), torch.from_numpy(shares)])


def _patients(patients: np.ndarray, fold: np.ndarray, folds: int) -> Int64[Tensor, " folds"]:
    counts = [_different(patients[fold == part]) for part in range(folds)]
    return torch.tensor(counts, dtype=torch.int64)


def _different(codes: np.ndarray) -> int:
    """How many there are; sorted, since `numpy.unique` needs six times the memory."""
    ordered = np.sort(codes)
    return min(1, len(codes)) + int(np.count_nonzero(ordered[1:] != ordered[:-1]))


def _codes(codes: Int[Tensor, " rows"]) -> UInt64[np.ndarray, " rows"]:
    return codes.numpy().view(np.uint64)


def _shown_codes(view: View, shown: Bool[np.ndarray, "rows labels"]) -> list[int]:
    """For each finding one number that tells which rows are shown of it, whatever their order."""
    marks = _mixed(_mixed(_codes(view.images)) ^ _codes(view.patients))
    return [int(marks[rows].sum(dtype=np.uint64)) for rows in shown.T]


def _mixed(codes: UInt64[np.ndarray, " rows"]) -> UInt64[np.ndarray, " rows"]:
    """Codes spread over 64 bits (the finaliser of SplitMix64, Steele et al., OOPSLA 2014)."""
    mixed = codes + np.uint64(0x9E3779B97F4A7C15)
    for part in np.split(mixed, range(_CHUNK, len(mixed), _CHUNK)):  # near the processor, in place
        part ^= part >> np.uint64(30)
        part *= np.uint64(0xBF58476D1CE4E5B9)
        part ^= part >> np.uint64(27)
        part *= np.uint64(0x94D049BB133111EB)
        part ^= part >> np.uint64(31)
    return mixed

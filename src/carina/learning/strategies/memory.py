"""Rows of patients that a strategy keeps: what replay and the cumulative bound share.

A row is a film's features and the cells of findings met so far; it is a patient's, and whoever keeps
one says so (`Learner.patient_rows`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, Int64
from torch import Tensor

from carina.features import FeatureRows
from carina.streams import View

__all__ = ["Memory", "memory_in", "merged", "no_memory", "remembered"]

_KIND = "rows/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Rows kept as they are.

    Attributes:
        labels: Findings met, in the order of the columns.
        features: As the encoders gave them.
        target: Share of presence.
        known: Cells that say something.
        sure: Cells that are plainly present or absent.
        patients: Salted code of each row's patient.
        images: Salted code of each row's film; a film stands once.
    """

    labels: tuple[str, ...]
    features: Float[Tensor, "rows dim"]
    target: Float[Tensor, "rows labels"]
    known: Bool[Tensor, "rows labels"]
    sure: Bool[Tensor, "rows labels"]
    patients: Int[Tensor, " rows"]
    images: Int[Tensor, " rows"]

    def __len__(self) -> int:
        return len(self.features)

    @property
    def rows(self) -> FeatureRows:
        """All of them, as they lie."""
        return FeatureRows(pool=self.features)

    def take(self, rows: Int64[Tensor, " some"]) -> "Memory":
        """Some of the rows."""
        return Memory(
            labels=self.labels,
            features=self.features[rows],
            target=self.target[rows],
            known=self.known[rows],
            sure=self.sure[rows],
            patients=self.patients[rows],
            images=self.images[rows],
        )

    def view(self, like: View) -> View:
        """These rows as an experience that shows all findings they know; prompts are the other's."""
        soft = torch.where(self.known & ~self.sure, self.target, torch.nan)
        return View(
            name=like.name,
            labels=self.labels,
            rows=self.rows,
            target=(self.target > 0.5) & self.sure,
            known=self.known & self.sure,
            patients=self.patients,
            images=self.images,
            prompts=like.prompts,
            soft=None if bool(soft.isnan().all()) else soft,
        )


def no_memory(dim: int) -> Memory:
    """No row of no finding."""
    nothing = torch.zeros(0, 0, dtype=torch.bool)
    return Memory(
        labels=(),
        features=torch.zeros(0, dim),
        target=nothing.float(),
        known=nothing,
        sure=nothing,
        patients=torch.zeros(0, dtype=torch.int64),
        images=torch.zeros(0, dtype=torch.int64),
    )


def merged(memory: Memory, view: View) -> Memory:
    """The rows of both; a film in both stands once, and what the view says of it counts."""
    labels = memory.labels + tuple(name for name in view.labels if name not in memory.labels)
    places: dict[int, int] = {code: row for row, code in enumerate(memory.images.tolist())}
    for code in view.images.tolist():
        places.setdefault(code, len(places))
    rows = torch.tensor([places[code] for code in view.images.tolist()], dtype=torch.int64)
    columns = torch.tensor([labels.index(name) for name in view.labels], dtype=torch.int64)
    target = view.share.new_zeros(len(places), len(labels))
    known, sure = (torch.zeros(len(places), len(labels), dtype=torch.bool) for _ in range(2))
    old = len(memory)
    width = len(memory.labels)
    target[:old, :width] = memory.target
    known[:old, :width], sure[:old, :width] = memory.known, memory.sure
    told, at = view.learnable, (rows[:, None], columns[None, :])
    target[at] = torch.where(told, view.share, target[at])
    sure[at] = torch.where(told, view.known, sure[at])
    known[at] |= told

    def put(kept: Tensor, new: Tensor) -> Tensor:
        every = new.new_empty(len(places), *new.shape[1:])
        every[:old] = kept
        every[rows] = new
        return every

    return Memory(
        labels=labels,
        features=put(memory.features, view.features),
        target=target,
        known=known,
        sure=sure,
        patients=put(memory.patients, view.patients),
        images=put(memory.images, view.images),
    )


def remembered(memory: Memory) -> dict[str, Tensor]:
    """The rows as tensors to carry."""
    return {
        f"{_KIND}{name}": getattr(memory, name)
        for name in ("features", "target", "known", "sure", "patients", "images")
    }


def memory_in(carried: Mapping[str, Tensor], labels: tuple[str, ...], dim: int) -> Memory:
    """What `remembered` carries, over the findings met; none where nothing is carried."""
    own = {n.removeprefix(_KIND): t for n, t in carried.items() if n.startswith(_KIND)}
    return Memory(labels=labels, **own) if own else no_memory(dim)

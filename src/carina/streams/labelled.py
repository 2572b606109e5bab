"""Everything the rows of a manifest offer to learning, and what an experience shows of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from carina.core import InvalidValue
from carina.features import FeatureRows, PromptVectors
from carina.streams.experience import Experience, Held, View
from carina.streams.stream import Ground, LabelColumn, check_soft
from carina.studies import LabelSpace

__all__ = ["Labelled", "view"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """Features and labels of every row, training, validation and test alike.

    Attributes:
        space: What the label columns stand for.
        features: (images, dim), as the encoders gave them; they may lie on disk (`pool_of`).
        target: (images, labels); False where not known.
        known: (images, labels).
        patients: Salted 63-bit code of each row's patient.
        images: Salted 63-bit code of each row's image.
        prompts: Encoded prompts of the findings, or None without a text encoder.
        soft: (images, labels): share, between 0 and 1, to which cells that are not known are
            present, NaN elsewhere; or None.
        sites: Where each image was taken, "" where nobody knows; empty where nobody says.
        dates: When each was, as the source writes it; likewise.
        others: Label columns that stand for no finding of the space, by name.
    """

    space: LabelSpace
    features: Float[Tensor, "images dim"]
    target: Bool[np.ndarray, "images labels"]
    known: Bool[np.ndarray, "images labels"]
    patients: Int[np.ndarray, " images"]
    images: Int[np.ndarray, " images"]
    prompts: PromptVectors | None = None
    soft: Float[np.ndarray, "images labels"] | None = None
    sites: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    others: Mapping[str, LabelColumn] = field(default_factory=dict)

    def __post_init__(self) -> None:
        columns = (self.features, self.target, self.known, self.patients, self.images)
        if len({len(column) for column in columns}) != 1:
            raise InvalidValue(
                "Features, target, known, patients and images have one row an image; got "
                f"{[len(column) for column in columns]}."
            )
        if not self.target.shape[1] == self.known.shape[1] == len(self.space):
            raise InvalidValue(
                f"Target and known have {self.target.shape[1]} and {self.known.shape[1]} label "
                f"columns for {len(self.space)} finding(s)."
            )
        if self.soft is not None:
            check_soft(self.soft, self.known)

    def picked(self, rows: Int[np.ndarray, " rows"]) -> FeatureRows:
        """Features of some rows, not copied."""
        return FeatureRows(pool=self.features, places=torch.from_numpy(rows))

    def ground(
        self,
        *,
        rows: Int[np.ndarray, " rows"],
        validation: Int[np.ndarray, " validation"],
        digest: str,
    ) -> Ground:
        """What a plan lays its experiences on: these labels, and which rows to use.

        Args:
            rows: Rows to learn from.
            validation: Rows held back for validation; may be empty.
            digest: The manifest's.
        """
        return Ground(
            space=self.space,
            target=self.target,
            known=self.known,
            soft=self.soft,
            patients=self.patients,
            images=self.images,
            sites=self.sites,
            dates=self.dates,
            others=self.others,
            rows=rows,
            validation=validation,
            digest=digest,
        )


def view(experience: Experience, labelled: Labelled) -> View:
    """What a strategy gets of an experience: its rows and its visible findings, and nothing else."""
    rows, held = experience.rows, experience.validation
    columns = labelled.space.indices(experience.visible)
    target, known = _shown(labelled, rows, columns, experience.cells, flipped=experience.flipped)
    validation = None
    if len(held):
        seen = _shown(labelled, held, columns, experience.validation_cells)
        validation = Held(rows=labelled.picked(held), target=seen[0], known=seen[1])
    prompts = None if labelled.prompts is None else labelled.prompts.of(experience.visible)
    return View(
        name=experience.name,
        labels=experience.visible,
        rows=labelled.picked(rows),
        target=target,
        known=known,
        patients=torch.from_numpy(labelled.patients[rows]),
        images=torch.from_numpy(labelled.images[rows]),
        prompts=prompts,
        held=validation,
        soft=_soft(labelled, rows, columns, experience.cells),
        retracts=experience.retracts,
        text_only=experience.text_only,
    )


def _soft(
    labelled: Labelled,
    rows: Int[np.ndarray, " rows"],
    columns: list[int],
    cells: Bool[np.ndarray, "rows visible"] | None,
) -> Float[Tensor, "rows visible"] | None:
    """Shares of soft cells that are shown; None where there are none."""
    if labelled.soft is None:
        return None
    soft = labelled.soft[rows][:, columns]
    if cells is not None:
        soft = np.where(cells, soft, np.float32(np.nan))
    return None if np.isnan(soft).all() else torch.from_numpy(soft)


def _shown(
    labelled: Labelled,
    rows: Int[np.ndarray, " rows"],
    columns: list[int],
    cells: Bool[np.ndarray, "rows visible"] | None,
    flipped: Bool[np.ndarray, "rows visible"] | None = None,
) -> tuple[Bool[Tensor, "rows visible"], Bool[Tensor, "rows visible"]]:
    """Target and known of some rows and columns; hidden cells are not known."""
    known = labelled.known[rows][:, columns]
    if cells is not None:
        known = known & cells
    target = labelled.target[rows][:, columns]
    target = (target if flipped is None else target ^ flipped) & known
    return torch.from_numpy(target), torch.from_numpy(known)

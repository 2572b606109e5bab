"""One step of a stream, and the only thing a strategy ever sees of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from torch import Tensor

from carina.core import Estimate, InvalidValue
from carina.features import FeatureRows, PromptVectors

__all__ = ["Experience", "Held", "View"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Experience:
    """Row numbers and visible findings: one step of a stream.

    Attributes:
        name: For people: "Atelectasis", "part 2 of 5".
        rows: Rows of the manifest to learn from.
        visible: Findings whose labels may be seen here.
        cells: (rows, visible): which of those cells are shown; None shows all.
        flipped: (rows, visible): cells shown that say the opposite of what the label is: told
            wrong. None where all are told as they are.
        validation: Rows held back for validation, of other patients.
        validation_cells: (validation, visible): as cells.
        retracts: Whether the cells shown are taken back instead of learned.
        text_only: Whether the findings are met by their prompts alone, without any row.
        picked: Whether its cells were picked by what they say, such as those told wrong before, so
            that nothing can be calibrated on them.
        confounding: How well the site alone tells each finding, see `site_given_label`; empty
            where the rows are of one site or of none that is known.
        marks: What a reader should know of it: "Hernia without positives".
    """

    name: str
    rows: Int[np.ndarray, " rows"]
    visible: tuple[str, ...]
    cells: Bool[np.ndarray, "rows visible"] | None = None
    flipped: Bool[np.ndarray, "rows visible"] | None = None
    validation: Int[np.ndarray, " validation"]
    validation_cells: Bool[np.ndarray, "validation visible"] | None = None
    retracts: bool = False
    text_only: bool = False
    picked: bool = False
    confounding: Mapping[str, Estimate] = field(default_factory=dict)
    marks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.visible or len(set(self.visible)) != len(self.visible):
            raise InvalidValue(
                f"An experience shows one or more findings, each once: {self.visible}."
            )
        if len(self.validation) and np.intersect1d(self.rows, self.validation).size:
            raise InvalidValue(f"Experience {self.name!r} validates on rows it learns from.")
        for rows, cells in (
            (self.rows, self.cells),
            (self.rows, self.flipped),
            (self.validation, self.validation_cells),
        ):
            ordered = np.sort(rows)
            if (ordered[1:] == ordered[:-1]).any():
                raise InvalidValue(f"Experience {self.name!r} shows a row twice.")
            if cells is not None and cells.shape != (len(rows), len(self.visible)):
                raise InvalidValue(
                    f"Experience {self.name!r} has cells {cells.shape} for {len(rows)} rows and "
                    f"{len(self.visible)} findings."
                )
        if self.text_only and (self.retracts or len(self.rows) or len(self.validation)):
            raise InvalidValue(
                f"Experience {self.name!r} is of text only, so it has no rows and takes none back."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Validation rows of a view: the same findings, other patients; soft cells are not known."""

    rows: FeatureRows
    target: Bool[Tensor, "validation labels"]
    known: Bool[Tensor, "validation labels"]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a strategy gets of an experience, and nothing else.

    Columns stand for the visible findings only, so nothing of a label not yet met can leak.

    Attributes:
        name: The experience's.
        labels: The visible findings, in the order of the columns.
        rows: Features, (rows, dim), as the encoders gave them; gathered as they are asked for.
        target: (rows, labels); False where not known.
        known: (rows, labels).
        patients: Salted 63-bit code of each row's patient: for folds and counts.
        images: Salted 63-bit code of each row's image: to tell whether rows coincide.
        prompts: Encoded prompts of the visible findings, or None without a text encoder.
        held: Its own validation rows, or None.
        soft: (rows, labels): share, between 0 and 1, to which cells that are not known are
            present, NaN elsewhere; None where there are no such cells. A strategy may pass
            them over; counts of classes, calibration and scores are of known cells alone.
        retracts: Whether what is shown is to be taken back instead of learned.
        text_only: Whether there are prompts and no rows.
    """

    name: str
    labels: tuple[str, ...]
    rows: FeatureRows
    target: Bool[Tensor, "rows labels"]
    known: Bool[Tensor, "rows labels"]
    patients: Int[Tensor, " rows"]
    images: Int[Tensor, " rows"]
    prompts: PromptVectors | None = None
    held: Held | None = None
    soft: Float[Tensor, "rows labels"] | None = None
    retracts: bool = False
    text_only: bool = False

    @property
    def features(self) -> Float[Tensor, "rows dim"]:
        """Features of all rows, in memory: copied anew at every call (`FeatureRows.all`)."""
        return self.rows.all()

    @property
    def learnable(self) -> Bool[Tensor, "rows labels"]:
        """Cells that say something: known ones and soft ones."""
        return self.known if self.soft is None else self.known | ~self.soft.isnan()

    @property
    def share(self) -> Float[Tensor, "rows labels"]:
        """Share of presence of every cell: 1, 0, or what a soft one says; 0 where not learnable."""
        return self.share_of(...)

    def share_of(self, cells: Any) -> Float[Tensor, "..."]:
        """`share` of some cells, by any index into (rows, labels)."""
        plain = (self.target[cells] & self.known[cells]).float()
        if self.soft is None:
            return plain
        soft = self.soft[cells]
        return plain.where(soft.isnan(), soft.float())

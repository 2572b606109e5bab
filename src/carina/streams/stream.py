"""An ordered list of experiences with an id of its own, and what it is laid on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

from carina.core import InvalidValue, digest_arrays, fingerprint
from carina.streams.experience import Experience
from carina.studies import LabelSpace

__all__ = ["SCHEMA_VERSION", "Ground", "Plan", "Stream", "check_soft", "in_order", "laid"]

SCHEMA_VERSION = 1
"""Of the form of ``plan.json``, which `Stream.described` gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a plan lays its experiences on: labels without features, and which rows to use.

    Rows index one axis everywhere: that of the manifest whose images have features.

    Attributes:
        space: What the label columns stand for.
        target: (images, labels); False where not known.
        known: (images, labels).
        patients: Code of each row's patient.
        rows: Rows to learn from, in the order of the source.
        validation: Rows held back for validation, of other patients; may be empty.
        digest: The manifest's.
        soft: (images, labels): share, between 0 and 1, to which cells that are not known are
            present, NaN elsewhere; or None.
    """

    space: LabelSpace
    target: Bool[np.ndarray, "images labels"]
    known: Bool[np.ndarray, "images labels"]
    patients: Int[np.ndarray, " images"]
    rows: Int[np.ndarray, " rows"]
    validation: Int[np.ndarray, " validation"]
    digest: str
    soft: Float[np.ndarray, "images labels"] | None = None

    def __post_init__(self) -> None:
        shape = (len(self.patients), len(self.space))
        if not self.target.shape == self.known.shape == shape:
            raise InvalidValue(
                f"Target and known are {self.target.shape} and {self.known.shape}, wanted {shape}."
            )
        if (self.target & ~self.known).any():
            raise InvalidValue("A cell that is not known has a target of False.")
        if self.soft is not None:
            check_soft(self.soft, self.known)
        both = np.concatenate([self.rows, self.validation])
        if len(both) and not 0 <= both.min() <= both.max() < len(self.patients):
            raise InvalidValue(
                f"Rows run from 0 to {len(self.patients) - 1}; others were asked for."
            )
        shared = np.intersect1d(self.patients[self.rows], self.patients[self.validation])
        if len(shared):
            raise InvalidValue(
                f"{len(shared)} patient(s) stand in both the rows to learn from and those held "
                "back for validation; split by patient."
            )


@runtime_checkable
class Plan(Protocol):
    """A way to cut a ground into experiences."""

    @property
    def kind(self) -> str:
        """The scenario: "by-class"."""
        ...

    @property
    def variant(self) -> str:
        """Which form of it; streams of two variants never share a table."""
        ...

    def experiences(self, ground: Ground) -> tuple[Experience, ...]:
        """The experiences, in order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Experiences in order.

    Attributes:
        kind: The scenario: "by-class".
        variant: Which form of it: "all-rows".
        space: What the label columns of the ground stand for.
        experiences: In order.
        plan: The plan as plain values.
        plan_id: Changes when, and only when, the plan, the manifest, the rows or the labels' reading do.
    """

    kind: str
    variant: str
    space: LabelSpace
    experiences: tuple[Experience, ...]
    plan: Mapping[str, object]
    plan_id: str

    def __post_init__(self) -> None:
        if not self.experiences:
            raise InvalidValue("A stream has one experience or more.")
        for experience in self.experiences:
            self.space.indices(experience.visible)

    @property
    def findings(self) -> tuple[str, ...]:
        """Every finding the stream shows, in the order of meeting."""
        return self.met(len(self.experiences))

    def met(self, after: int) -> tuple[str, ...]:
        """Findings met in the first `after` experiences, in the order of meeting."""
        shown = LabelSpace(names=())
        for experience in self.experiences[:after]:
            shown = shown.grown(*experience.visible)
        return shown.names

    def limited_to(self, rows: Int[np.ndarray, " rows"]) -> "Stream":
        """This stream restricted to some rows, order kept: for cross-validation. Marks stay as laid."""
        return replace(
            self,
            experiences=tuple(_limited(experience, rows) for experience in self.experiences),
            plan_id=fingerprint(
                {"of": self.plan_id, "rows": digest_arrays({"rows": np.unique(rows)})}
            ),
        )

    def described(self) -> dict[str, object]:
        """Plain values for ``plan.json`` and the card: counts and marks, no row."""
        return {
            "schema_version": SCHEMA_VERSION,
            "kind": self.kind,
            "variant": self.variant,
            "plan_id": self.plan_id,
            "plan": dict(self.plan),
            "findings": list(self.findings),
            "experiences": [
                {
                    "name": experience.name,
                    "visible": list(experience.visible),
                    "rows": len(experience.rows),
                    "validation": len(experience.validation),
                    "marks": list(experience.marks),
                }
                for experience in self.experiences
            ],
        }


def check_soft(
    soft: Float[np.ndarray, "images labels"], known: Bool[np.ndarray, "images labels"]
) -> None:
    """Refuse soft cells that are known too, or as good as.

    Raises:
        InvalidValue: where a share is not between 0 and 1, or of a cell that is known.
    """
    given = ~np.isnan(soft)
    if (given & known).any() or not ((soft[given] > 0) & (soft[given] < 1)).all():
        raise InvalidValue(
            "Soft cells are not known, and present to a share above 0 and below 1; give plainly "
            "present or absent ones as known."
        )


def in_order(order: tuple[str, ...], space: LabelSpace) -> tuple[str, ...]:
    """The findings a plan names, or all of a space where it names none.

    Raises:
        UnknownName: for a finding that is not in the space.
        LabelSpaceError: for one named twice.
    """
    named = LabelSpace(names=order).names or space.names
    space.indices(named)
    return named


def laid(
    ground: Ground,
    *,
    name: str,
    visible: tuple[str, ...],
    rows: Int[np.ndarray, " rows"],
    validation: Int[np.ndarray, " validation"],
    cells: Bool[np.ndarray, "rows visible"] | None = None,
    validation_cells: Bool[np.ndarray, "validation visible"] | None = None,
    marks: tuple[str, ...] = (),
) -> Experience:
    """An experience, marked where a finding lacks one of its classes among the cells shown."""
    columns = ground.space.indices(visible)
    known = ground.known[rows][:, columns]
    if cells is not None:
        known = known & cells
    present = (ground.target[rows][:, columns] & known).sum(axis=0)
    absent = known.sum(axis=0) - present
    lacking = [
        f"{finding} without {what}"
        for finding, there, not_there in zip(visible, present, absent, strict=True)
        for what in _lacking(int(there), int(not_there))
    ]
    return Experience(
        name=name,
        rows=rows,
        visible=visible,
        cells=cells,
        validation=validation,
        validation_cells=validation_cells,
        marks=(*lacking, *marks),
    )


def _lacking(present: int, absent: int) -> list[str]:
    if present == absent == 0:
        return ["known labels"]
    return ["positives"] * (present == 0) + ["negatives"] * (absent == 0)


def _limited(experience: Experience, rows: Int[np.ndarray, " rows"]) -> Experience:
    kept = np.isin(experience.rows, rows)
    held = np.isin(experience.validation, rows)
    cells, others = experience.cells, experience.validation_cells
    return replace(
        experience,
        rows=experience.rows[kept],
        cells=None if cells is None else cells[kept],
        validation=experience.validation[held],
        validation_cells=None if others is None else others[held],
    )

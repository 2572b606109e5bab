"""An ordered list of experiences with an id of its own, and what it is laid on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int

from carina.core import InvalidValue, digest_arrays, dump, fingerprint, unknown
from carina.streams.experience import Experience
from carina.studies import LabelSpace

__all__ = [
    "SCHEMA_VERSION",
    "Ground",
    "LabelColumn",
    "Plan",
    "Stream",
    "also_elsewhere",
    "check_soft",
    "in_order",
    "laid",
    "left_out",
]

SCHEMA_VERSION = 2
"""Of the form of ``plan.json``; see `written`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelColumn:
    """One column of a label table, as a policy reads it.

    Attributes:
        target: Whether present; False where not known.
        known: Whether anybody knows.
    """

    target: Bool[np.ndarray, " images"]
    known: Bool[np.ndarray, " images"]


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
        images: Code of each row's image, by which a plan's file names it; None where nobody needs it.
        sites: Where each image was taken, "" where nobody knows; empty where nobody says.
        dates: When each was, as the source writes it; likewise.
        others: Label columns that stand for no finding of the space, by name.
    """

    space: LabelSpace
    target: Bool[np.ndarray, "images labels"]
    known: Bool[np.ndarray, "images labels"]
    patients: Int[np.ndarray, " images"]
    rows: Int[np.ndarray, " rows"]
    validation: Int[np.ndarray, " validation"]
    digest: str
    soft: Float[np.ndarray, "images labels"] | None = None
    images: Int[np.ndarray, " images"] | None = None
    sites: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    others: Mapping[str, LabelColumn] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = (len(self.patients), len(self.space))
        for name, column in (("Sites", self.sites), ("Dates", self.dates)):
            if len(column) not in (0, len(self.patients)):
                raise InvalidValue(
                    f"{name} are one an image or none; got {len(column)} for {len(self.patients)}."
                )
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
        held = np.unique(self.patients[self.validation])
        if len(held) and (shared := int(np.isin(held, self.patients[self.rows]).sum())):
            raise InvalidValue(
                f"{shared} patient(s) stand in both the rows to learn from and those held "
                "back for validation; split by patient."
            )

    def told(
        self,
        rows: Int[np.ndarray, " rows"],
        visible: tuple[str, ...],
        *,
        cells: Bool[np.ndarray, "rows visible"] | None = None,
        flipped: Bool[np.ndarray, "rows visible"] | None = None,
    ) -> tuple[Bool[np.ndarray, "rows visible"], Bool[np.ndarray, "rows visible"]]:
        """What some rows say of some findings, target and known; see `Experience`."""
        columns = self.space.indices(visible)
        known, target = self.known[rows][:, columns], self.target[rows][:, columns]
        if cells is not None:
            known = known & cells
        if flipped is not None:
            target = target ^ flipped
        return target & known, known

    def column(self, name: str) -> LabelColumn:
        """A finding's labels, or another label column's.

        Raises:
            UnknownName: where there is neither.
        """
        if name in self.others:
            return self.others[name]
        if name not in self.space:
            raise unknown("label column", name, (*self.space.names, *self.others))
        at = self.space.index(name)
        return LabelColumn(target=self.target[:, at], known=self.known[:, at])


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

    @property
    def taught(self) -> dict[str, int]:
        """The step, from 1, that first shows each finding."""
        steps: dict[str, int] = {}
        for step, experience in enumerate(self.experiences, start=1):
            for finding in experience.visible:
                steps.setdefault(finding, step)
        return steps

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
        """Plain values for the card and the head of ``plan.json``: counts and marks, no row."""
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
                    "retracts": experience.retracts,
                    "text_only": experience.text_only,
                    "picked": experience.picked,
                    "confounding": dump(dict(experience.confounding)),
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
    flipped: Bool[np.ndarray, "rows visible"] | None = None,
    validation_cells: Bool[np.ndarray, "validation visible"] | None = None,
    marks: tuple[str, ...] = (),
) -> Experience:
    """An experience, marked where a finding lacks one of its classes among the cells shown."""
    target, known = ground.told(rows, visible, cells=cells, flipped=flipped)
    present = target.sum(axis=0)
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
        flipped=flipped,
        validation=validation,
        validation_cells=validation_cells,
        marks=(*lacking, *marks),
    )


def also_elsewhere(
    ground: Ground, parts: Sequence[Int[np.ndarray, " _"]], part: int
) -> tuple[str, ...]:
    """A mark with the number of a part's patients who are in other parts too; none where none is."""
    own = np.unique(ground.patients[parts[part]])
    others = [ground.patients[rows] for index, rows in enumerate(parts) if index != part]
    shared = np.isin(own, np.concatenate([own[:0], *others])).sum()
    return (f"{shared} patient(s) also in other parts",) if shared else ()


def left_out(ground: Ground, kept: Sequence[Int[np.ndarray, " _"]], why: str) -> tuple[str, ...]:
    """A mark with the number of rows to learn from that are in no part; none where all are."""
    lost = len(ground.rows) - len(np.unique(np.concatenate([ground.rows[:0], *kept])))
    return (f"{lost} film(s) {why} are left out",) if lost else ()


def _lacking(present: int, absent: int) -> list[str]:
    if present == absent == 0:
        return ["known labels"]
    return ["positives"] * (present == 0) + ["negatives"] * (absent == 0)


def _limited(experience: Experience, rows: Int[np.ndarray, " rows"]) -> Experience:
    kept = np.isin(experience.rows, rows)
    held = np.isin(experience.validation, rows)
    cells, others, flipped = experience.cells, experience.validation_cells, experience.flipped
    return replace(
        experience,
        rows=experience.rows[kept],
        cells=None if cells is None else cells[kept],
        flipped=None if flipped is None else flipped[kept],
        validation=experience.validation[held],
        validation_cells=None if others is None else others[held],
    )

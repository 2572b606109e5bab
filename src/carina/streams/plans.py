"""The plans a recipe can name, and the stream that one makes of a ground."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from carina.core import Mismatch, digest_arrays, dump, fingerprint
from carina.streams.cell_matched import CellMatched
from carina.streams.confounded import Confounded
from carina.streams.confounding import with_confounding
from carina.streams.deletion import Deletion
from carina.streams.experience import Experience
from carina.streams.planned import Planned, labels_digest
from carina.streams.simple import Simple
from carina.streams.stream import Ground, Plan, Stream

__all__ = ["StreamPlan", "found_from", "identity", "lay_out", "names_a_file"]

StreamPlan = Simple | Deletion | Confounded | CellMatched
"""Every built-in plan; its class name is its ``kind`` in JSON and TOML."""

P = TypeVar("P", bound=StreamPlan)


def lay_out(plan: Plan, ground: Ground) -> Stream:
    """The stream that a plan makes of a ground.

    Raises:
        UnknownName: where the plan names a finding, a site or a label column there is not.
        InvalidValue: where the plan refuses the ground, with the reason.
        Mismatch: where it is a plan's file that was laid on something else, or was changed.
    """
    experiences = tuple(with_confounding(one, ground) for one in plan.experiences(ground))
    plain = _plain(plan, lambda planned: planned.read().plan)
    stream = Stream(
        kind=plan.kind,
        variant=plan.variant,
        space=ground.space,
        experiences=experiences,
        plan=plain,
        plan_id=_plan_id(plan, plain, ground, experiences),
    )
    if isinstance(plan, Planned) and stream.plan_id != (said := plan.read().plan_id):
        raise Mismatch(
            f"The plan calls itself {said}, and what it lays out is {stream.plan_id}: the file was "
            "changed. Take it as it was written, or let the recipe that made it lay a new one."
        )
    return stream


def identity(plan: StreamPlan) -> dict[str, Any]:
    """Plain values that tell two plans apart, wherever their files lie."""
    return _plain(plan, lambda planned: {"kind": "Planned", "plan_id": planned.read().plan_id})


def names_a_file(plan: StreamPlan) -> bool:
    """Whether it is a plan's file, or of one."""
    if isinstance(plan, Deletion | Confounded | CellMatched):
        return names_a_file(plan.of)
    return isinstance(plan, Planned)


def found_from(plan: P, folder: Path) -> P:
    """The plan with its file, or that of the plan it is of, looked for from a folder."""
    if isinstance(plan, Planned):
        return replace(plan, file=str(folder / plan.file))
    if isinstance(plan, Deletion | Confounded):
        return replace(plan, of=found_from(plan.of, folder))
    if isinstance(plan, CellMatched):
        return replace(plan, of=found_from(plan.of, folder))
    return plan


def _plain(plan: Plan, of_file: Callable[[Planned], dict[str, Any]]) -> dict[str, Any]:
    if isinstance(plan, Planned):
        return of_file(plan)
    plain = {"kind": type(plan).__name__, **dump(plan)}
    if isinstance(plan, Deletion | Confounded | CellMatched):
        plain["of"] = _plain(plan.of, of_file)
    return plain


def _plan_id(
    plan: Plan, plain: dict[str, Any], ground: Ground, experiences: tuple[Experience, ...]
) -> str:
    shown: dict[str, np.ndarray] = {}
    for step, one in enumerate(experiences):
        arrays = {
            "rows": one.rows,
            "cells": one.cells,
            "flipped": one.flipped,
            "validation": one.validation,
            "validation_cells": one.validation_cells,
        }
        shown |= {f"{step:06d}/{n}": array for n, array in arrays.items() if array is not None}
    return fingerprint(
        {
            "kind": plan.kind,
            "variant": plan.variant,
            "plan": plain,
            "space": ground.space,
            "manifest": ground.digest,
            "labels": labels_digest(ground),
            "experiences": [
                {
                    "name": one.name,
                    "visible": one.visible,
                    "retracts": one.retracts,
                    "text_only": one.text_only,
                    "picked": one.picked,
                    "marks": one.marks,
                }
                for one in experiences
            ],
            "shown": digest_arrays(shown),
        }
    )

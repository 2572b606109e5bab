"""The plans a recipe can name, and the stream that one makes of a ground."""

import numpy as np

from carina.core import digest_arrays, dump, fingerprint
from carina.streams.by_class import ByClass
from carina.streams.by_data import ByData
from carina.streams.by_label import ByLabel
from carina.streams.joint import AllAtOnce, CellMatched
from carina.streams.stream import Ground, Plan, Stream

__all__ = ["StreamPlan", "lay_out"]

StreamPlan = ByClass | ByLabel | ByData | AllAtOnce | CellMatched
"""Every built-in plan; its class name is its ``kind`` in JSON and TOML."""


def lay_out(plan: Plan, ground: Ground) -> Stream:
    """The stream that a plan makes of a ground.

    Raises:
        UnknownName: where the plan names a finding that is not in the ground's space.
        InvalidValue: where the plan refuses the ground, with the reason.
    """
    experiences = plan.experiences(ground)
    plain = {"kind": type(plan).__name__, **dump(plan)}
    used = np.concatenate([ground.rows, ground.validation])
    shown = {"target": ground.target[used], "known": ground.known[used]}
    if ground.soft is not None:
        shown["soft"] = ground.soft[used]
    for step, experience in enumerate(experiences):
        shown[f"{step:06d}/rows"] = experience.rows
        shown[f"{step:06d}/validation"] = experience.validation
    made_by = {
        "plan": plain,
        "space": ground.space,
        "manifest": ground.digest,
        "shown": digest_arrays(shown),
    }
    return Stream(
        kind=plan.kind,
        variant=plan.variant,
        space=ground.space,
        experiences=experiences,
        plan=plain,
        plan_id=fingerprint(made_by),
    )

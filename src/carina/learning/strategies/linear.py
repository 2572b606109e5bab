"""What strategies with a linear head a finding share."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from carina.adaptors import LiftConfig, LinearReadout
from carina.core import InvalidValue, Mismatch
from carina.learning.learner import Learner
from carina.streams import View

__all__ = [
    "check_width",
    "grown_head",
    "head_of",
    "need_negatives",
    "no_head",
    "noted",
    "without_heads",
]


def check_width(learner: Learner, view: View) -> None:
    """Refuse features of another encoder.

    Raises:
        Mismatch: where the view is of another width than the learner was begun with.
    """
    if view.rows.dim != learner.setting.image_dim:
        raise Mismatch(
            f"Features are {view.rows.dim} wide, this learner was begun for "
            f"{learner.setting.image_dim}: they come from another image encoder."
        )


def need_negatives(method: str, label: str, positives: int, negatives: int) -> None:
    """Refuse a finding of which only positives have been met.

    Raises:
        InvalidValue: where there are some, and no negative.
    """
    if positives and not negatives:
        raise InvalidValue(
            f"Of {label!r} there are {positives} positives and no negative so far, and {method} "
            "tells the two apart. Let blanks count as absent (the recipe's policy), or choose a "
            "strategy that learns from positives alone (TipAdapter, RETune)."
        )


def no_head(dim: int, *, normalise: bool, lift: LiftConfig | None = None) -> LinearReadout:
    """A readout of no finding, float64, for rows of a width, or over a lift of them."""
    drawn = None if lift is None else lift.build(dim)
    return LinearReadout(
        labels=(),
        weight=torch.zeros(0, dim if drawn is None else drawn.out, dtype=torch.float64),
        bias=torch.zeros(0, dtype=torch.float64),
        normalise=normalise,
        lift=drawn,
    )


def head_of(learner: Learner) -> LinearReadout:
    """The learner's readout.

    Raises:
        Mismatch: where it is not a linear one, so another kind of strategy taught it.
    """
    if not isinstance(learner.readout, LinearReadout):
        raise Mismatch("This learner has no linear heads; another strategy taught it.")
    return learner.readout


def without_heads(readout: LinearReadout) -> LinearReadout:
    """A readout of no finding, over the same features."""
    return replace(readout, labels=(), weight=readout.weight[:0], bias=readout.bias[:0])


def grown_head(old: LinearReadout, heads: Mapping[str, tuple[Tensor, float]]) -> LinearReadout:
    """The readout with some weights and intercepts put in place of its own, new ones after them."""
    weight = dict(zip(old.labels, old.weight, strict=True))
    bias = dict(zip(old.labels, old.bias, strict=True))
    for label, (vector, number) in heads.items():
        weight[label], bias[label] = vector, old.bias.new_tensor(number)
    return replace(
        old,
        labels=tuple(weight),
        weight=torch.stack(list(weight.values())) if weight else old.weight,
        bias=torch.stack(list(bias.values())) if bias else old.bias,
    )


def noted(notes: Mapping[str, object], **by_label: Mapping[str, float | None]) -> dict[str, object]:
    """Notes with what was chosen for some findings put in place of what was chosen before."""
    new = dict(notes)
    for name, chosen in by_label.items():
        before = notes.get(name)
        new[name] = {**(before if isinstance(before, dict) else {}), **chosen}
    return new

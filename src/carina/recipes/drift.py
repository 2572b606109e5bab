"""How adapted prompts move from step to step."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from carina.adaptors import PromptReadout, Readout
from carina.evaluation import Drift

__all__ = ["drift_of"]

Sides = tuple[Float[Tensor, " out"], Float[Tensor, " out"]]


def drift_of(
    readouts: Sequence[Readout | None], names: tuple[str, ...], taught: Sequence[int]
) -> dict[str, Drift]:
    """The drift of every finding that a step taught; empty where no readout holds prompts.

    Several prompts of a side are one vector here, the mean of the adapted ones, however they are
    combined in scoring.

    Args:
        readouts: After each experience.
        names: The findings, in order.
        taught: For each, the step, from 1, that first showed it; 0 where none did.
    """
    steps = [_adapted(readout) for readout in readouts]
    if not any(steps):
        return {}
    return {
        name: _drift([step.get(name) for step in steps], first)
        for name, first in zip(names, taught, strict=True)
        if first
    }


def _adapted(readout: Readout | None) -> dict[str, Sides]:
    """Positive and negative adapted prompt by finding."""
    if not isinstance(readout, PromptReadout):
        return {}
    with torch.no_grad():
        present, absent = readout.adapted_prompts()
    return {
        name: (one, other) for name, one, other in zip(readout.labels, present, absent, strict=True)
    }


def _drift(steps: Sequence[Sides | None], first: int) -> Drift:
    at_first = steps[first - 1]
    since = [
        None if sides is None or at_first is None or step < first else (sides, at_first)
        for step, sides in enumerate(steps, start=1)
    ]
    return Drift(
        positive=tuple(both and _cosine(both[0][0], both[1][0]) for both in since),
        negative=tuple(both and _cosine(both[0][1], both[1][1]) for both in since),
        opposition=tuple(both and _cosine(both[0][0], both[0][1]) for both in since),
    )


def _cosine(one: Float[Tensor, " out"], other: Float[Tensor, " out"]) -> float:
    """Of vectors of length 1, held to what a cosine can be."""
    return float((one.double() @ other.double()).clamp(-1.0, 1.0))

"""Prompts that say less, to be held against those that say all: does language steer?

A reader taught with one of these in the place of its prompts has the same parameters, films and
labels, and less or no language; what it loses is what language gave.
"""

from dataclasses import replace
from enum import StrEnum

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from carina.core import Mismatch
from carina.features import PromptVectors

__all__ = ["Control", "controlled"]


class Control(StrEnum):
    """What stands in the place of the prompts."""

    RANDOM = "random"
    """Vectors of random direction, each as long as the prompt it stands for."""
    PERMUTED = "permuted"
    """The prompts of another finding; none keeps its own."""
    ONE_HOT = "one-hot"
    """A coordinate of its own for each finding and side, as long as its prompts on average."""
    POSITIVES = "positives-only"
    """The positive prompts as they are; in the place of every negative one the mean of them all."""


def controlled(
    prompts: PromptVectors, control: Control, *, rng: np.random.Generator
) -> PromptVectors:
    """The prompts with nothing, or less, left of what they say.

    Args:
        prompts: Of all findings of the stream.
        control: What stands in their place.
        rng: Draws directions, or who gets whose.

    Raises:
        Mismatch: where there is one finding only, so none has another's prompts; or where prompts
            are narrower than two coordinates a finding.
    """
    named = replace(prompts, bank=f"{prompts.bank}+{control}")
    match control:
        case Control.RANDOM:
            return replace(
                named,
                positive=_turned(prompts.positive, rng),
                negative=_turned(prompts.negative, rng),
            )
        case Control.PERMUTED:
            order = torch.from_numpy(_others(len(prompts.space), rng))
            return replace(
                named, positive=prompts.positive[order], negative=prompts.negative[order]
            )
        case Control.ONE_HOT:
            count, width = len(prompts.space), prompts.positive.shape[2]
            if width < 2 * count:
                raise Mismatch(
                    f"{count} findings want {2 * count} coordinates, two each; these prompts are "
                    f"{width} wide. Leave the control 'one-hot' out."
                )
            axes = torch.eye(2 * count, width)
            return replace(
                named,
                positive=_along(axes[:count], prompts.positive),
                negative=_along(axes[count:], prompts.negative),
            )
        case Control.POSITIVES:
            shared = prompts.negative.mean(dim=(0, 1)).expand_as(prompts.negative)
            return replace(named, negative=shared.clone())


def _turned(
    vectors: Float[Tensor, "labels prompts dim"], rng: np.random.Generator
) -> Float[Tensor, "labels prompts dim"]:
    drawn = torch.from_numpy(rng.standard_normal(tuple(vectors.shape))).to(vectors)
    lengths: Tensor = vectors.norm(dim=2, keepdim=True)
    return F.normalize(drawn, dim=2) * lengths


def _others(count: int, rng: np.random.Generator) -> np.ndarray:
    """A permutation that leaves nobody in place: one round through all (Sattolo, 1986)."""
    if count < 2:
        raise Mismatch("Prompts are permuted over findings, and there is one finding only.")
    round_trip = rng.permutation(count)
    order = np.empty(count, dtype=np.int64)
    order[round_trip] = np.roll(round_trip, 1)
    return order


def _along(
    axes: Float[Tensor, "labels dim"], like: Float[Tensor, "labels prompts dim"]
) -> Float[Tensor, "labels prompts dim"]:
    """Each finding's axis for each of its prompts, as long as they are on average."""
    length: Tensor = like.norm(dim=2).mean(dim=1)
    return (axes * length[:, None])[:, None].expand_as(like).clone()

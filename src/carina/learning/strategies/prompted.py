"""What strategies that read prompts share: meeting findings is keeping their prompts."""

from dataclasses import replace

import torch

from carina.adaptors import Combine, PromptReadout, Sides
from carina.core import Mismatch
from carina.features import PromptVectors
from carina.learning.learner import Learner, Setting
from carina.streams import View

__all__ = ["asked", "empty_readout", "met", "prompted"]


def empty_readout(
    setting: Setting, sides: Sides, combine: Combine, generator: torch.Generator
) -> PromptReadout:
    """Fresh adaptors over no finding.

    Raises:
        Mismatch: where there is no text encoder, or the sides would not meet.
    """
    if not setting.text_dim:
        raise Mismatch(
            "Prompts need a text encoder and there is none here; name one, or choose a strategy "
            "that learns from images alone (Ridge, Heads)."
        )
    alignment = setting.alignment
    nothing = torch.zeros(0, 0, setting.text_dim)
    return PromptReadout(
        labels=(),
        positive=nothing,
        negative=nothing,
        adaptors=sides.build(
            image_dim=setting.image_dim if alignment is None else alignment.text_dim,
            text_dim=setting.text_dim,
            generator=generator,
        ),
        alignment=alignment,
        combine=combine,
    )


def prompted(learner: Learner) -> PromptReadout:
    """The learner's readout.

    Raises:
        Mismatch: where it is not one of prompts, so another kind of strategy taught it.
    """
    if not isinstance(learner.readout, PromptReadout):
        raise Mismatch("This learner has no readout of prompts; another strategy taught it.")
    return learner.readout


def asked(view: View) -> PromptVectors:
    """The prompts of the visible findings, in the order of the view's columns.

    Raises:
        Mismatch: where the view has none.
    """
    if view.prompts is None:
        raise Mismatch(
            f"Experience {view.name!r} comes without prompts; encode a prompt bank for the stream."
        )
    return view.prompts.of(view.labels)


def met(readout: PromptReadout, prompts: PromptVectors) -> PromptReadout:
    """The readout with the findings it did not know yet after the old ones."""
    new = tuple(name for name in prompts.space.names if name not in readout.labels)
    if not new:
        return readout
    added = prompts.of(new)
    if not readout.labels:
        return replace(readout, labels=new, positive=added.positive, negative=added.negative)
    return replace(
        readout,
        labels=readout.labels + new,
        positive=torch.cat([readout.positive, added.positive]),
        negative=torch.cat([readout.negative, added.negative]),
    )

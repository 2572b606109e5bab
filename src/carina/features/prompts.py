"""Prompts as numbers: what a text encoder made of a prompt bank, once."""

from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor

from carina.core import InvalidValue
from carina.studies import LabelSpace

__all__ = ["PromptVectors"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptVectors:
    """Encoded positive and negative prompts of each finding, as the text encoder gave them.

    Attributes:
        space: The findings, in the order of the first axis.
        positive: (labels, prompts, dim): texts that say the finding is there.
        negative: (labels, prompts, dim): texts that say it is not.
        bank: Fingerprint of the texts.
        encoder: Fingerprint of the text encoder.
    """

    space: LabelSpace
    positive: Float[Tensor, "labels prompts dim"]
    negative: Float[Tensor, "labels prompts dim"]
    bank: str
    encoder: str

    def __post_init__(self) -> None:
        if self.positive.shape != self.negative.shape or len(self.positive) != len(self.space):
            raise InvalidValue(
                f"Prompts are {tuple(self.positive.shape)} and {tuple(self.negative.shape)} "
                f"for {len(self.space)} findings; wanted one block of prompts a finding and side."
            )

    @property
    def dim(self) -> int:
        """Width of a prompt's vector."""
        return self.positive.shape[-1]

    def of(self, names: tuple[str, ...]) -> "PromptVectors":
        """The prompts of some findings, in the order asked for."""
        picked = self.space.indices(names)
        return replace(
            self,
            space=LabelSpace(names=names),
            positive=self.positive[picked],
            negative=self.negative[picked],
        )

"""The losses that pre-training can make small."""

from dataclasses import dataclass
from math import log

from jaxtyping import Float
from torch import Tensor

from carina.core import ConfigError
from carina.objectives import info_nce, sigmoid_loss

__all__ = ["Contrast", "InfoNCE", "Sigmoid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InfoNCE:
    """Choosing each text's image among all, and each image's text (`info_nce`).

    Attributes:
        image_weight: Of the choice among images; 0.75 is the authors'.
        alike: Share of the target that goes to images whose reports are like a text's own
            (`softened`); 0 takes reports at their word.
        temperature: Of that likeness, the cosine of the frozen report vectors.
    """

    image_weight: float = 0.75
    alike: float = 0.0
    temperature: float = 0.05

    def __post_init__(self) -> None:
        if not (0 <= self.image_weight <= 1 and 0 <= self.alike < 1 and self.temperature > 0):
            raise ConfigError(
                "image_weight and alike are shares and a temperature lies above 0; got "
                f"image_weight={self.image_weight}, alike={self.alike}, "
                f"temperature={self.temperature}."
            )

    @property
    def first_scale(self) -> float:
        """Logarithm of the factor of the cosines at first; as CLIP and the authors have it."""
        return log(1 / 0.07)

    @property
    def first_bias(self) -> None:
        """None is learned: it would change no choice."""
        return

    def of(
        self, logits: Float[Tensor, "texts images"], target: Float[Tensor, "texts images"]
    ) -> Float[Tensor, ""]:
        """The loss of scaled cosines."""
        return info_nce(logits, target, image_weight=self.image_weight)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sigmoid:
    """Telling pairs from all others one by one (`sigmoid_loss`), with a learned bias.

    Attributes:
        first_bias: What is added to the scaled cosines at first: most pairs do not belong together.
    """

    first_bias: float = -10.0

    @property
    def alike(self) -> float:
        """It takes reports at their word."""
        return 0.0

    @property
    def temperature(self) -> float:
        """Of no likeness."""
        return 1.0

    @property
    def first_scale(self) -> float:
        """Logarithm of the factor of the cosines at first; as its authors have it."""
        return log(10)

    def of(
        self, logits: Float[Tensor, "texts images"], target: Float[Tensor, "texts images"]
    ) -> Float[Tensor, ""]:
        """The loss of scaled cosines, the bias among them."""
        return sigmoid_loss(logits, target)


Contrast = InfoNCE | Sigmoid
"""Every loss; its class name is its ``kind`` in JSON and TOML."""

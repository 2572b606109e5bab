"""How the image side and the text side share adaptors, and the pair that comes of it."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from enum import StrEnum

import torch
from torch import Tensor
from torch.nn import Parameter

from carina.adaptors.clip_adapter import ClipAdapter
from carina.adaptors.identity import Identity
from carina.adaptors.linear import Linear
from carina.adaptors.mlp import Mlp
from carina.adaptors.protocol import Adaptor
from carina.adaptors.residual import Residual
from carina.core import Mismatch

__all__ = ["AdaptorConfig", "Pair", "Sharing", "Sides"]

AdaptorConfig = Identity | Linear | Mlp | Residual | ClipAdapter
"""Every built-in adaptor; its class name is its ``kind`` in JSON and TOML."""


class Sharing(StrEnum):
    """Which sides have an adaptor."""

    DOUBLE = "double"
    """One per side."""
    SHARED = "shared"
    """The same one on both sides, which must be equally wide."""
    IMAGE = "image"
    """On the image side only; it must end at the width of the text side."""
    TEXT = "text"
    """On the text side only; it must end at the width of the image side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """An adaptor's form, and which sides have one.

    Attributes:
        adaptor: Its form; with unequal sides its `out` is the width where they meet.
        sharing: Which sides have one.
    """

    adaptor: AdaptorConfig = Mlp()
    sharing: Sharing = Sharing.DOUBLE

    def build(self, *, image_dim: int, text_dim: int, generator: torch.Generator) -> "Pair":
        """Both sides for features and prompts of given widths, the image side drawn first.

        Raises:
            Mismatch: where the two sides would not meet at one width.
        """
        if self.sharing is Sharing.SHARED and image_dim != text_dim:
            raise Mismatch(
                f"A shared adaptor needs equal sides; images are {image_dim} wide and prompts "
                f"{text_dim}. Use sharing = 'double', or an alignment before it."
            )
        bare = Identity()
        on_image = bare if self.sharing is Sharing.TEXT else self.adaptor
        on_text = bare if self.sharing is Sharing.IMAGE else self.adaptor
        image: Adaptor = on_image.build(image_dim, generator)
        shared = self.sharing is Sharing.SHARED
        text: Adaptor = image if shared else on_text.build(text_dim, generator)
        return Pair(sides=self, image_dim=image_dim, text_dim=text_dim, image=image, text=text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The modules of both sides, and what they were built from.

    Attributes:
        sides: The form.
        image_dim: Width of what the image side takes.
        text_dim: Width of what the text side takes.
        image: The image side's.
        text: The text side's; the very same object where shared.
    """

    sides: Sides
    image_dim: int
    text_dim: int
    image: Adaptor
    text: Adaptor

    def __post_init__(self) -> None:
        if self.image.out != self.text.out:
            raise Mismatch(
                f"The image side ends {self.image.out} wide and the text side {self.text.out}, so "
                "they cannot be compared. Give the adaptor's 'out' the width where they should "
                "meet, or put an alignment before it."
            )

    @property
    def shared(self) -> bool:
        """Whether both sides are one module."""
        return self.image is self.text

    def parameters(self) -> list[Parameter]:
        """What is learned, each once."""
        text = [] if self.shared else self.text.parameters()
        return [*self.image.parameters(), *text]

    def state(self) -> dict[str, Tensor]:
        """Copies of what is learned: ``image.layer.0.weight`` and on; a shared side stands once."""
        sides = {"image": self.image} if self.shared else {"image": self.image, "text": self.text}
        return {
            f"{side}.{name}": tensor.detach().clone(memory_format=torch.contiguous_format)
            for side, adaptor in sides.items()
            for name, tensor in adaptor.state_dict().items()
        }

    def loaded(self, state: Mapping[str, Tensor]) -> "Pair":
        """A pair of this form that has learned what `state` holds.

        Raises:
            Mismatch: where names or shapes are not those of this form.
        """
        shapes = {name: tuple(tensor.shape) for name, tensor in self.state().items()}
        came = {name: tuple(tensor.shape) for name, tensor in state.items()}
        if shapes != came:
            wrong = sorted(name for name in {*shapes, *came} if shapes.get(name) != came.get(name))
            raise Mismatch(
                f"Adaptor tensor {wrong[0]!r} came as {came.get(wrong[0], 'nothing')}, wanted "
                f"{shapes.get(wrong[0], 'nothing')} ({len(wrong)} differ); "
                "these weights belong to an adaptor of another form."
            )
        fresh = self.copy()
        for side, adaptor in (("image.", fresh.image), ("text.", fresh.text)):
            own = {n.removeprefix(side): t for n, t in state.items() if n.startswith(side)}
            if own:
                adaptor.load_state_dict(own)
        return fresh

    def copy(self) -> "Pair":
        """The same pair with weights of its own: what a strategy trains."""
        image = deepcopy(self.image)
        return replace(self, image=image, text=image if self.shared else deepcopy(self.text))

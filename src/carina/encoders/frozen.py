"""The two encoders every torch family builds: a frozen module behind a card."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from carina.core import Mismatch
from carina.encoders.card import EncoderCard
from carina.encoders.protocol import Encoded

__all__ = ["FrozenImages", "FrozenTexts", "channels_last", "pooled_and_tokens"]

_CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenImages:
    """An image encoder around a module that gives (pooled, tokens) for a batch.

    Attributes:
        card: Who it is.
        module: Prepared images to pooled (items, dim) and tokens (items, tokens, token_dim).
        device: Where the module is.
    """

    card: EncoderCard
    module: nn.Module
    device: torch.device = _CPU

    def __post_init__(self) -> None:
        _freeze(self.module)

    def to(self, device: torch.device) -> "FrozenImages":
        """The same encoder on a device; this one stays where it is."""
        return replace(self, module=_moved(self.module, self.device, device), device=device)

    # no_grad and not inference_mode: what comes out may enter somebody's training
    @torch.no_grad()
    def encode(
        self, images: Float[Tensor, "items channels rows cols"], *, tokens: bool = False
    ) -> Encoded:
        """Pooled features (and tokens where asked for), on the encoder's device; no gradient.

        Raises:
            Mismatch: where the images were prepared for another encoder.
        """
        spec = self.card.preprocess
        assert spec is not None  # noqa: S101 - a card of an image encoder has one
        if tuple(images.shape[1:]) != (spec.channels, spec.size, spec.size):
            raise Mismatch(
                f"{self.card.name} takes {spec.channels} x {spec.size} x {spec.size} images; got "
                f"{' x '.join(map(str, images.shape[1:]))}. Prepare them with its card's preprocess."
            )
        pooled, patches = self.module(images.to(self.device))
        return Encoded(pooled=pooled, tokens=patches if tokens else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenTexts:
    """A text encoder around a module that gives the pooled features of one text.

    Texts go through one at a time: padding them to a common length moves the last bits
    (1e-6 measured for MiniLM), and a text's numbers must not depend on its company.

    Attributes:
        card: Who it is.
        module: Token numbers (1, words) to pooled (1, dim).
        tokenise: A text to its token numbers, cut to the card's `max_tokens`.
        device: Where the module is.
    """

    card: EncoderCard
    module: nn.Module
    tokenise: Callable[[str], list[int]]
    device: torch.device = _CPU

    def __post_init__(self) -> None:
        _freeze(self.module)

    def to(self, device: torch.device) -> "FrozenTexts":
        """The same encoder on a device; this one stays where it is."""
        return replace(self, module=_moved(self.module, self.device, device), device=device)

    @torch.no_grad()
    def encode(self, texts: tuple[str, ...]) -> Encoded:
        """Pooled features, a row a text, on the encoder's device; no gradient."""
        none = torch.zeros((0, self.card.dim), device=self.device)
        return Encoded(pooled=torch.cat([none, *(self._row(text) for text in texts)]))

    def _row(self, text: str) -> Float[Tensor, "1 dim"]:
        numbers = torch.tensor([self.tokenise(text)], device=self.device)
        pooled: Tensor = self.module(numbers)
        return pooled


def pooled_and_tokens(
    features: Float[Tensor, "items width rows cols"],
) -> tuple[Float[Tensor, "items width"], Float[Tensor, "items tokens width"]]:
    """The mean over a map, and the map as tokens, row by row."""
    return features.mean(dim=(2, 3)), features.flatten(2).transpose(1, 2)


def channels_last(module: nn.Module) -> None:
    """Lay the kernels of 2-d convolutions out as CPUs and tensor cores like them, in place."""
    for weights in module.parameters():
        if weights.dim() == 4:
            weights.data = weights.data.contiguous(memory_format=torch.channels_last)


def _freeze(module: nn.Module) -> None:
    module.eval().requires_grad_(False)


def _moved(module: nn.Module, here: torch.device, there: torch.device) -> nn.Module:
    """The module itself where it is there already, else a copy: `nn.Module.to` moves in place."""
    return module if here == there else deepcopy(module).to(there)

"""The two encoders every torch family builds: a frozen module behind a card."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from carina.core import Mismatch
from carina.encoders.card import EncoderCard
from carina.encoders.protocol import Encoded
from carina.encoders.self_check import SelfCheck

__all__ = [
    "FrozenImages",
    "FrozenTexts",
    "Words",
    "channels_last",
    "in_dtype",
    "last_of_each_size",
    "pooled_map",
]

_CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenImages:
    """An image encoder around a module that gives `Encoded` for a batch.

    Attributes:
        card: Who it is.
        module: Prepared images to `Encoded`, with tokens and stages where it has them.
        device: Where the module is.
        check: How its numbers stood to the golden ones when it was loaded.
    """

    card: EncoderCard
    module: nn.Module
    device: torch.device = _CPU
    check: SelfCheck | None = None

    def __post_init__(self) -> None:
        _freeze(self.module)

    def to(self, device: torch.device) -> "FrozenImages":
        """The same encoder on a device; this one stays where it is."""
        module = _moved(self.module, self.device, device)
        return replace(self, module=module, device=device, check=None)

    # no_grad and not inference_mode: what comes out may enter somebody's training
    @torch.no_grad()
    def encode(
        self,
        images: Float[Tensor, "items channels rows cols"],
        *,
        tokens: bool = False,
        stages: bool = False,
    ) -> Encoded:
        """Pooled features (tokens and stages where asked for), on its device; no gradient.

        They are float32, whatever the encoder computes in.

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
        with _same_kernels(self.device):
            found: Encoded = self.module(images.to(self.device, getattr(torch, self.card.dtype)))
        maps = found.stages if stages and self.card.stages else None
        return Encoded(
            pooled=found.pooled.float(),
            tokens=found.tokens.float() if tokens and found.tokens is not None else None,
            stages=None if maps is None else tuple(each.float() for each in maps),
        )


@runtime_checkable
class Words(Protocol):
    """A module of a text encoder that shows a text's words before it makes one vector of them."""

    def word_vectors(
        self, numbers: Int[Tensor, "texts words"]
    ) -> Float[Tensor, "texts words width"]:
        """A vector a word, what the tokenizer puts around them included."""
        ...

    def pool(self, words: Float[Tensor, "texts words width"]) -> Float[Tensor, "texts dim"]:
        """The one vector that calling the module gives."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenTexts:
    """A text encoder around a module that gives the pooled features of one text.

    Texts go through one at a time: padding them to a common length moves the last bits
    (1e-6 measured for MiniLM), and a text's numbers must not depend on its company.

    Attributes:
        card: Who it is.
        module: Token numbers (1, words) to pooled (1, dim); a `Words` where the card has a
            `token_dim`.
        tokenise: A text to its token numbers, cut to the card's `max_tokens`.
        device: Where the module is.
        check: How its numbers stood to the golden ones when it was loaded.
    """

    card: EncoderCard
    module: nn.Module
    tokenise: Callable[[str], list[int]]
    device: torch.device = _CPU
    check: SelfCheck | None = None

    def __post_init__(self) -> None:
        _freeze(self.module)

    def to(self, device: torch.device) -> "FrozenTexts":
        """The same encoder on a device; this one stays where it is."""
        module = _moved(self.module, self.device, device)
        return replace(self, module=module, device=device, check=None)

    @torch.no_grad()
    def encode(self, texts: tuple[str, ...]) -> Encoded:
        """Pooled features, a row a text, on the encoder's device; no gradient."""
        none = torch.zeros((0, self.card.dim), device=self.device)
        return Encoded(pooled=torch.cat([none, *(self._row(text) for text in texts)]))

    @torch.no_grad()
    def encode_words(self, text: str) -> Encoded:
        """Pooled features of one text, and its words as tokens (1, words, token_dim); no gradient.

        Raises:
            Mismatch: where the encoder shows no words.
        """
        if not isinstance(self.module, Words):
            raise Mismatch(f"{self.card.name!r} gives no tokens; ask for pooled features alone.")
        words = self.module.word_vectors(self._numbers(text))
        return Encoded(pooled=self.module.pool(words).float(), tokens=words.float())

    def _row(self, text: str) -> Float[Tensor, "1 dim"]:
        pooled: Tensor = self.module(self._numbers(text))
        return pooled.float()

    def _numbers(self, text: str) -> Int[Tensor, "1 words"]:
        return torch.tensor([self.tokenise(text)], device=self.device)


def pooled_map(
    features: Float[Tensor, "items width rows cols"],
    stages: tuple[Float[Tensor, "items _ _ _"], ...] | None = None,
) -> Encoded:
    """The mean over a map, the map as tokens, row by row, and the stages before it."""
    return Encoded(
        pooled=features.mean(dim=(2, 3)),
        tokens=features.flatten(2).transpose(1, 2),
        stages=stages,
    )


def last_of_each_size(
    maps: Iterable[Float[Tensor, "items _ _ _"]],
) -> tuple[Float[Tensor, "items _ _ _"], ...]:
    """Of maps that shrink on their way, the last before each time they do, and the last of all."""
    kept: dict[tuple[int, ...], Tensor] = {}
    for each in maps:
        kept[tuple(each.shape[2:])] = each
    return tuple(kept.values())


def in_dtype(encoder: FrozenImages | FrozenTexts, dtype: str) -> FrozenImages | FrozenTexts:
    """The same encoder, its weights rounded to another type that it then computes in.

    Raises:
        InvalidValue: for a type that is none of `DTYPES`.
    """
    card = replace(encoder.card, dtype=dtype)
    if card == encoder.card:
        return encoder
    rounded = deepcopy(encoder.module).to(getattr(torch, dtype))
    return replace(encoder, card=card, module=rounded, check=None)


def channels_last(module: nn.Module) -> None:
    """Lay the kernels of 2-d convolutions out as CPUs and tensor cores like them, in place."""
    for weights in module.parameters():
        if weights.dim() == 4:
            weights.data = weights.data.contiguous(memory_format=torch.channels_last)


def _same_kernels(device: torch.device) -> AbstractContextManager[None]:
    """On a GPU: cuDNN would else try kernels and keep the fastest of the day, or round to TF32.

    Its flags are of the whole process, and on the CPU several threads may encode at once.
    """
    if device.type != "cuda":
        return nullcontext()
    steady: AbstractContextManager[None] = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    return steady


def _freeze(module: nn.Module) -> None:
    module.eval().requires_grad_(False)


def _moved(module: nn.Module, here: torch.device, there: torch.device) -> nn.Module:
    """The module itself where it is there already, else a copy: `nn.Module.to` moves in place."""
    return module if here == there else deepcopy(module).to(there)

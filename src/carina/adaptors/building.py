"""The one way to make a decoder for an encoder."""

import torch

from carina.adaptors.decoders import Convolutional, Decoder, DecoderConfig, FrozenUNet
from carina.core import Mismatch
from carina.encoders import EncoderCard

__all__ = ["build_decoder", "fitting_decoder", "outputs_needed"]


def fitting_decoder(card: EncoderCard) -> DecoderConfig:
    """The U-Net where an encoder gives stages for its skips, else the convolutions over tokens."""
    return FrozenUNet() if card.stages else Convolutional()


def outputs_needed(config: DecoderConfig, card: EncoderCard) -> tuple[str, ...]:
    """What must be kept of an encoder for a decoder to stand on, as the store names outputs.

    Raises:
        Mismatch: where the encoder gives no grid, or no stages where they are skips.
    """
    if not card.token_dim or 0 in card.grid:
        raise Mismatch(
            f"{card.name!r} gives one vector an image and no grid, so nothing tells where on a "
            "film something is. Take an encoder with a grid; carina encoders --json shows it."
        )
    if isinstance(config, FrozenUNet):
        if not card.stages:
            raise Mismatch(
                f"{card.name!r} gives no stages for a U-Net's skips. Take the decoder that reads "
                "patch tokens alone: decoder kind Convolutional."
            )
        return ("pooled", "tokens", "stages")
    return ("pooled", "tokens")


def build_decoder(config: DecoderConfig, card: EncoderCard, generator: torch.Generator) -> Decoder:
    """The decoder for an encoder, its weights drawn from the generator.

    Raises:
        Mismatch: as `outputs_needed`.
    """
    outputs_needed(config, card)
    assert card.preprocess is not None  # noqa: S101 - a card with a grid has one
    size = card.preprocess.size
    if isinstance(config, FrozenUNet):
        widths = tuple(stage.width for stage in card.stages if size // stage.stride > card.grid[0])
        return config.build(card.token_dim, widths, card.grid, size, generator)
    return config.build(card.token_dim, card.grid, size, generator)

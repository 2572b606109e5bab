"""Decoders: small learned networks from what a frozen encoder gives to a mask, one form a file.

A decoder takes tokens (items, cells, width) and stages, and gives logits (items, rows, cols) of
every pixel of the encoder's input.
"""

from carina.adaptors.decoders.convolutional import Convolutional as Convolutional
from carina.adaptors.decoders.convolutional import ConvolutionalDecoder as ConvolutionalDecoder
from carina.adaptors.decoders.frozen_unet import FrozenUNet as FrozenUNet
from carina.adaptors.decoders.frozen_unet import FrozenUNetDecoder as FrozenUNetDecoder

DecoderConfig = FrozenUNet | Convolutional
"""Every built-in form; its class name is its ``kind`` in JSON and TOML."""

Decoder = FrozenUNetDecoder | ConvolutionalDecoder
"""A decoder built for an encoder."""

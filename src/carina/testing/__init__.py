"""Contracts that plugins subclass, one module for each kind of plugin."""

from carina.testing.adaptors import AdaptorContract as AdaptorContract
from carina.testing.encoders import ImageEncoderContract as ImageEncoderContract
from carina.testing.encoders import TextEncoderContract as TextEncoderContract

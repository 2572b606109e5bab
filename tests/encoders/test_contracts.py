"""The shipped contracts, run on every built-in encoder."""

import pytest

from carina.encoders import ImageEncoder, TextEncoder, load_image_encoder, load_text_encoder
from carina.testing import ImageEncoderContract, TextEncoderContract


class TestToyImage(ImageEncoderContract):
    @pytest.fixture
    def encoder(self) -> ImageEncoder:
        return load_image_encoder("toy-image")


class TestToyText(TextEncoderContract):
    @pytest.fixture
    def encoder(self) -> TextEncoder:
        return load_text_encoder("toy-text")


class TestEfficientNet(ImageEncoderContract):
    @pytest.fixture
    def encoder(self, efficientnet: ImageEncoder) -> ImageEncoder:
        return efficientnet


class TestMobileNet(ImageEncoderContract):
    @pytest.fixture
    def encoder(self, mobilenet: ImageEncoder) -> ImageEncoder:
        return mobilenet


class TestMiniLM(TextEncoderContract):
    @pytest.fixture
    def encoder(self, minilm: TextEncoder) -> TextEncoder:
        return minilm

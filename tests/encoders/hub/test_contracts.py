"""The shipped contracts, run on every family that is read from a folder."""

from collections.abc import Callable
from typing import Any

import pytest

from carina.encoders import ImageEncoder, TextEncoder
from carina.testing import ImageEncoderContract, TextEncoderContract


class TestImageContracts(ImageEncoderContract):
    @pytest.fixture(
        params=["dinov2:mine", "dinov2:registers", "siglip:mine/image", "clip:mine/image"]
    )
    def encoder(self, request: pytest.FixtureRequest, loaded: Callable[[str], Any]) -> ImageEncoder:
        found: ImageEncoder = loaded(request.param)
        return found


class TestTextContracts(TextEncoderContract):
    @pytest.fixture(
        params=["bert:mine/cls", "bert:mine/mean", "siglip:mine/text", "clip:mine/text"]
    )
    def encoder(self, request: pytest.FixtureRequest, loaded: Callable[[str], Any]) -> TextEncoder:
        found: TextEncoder = loaded(request.param)
        return found

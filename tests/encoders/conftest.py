"""Encoders loaded once for this room."""

from pathlib import Path

import pytest

from carina.encoders import ImageEncoder, TextEncoder, load_image_encoder, load_text_encoder


@pytest.fixture(scope="session")
def efficientnet() -> ImageEncoder:
    return load_image_encoder("efficientnet-lite0")


@pytest.fixture(scope="session")
def mobilenet_weights(shared: Path) -> Path:
    return shared / "data" / "cxr" / "weights" / "mbv3_cxr14.safetensors"


@pytest.fixture(scope="session")
def mobilenet(mobilenet_weights: Path) -> ImageEncoder:
    return load_image_encoder("mobilenet-cxr14", weights=mobilenet_weights)


@pytest.fixture(scope="session")
def minilm() -> TextEncoder:
    return load_text_encoder("minilm-l6")

"""Families that stand on transformers make ONNX files too."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from carina.encoders import export_onnx


@pytest.mark.parametrize("name", ["dinov2:mine", "dinov2:registers", "siglip:mine/image"])
def test_onnxruntime_gives_torchs_numbers(
    name: str, loaded: Callable[[str], Any], tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime", reason="the packages of carina[onnx] are not here")

    parity = export_onnx(loaded(name), tmp_path / "encoder.onnx")

    assert parity.difference < 1e-4
    assert "pooled" in parity.outputs

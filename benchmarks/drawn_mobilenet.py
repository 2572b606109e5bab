"""MobileNetV3-small with drawn weights, in the form of the published file: what it costs hangs on its form.

Howard et al., Searching for MobileNetV3, ICCV 2019, table 2, with squeezes as the file has them.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file

__all__ = ["LITTLE", "SMALL", "Block", "write_drawn"]


@dataclass(frozen=True, slots=True)
class Block:
    """One bottleneck, key by key as the published file names it."""

    kernel: int
    inp: int
    exp: int
    out: int
    stride: int
    act: str
    se: bool
    residual: bool
    shortcut_conv: bool = False


SMALL = (
    Block(3, 16, 16, 16, 2, "relu", se=True, residual=False),
    Block(3, 16, 72, 24, 2, "relu", se=False, residual=False),
    Block(3, 24, 88, 24, 1, "relu", se=False, residual=True),
    Block(5, 24, 96, 40, 2, "hardswish", se=True, residual=False),
    Block(5, 40, 240, 40, 1, "hardswish", se=True, residual=True),
    Block(5, 40, 240, 40, 1, "hardswish", se=True, residual=True),
    Block(5, 40, 120, 48, 1, "hardswish", se=True, residual=True, shortcut_conv=True),
    Block(5, 48, 144, 48, 1, "hardswish", se=True, residual=True),
    Block(5, 48, 288, 96, 2, "hardswish", se=True, residual=False),
    Block(5, 96, 576, 96, 1, "hardswish", se=True, residual=True),
    Block(5, 96, 576, 96, 1, "hardswish", se=True, residual=True),
)
"""The published network."""
LITTLE = (Block(3, 16, 16, 24, 4, "relu", se=True, residual=False),)
"""One for tests."""


def write_drawn(path: Path, blocks: tuple[Block, ...]) -> None:
    """A file of weights, and beside it the layers."""
    stem, last, head = blocks[0].inp, blocks[-1].out, 576
    shapes = {"conv1": (stem, 1, 3, 3), "conv2": (head, last, 1, 1)}
    for place, block in enumerate(blocks):
        name, squeezed = f"bneck.{place}", block.out // 4
        shapes[f"{name}.conv1"] = (block.exp, block.inp, 1, 1)
        shapes[f"{name}.conv2"] = (block.exp, 1, block.kernel, block.kernel)
        shapes[f"{name}.conv3"] = (block.out, block.exp, 1, 1)
        if block.se:
            shapes[f"{name}.se.1"] = (squeezed, block.out, 1, 1)
            shapes[f"{name}.se.4"] = (block.out, squeezed, 1, 1)
        if block.shortcut_conv:
            shapes[f"{name}.shortcut.0"] = (block.out, block.inp, 1, 1)
    drawn, tensors = torch.Generator().manual_seed(0), {}
    for name, shape in shapes.items():
        scale = (2 / torch.Size(shape[1:]).numel()) ** 0.5
        tensors[f"{name}.weight"] = torch.randn(shape, generator=drawn) * scale
        tensors[f"{name}.bias"] = torch.zeros(shape[0])
    save_file(tensors, path)
    layers = {
        "input": "",
        "stem": {"out": stem, "kernel": 3, "stride": 2, "act": "hardswish"},
        "blocks": [asdict(block) for block in blocks],
        "head_conv": {"out": head, "act": "hardswish"},
        "pool": "",
        "mlp": [],
        "se": "",
        "note": "",
        "classes": [],
    }
    path.with_suffix(".json").write_text(json.dumps(layers), encoding="utf-8")

"""An image encoder as one ONNX file, for machines without torch; checked before it is kept."""

from pathlib import Path
from typing import TypeGuard

from carina.core import InvalidValue, write_bytes
from carina.encoders.frozen import FrozenImages
from carina.encoders.onnx_model import OnnxParity, onnx_model, outputs_of
from carina.encoders.protocol import ImageEncoder

__all__ = ["export_onnx"]


def export_onnx(encoder: ImageEncoder, path: Path) -> OnnxParity:
    """Write an image encoder as ONNX, and say how near onnxruntime comes to it.

    The file takes prepared images (items, channels, rows, columns), float32, any number of them,
    and gives ``pooled`` and, where the card has them, ``tokens``. Its metadata hold the card under
    ``carina.card``, by which an image is prepared; nothing of it names a place on this machine.

    Args:
        encoder: Of a family that runs in torch, in float32 on the CPU.
        path: The file to write; there is none yet.

    Raises:
        MissingFile: where the packages are not installed, with how to install them.
        InvalidValue: where the encoder cannot be exported, or the file is there already.
        Mismatch: where onnxruntime gives other numbers than torch; nothing is written then.
    """
    if not _by_torch_on_cpu(encoder):
        raise InvalidValue(
            f"{encoder.card.name} cannot be written as ONNX: wanted an encoder that runs in torch, "
            "on the CPU."
        )
    if encoder.card.dtype != "float32":
        raise InvalidValue(
            f"ONNX is written in float32; {encoder.card.name} computes in {encoder.card.dtype}."
        )
    if path.exists():
        raise InvalidValue(f"{path.name} is there already. Name another file, or remove it.")
    model, parity = onnx_model(encoder, outputs_of(encoder.card, stages=False))
    write_bytes(path, model)
    return parity


def _by_torch_on_cpu(encoder: ImageEncoder) -> TypeGuard[FrozenImages]:
    return (
        isinstance(encoder, FrozenImages)
        and encoder.device.type == "cpu"
        and encoder.card.engine == "torch"
    )

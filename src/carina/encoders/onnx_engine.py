"""onnxruntime in torch's place: the same frozen encoder, quicker on a CPU."""

from dataclasses import replace
from typing import Any, Never

from jaxtyping import Float
from torch import Tensor, nn

from carina.core import InvalidValue
from carina.encoders.card import ONNX
from carina.encoders.frozen import FrozenImages
from carina.encoders.given import GivenImages, GivenTexts
from carina.encoders.onnx_model import onnx_model, outputs_of, run_session, session_of
from carina.encoders.protocol import Encoded, ImageEncoder, TextEncoder

__all__ = ["by_onnxruntime"]


class _Session(nn.Module):
    """What stands where the module of torch stood; any number of threads may call it."""

    def __init__(self, model: bytes, outputs: tuple[str, ...]) -> None:
        super().__init__()
        self.session = session_of(model)
        self.outputs = outputs

    def forward(self, images: Float[Tensor, "items channels rows cols"]) -> Encoded:
        return run_session(self.session, self.outputs, images)

    def __deepcopy__(self, memo: dict[int, Any]) -> Never:
        raise InvalidValue(
            "onnxruntime runs encoders on the CPU alone, in float32. For another device or type: "
            "engine torch."
        )


def by_onnxruntime(encoder: ImageEncoder | TextEncoder) -> FrozenImages:
    """The same image encoder, run by onnxruntime in one thread a call.

    The model is made and held against torch whenever it is loaded, which takes seconds; nothing is
    kept on the disk. To a store it is another encoder, since the last bits are others.

    Args:
        encoder: Of a family that runs in torch, in float32 on the CPU.

    Raises:
        MissingFile: where the packages are not installed, with how to install them.
        InvalidValue: where the encoder reads texts, comes from a file of features, computes in
            another type, or cannot be exported.
        Mismatch: where onnxruntime gives other numbers than torch.
    """
    card = encoder.card
    if not isinstance(encoder, FrozenImages) or card.dtype != "float32":
        raise InvalidValue(
            f"onnxruntime runs image encoders in float32; {card.name} {_what(encoder)}. Use engine "
            "torch."
        )
    outputs = outputs_of(card, stages=True)
    model, _ = onnx_model(encoder, outputs)
    return replace(
        encoder, card=replace(card, engine=ONNX), module=_Session(model, outputs), check=None
    )


def _what(encoder: ImageEncoder | TextEncoder) -> str:
    if isinstance(encoder, GivenImages | GivenTexts):
        return "comes from a file of features"
    if encoder.card.modality == "text":
        return "reads texts"
    if isinstance(encoder, FrozenImages):
        return f"computes in {encoder.card.dtype}"
    return "does not run in torch"

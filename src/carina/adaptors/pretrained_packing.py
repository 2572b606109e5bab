"""A pre-trained Adaptor as plain values and named tensors, and back to the last bit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from carina.adaptors.cross_modal_forms import CrossModalConfig
from carina.adaptors.packing import unshared
from carina.adaptors.pretrained import PretrainedAdaptor
from carina.core import Mismatch, dump, load

__all__ = ["pack_pretrained", "unpack_pretrained"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedPretrained:
    """A `PretrainedAdaptor` but for its tensors."""

    config: CrossModalConfig
    image_dim: int
    text_dim: int
    image_encoder: str
    text_encoder: str
    data: str
    pairs: int
    patients: int


def pack_pretrained(adaptor: PretrainedAdaptor) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Plain values for JSON, and tensors for safetensors, named as its module names them."""
    packed = PackedPretrained(
        config=adaptor.config,
        image_dim=adaptor.image_dim,
        text_dim=adaptor.text_dim,
        image_encoder=adaptor.image_encoder,
        text_encoder=adaptor.text_encoder,
        data=adaptor.data,
        pairs=adaptor.pairs,
        patients=adaptor.patients,
    )
    return dump(packed), unshared(adaptor.tensors)


def unpack_pretrained(plain: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> PretrainedAdaptor:
    """The Adaptor that `pack_pretrained` took apart.

    Raises:
        ConfigError: where the plain values are not an Adaptor's.
        Mismatch: where the tensors are of another form.
    """
    packed = load(plain, PackedPretrained, what="pre-trained Adaptor")
    module = packed.config.build(
        image_dim=packed.image_dim, text_dim=packed.text_dim, generator=torch.Generator()
    )
    shapes = {name: tuple(t.shape) for name, t in module.state_dict().items()}
    if shapes != {name: tuple(t.shape) for name, t in tensors.items()}:
        raise Mismatch("The tensors of the Adaptor are not those of the form it names.")
    module.load_state_dict(tensors)
    return PretrainedAdaptor(
        config=packed.config,
        module=module.eval(),
        image_dim=packed.image_dim,
        text_dim=packed.text_dim,
        image_encoder=packed.image_encoder,
        text_encoder=packed.text_encoder,
        data=packed.data,
        pairs=packed.pairs,
        patients=packed.patients,
    )

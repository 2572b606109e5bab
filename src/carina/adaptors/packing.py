"""A readout as plain values and named tensors, and back to the last bit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from carina.adaptors.alignment import Alignment, RidgeAlignment
from carina.adaptors.lifts import Lift, LiftConfig
from carina.adaptors.readout import (
    CacheReadout,
    Combine,
    LinearReadout,
    PromptReadout,
    Readout,
)
from carina.adaptors.sides import Sides
from carina.core import Mismatch, dump, load

__all__ = ["pack", "pack_alignment", "readout_bytes", "unpack", "unpack_alignment", "unshared"]

_CACHED = ("keys", "values", "text", "alpha", "beta")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedRidge:
    """A `RidgeAlignment` but for its tensors."""

    penalty: float
    explained: float
    pairs: int
    patients: int
    image_encoder: str
    text_encoder: str
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedLinear:
    """A `LinearReadout` but for its tensors."""

    labels: tuple[str, ...]
    normalise: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedLifted:
    """A `LinearReadout` over a lift but for its tensors.

    Attributes:
        lift: What the lift is drawn anew from.
        dim: Width of the rows it takes.
        digest: The lift's, which what is drawn anew must have too.
    """

    labels: tuple[str, ...]
    normalise: bool
    lift: LiftConfig
    dim: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedPrompt:
    """A `PromptReadout` but for its tensors."""

    labels: tuple[str, ...]
    sides: Sides
    image_dim: int
    text_dim: int
    scale: float
    combine: Combine
    normalise: bool
    alignment: PackedRidge | None
    weighted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedCache:
    """A `CacheReadout` but for its tensors."""

    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """One of them, told apart by its ``kind``."""

    readout: PackedLinear | PackedLifted | PackedPrompt | PackedCache


def pack(readout: Readout) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Plain values for JSON, and tensors for safetensors: contiguous, none sharing storage.

    Tensors are named ``head.*``, ``image.*``, ``text.*`` (not where it is the image side's),
    ``prompts.*``, ``alignment.*``, ``rows.*`` and, where prompts have weights, ``weights.prompts``.
    """
    match readout:
        case LinearReadout():
            packed = Packed(readout=_packed_linear(readout))
            tensors = {"head.weight": readout.weight, "head.bias": readout.bias}
        case PromptReadout():
            ridge, around = _packed_ridge(readout.alignment)
            packed = Packed(
                readout=PackedPrompt(
                    labels=readout.labels,
                    sides=readout.adaptors.sides,
                    image_dim=readout.adaptors.image_dim,
                    text_dim=readout.adaptors.text_dim,
                    scale=readout.scale,
                    combine=readout.combine,
                    normalise=readout.normalise,
                    alignment=ridge,
                    weighted=readout.weights is not None,
                )
            )
            tensors = {
                **readout.adaptors.state(),
                "prompts.positive": readout.positive,
                "prompts.negative": readout.negative,
                **around,
                **({} if readout.weights is None else {"weights.prompts": readout.weights}),
            }
        case CacheReadout():
            packed = Packed(readout=PackedCache(labels=readout.labels))
            tensors = {f"rows.{name}": getattr(readout, name) for name in _CACHED}
    own = {
        name: tensor.detach().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    return dump(packed), own


def unpack(plain: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Readout:
    """The readout that `pack` took apart.

    Raises:
        ConfigError: where the plain values are not a readout's.
        Mismatch: where tensors are missing, too many, or of another shape, or a lift drawn anew is
            not the one that was packed.
    """
    packed = load(plain, Packed, what="readout").readout
    left = dict(tensors)

    def taken(name: str) -> Tensor:
        return _taken(left, name)

    readout: Readout
    match packed:
        case PackedLinear():
            readout = LinearReadout(
                labels=packed.labels,
                weight=taken("head.weight"),
                bias=taken("head.bias"),
                normalise=packed.normalise,
            )
        case PackedLifted():
            readout = LinearReadout(
                labels=packed.labels,
                weight=taken("head.weight"),
                bias=taken("head.bias"),
                normalise=packed.normalise,
                lift=_drawn_anew(packed),
            )
        case PackedPrompt():
            blank = packed.sides.build(
                image_dim=packed.image_dim, text_dim=packed.text_dim, generator=torch.Generator()
            )
            readout = PromptReadout(
                labels=packed.labels,
                positive=taken("prompts.positive"),
                negative=taken("prompts.negative"),
                adaptors=blank.loaded({name: taken(name) for name in blank.state()}),
                alignment=None if packed.alignment is None else _ridge(packed.alignment, taken),
                scale=packed.scale,
                combine=packed.combine,
                normalise=packed.normalise,
                weights=taken("weights.prompts") if packed.weighted else None,
            )
        case PackedCache():
            cached = {name: taken(f"rows.{name}") for name in _CACHED}
            readout = CacheReadout(labels=packed.labels, **cached)
    if left:
        raise Mismatch(f"The readout has no place for a tensor {min(left)!r} ({len(left)} in all).")
    return readout


def pack_alignment(alignment: Alignment) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """An alignment by itself, as `pack` takes a readout apart; tensors are named ``alignment.*``."""
    ridge, tensors = _packed_ridge(alignment)
    return dump(ridge), {
        name: tensor.detach().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }


def unpack_alignment(plain: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Alignment:
    """The alignment that `pack_alignment` took apart.

    Raises:
        ConfigError: where the plain values are not an alignment's.
        Mismatch: where a tensor is missing.
    """
    left = dict(tensors)
    return _ridge(load(plain, PackedRidge, what="alignment"), lambda name: _taken(left, name))


def readout_bytes(readout: Readout) -> dict[str, int]:
    """Bytes it keeps by kind: "adaptor", "head", "prompts", "alignment", "rows"; no kind it lacks."""
    kinds = {"head", "prompts", "alignment", "rows"}
    kept: dict[str, int] = {}
    for name, tensor in pack(readout)[1].items():
        start = name.partition(".")[0]
        kind = start if start in kinds else "adaptor"
        kept[kind] = kept.get(kind, 0) + tensor.nbytes
    return kept


def _packed_linear(readout: LinearReadout) -> PackedLinear | PackedLifted:
    if readout.lift is None:
        return PackedLinear(labels=readout.labels, normalise=readout.normalise)
    return PackedLifted(
        labels=readout.labels,
        normalise=readout.normalise,
        lift=readout.lift.config,
        dim=readout.lift.dim,
        digest=readout.lift.digest,
    )


def _drawn_anew(packed: PackedLifted) -> Lift:
    lift = packed.lift.build(packed.dim)
    if lift.digest != packed.digest:
        raise Mismatch(
            f"The {type(packed.lift).__name__} drawn anew is not the one these heads were learned "
            f"over: numpy {np.__version__} draws other numbers from its seed than the numpy they "
            "were made with. Use that one, or learn them again."
        )
    return lift


def _taken(left: dict[str, Tensor], name: str) -> Tensor:
    if name not in left:
        raise Mismatch(f"The tensor {name!r} is missing; the file is not whole.")
    return left.pop(name)


def _ridge(packed: PackedRidge, taken: Callable[[str], Tensor]) -> RidgeAlignment:
    return RidgeAlignment(
        weight=taken("alignment.weight"),
        image_mean=taken("alignment.image_mean"),
        text_mean=taken("alignment.text_mean"),
        **dump(packed),
    )


def _packed_ridge(
    alignment: RidgeAlignment | None,
) -> tuple[PackedRidge | None, dict[str, Tensor]]:
    if alignment is None:
        return None, {}
    ridge = PackedRidge(
        penalty=alignment.penalty,
        explained=alignment.explained,
        pairs=alignment.pairs,
        patients=alignment.patients,
        image_encoder=alignment.image_encoder,
        text_encoder=alignment.text_encoder,
        data=alignment.data,
    )
    return ridge, {
        "alignment.weight": alignment.weight,
        "alignment.image_mean": alignment.image_mean,
        "alignment.text_mean": alignment.text_mean,
    }


def unshared(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors that share no storage, as safetensors wants them; most already do not.

    A tensor that is whole and alone stays itself; any other is copied.
    """
    seen: set[int] = set()
    apart: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        place = tensor.untyped_storage().data_ptr()
        whole = tensor.is_contiguous() and tensor.nbytes == tensor.untyped_storage().nbytes()
        if whole and place not in seen:
            apart[name] = tensor
        else:
            apart[name] = tensor.clone(memory_format=torch.contiguous_format)
        seen.add(place)
    return apart

"""Readouts through JSON and safetensors, and back to the last bit."""

import json
from dataclasses import replace
from typing import Any

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor

from carina.adaptors import (
    AdaptorConfig,
    CacheReadout,
    ClipAdapter,
    Combine,
    Identity,
    Linear,
    LinearReadout,
    Mlp,
    PromptReadout,
    Readout,
    RidgeAlignment,
    Sharing,
    Sides,
    pack,
    pack_alignment,
    readout_bytes,
    unpack,
    unpack_alignment,
    unshared,
)
from carina.core import ConfigError, Mismatch


def numbers(seed: int, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def head(dtype: torch.dtype = torch.float64, *, normalise: bool = True) -> LinearReadout:
    weight = numbers(0, 20, 3, dtype=dtype).T
    return LinearReadout(
        labels=("a", "b", "c"), weight=weight, bias=weight[:, 0], normalise=normalise
    )


def prompted(
    adaptor: AdaptorConfig, sharing: Sharing = Sharing.DOUBLE, *, aligned: bool = False
) -> PromptReadout:
    alignment = RidgeAlignment(
        weight=numbers(1, 128, 20),
        image_mean=numbers(2, 20),
        text_mean=numbers(3, 128),
        penalty=0.1,
        explained=-0.25,
        pairs=9,
        patients=8,
        image_encoder="image",
        text_encoder="text",
        data="data",
    )
    both = numbers(4, 2, 2, 4, 128)
    return PromptReadout(
        labels=("a", "b"),
        positive=both[0],
        negative=both[1],
        adaptors=Sides(adaptor=adaptor, sharing=sharing).build(
            image_dim=128, text_dim=128, generator=torch.Generator().manual_seed(0)
        ),
        alignment=alignment if aligned else None,
        scale=14.285714149475098,
        combine=Combine.MAX,
        normalise=True,
    )


def weighted() -> PromptReadout:
    return replace(prompted(Mlp()), combine=Combine.MEAN, weights=numbers(8, 2, 4))


def cache(labels: int = 2) -> CacheReadout:
    wide = torch.float64
    return CacheReadout(
        labels=("a", "b")[:labels],
        keys=numbers(5, 2, 7, 20, dtype=wide)[:labels],
        values=numbers(6, 2, 7, dtype=wide)[:labels],
        text=numbers(7, 2, 20, dtype=wide)[:labels],
        alpha=numbers(8, 2, dtype=wide)[:labels],
        beta=numbers(9, 2, dtype=wide).abs()[:labels],
    )


def carried(readout: Readout) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What is left of a packed readout after a file."""
    plain, tensors = pack(readout)
    return json.loads(json.dumps(plain, allow_nan=False)), load(save(tensors))


EVERY: dict[str, Readout] = {
    "head": head(),
    "single precision head": head(torch.float32, normalise=False),
    "empty head": LinearReadout(
        labels=(), weight=torch.zeros(0, 20), bias=torch.zeros(0), normalise=True
    ),
    "bare": prompted(Identity()),
    "aligned": prompted(Mlp(hidden=5), aligned=True),
    "weighted": weighted(),
    "cache": cache(),
    "empty cache": cache(0),
    "clip-adapter": prompted(ClipAdapter(), Sharing.IMAGE),
    **{f"mlp {sharing}": prompted(Mlp(), sharing) for sharing in Sharing},
    **{f"dense {sharing}": prompted(Linear(), sharing) for sharing in Sharing},
}


@pytest.mark.parametrize("name", EVERY)
def test_a_packed_readout_comes_back_to_the_last_bit(name: str) -> None:
    readout = EVERY[name]
    back = unpack(*carried(readout))
    features = numbers(9, 7, readout.dim)
    before, after = readout(features), back(features)

    assert torch.equal(before.difference, after.difference)
    assert (before.positive is None) == (after.positive is None)
    assert back.labels == readout.labels
    assert pack(back)[0] == pack(readout)[0]
    assert all(torch.equal(t, pack(readout)[1][key]) for key, t in pack(back)[1].items())


def test_a_shared_side_stays_shared() -> None:
    back = unpack(*carried(prompted(Mlp(), Sharing.SHARED)))

    assert isinstance(back, PromptReadout)
    assert back.adaptors.shared


def test_packing_copies_so_that_later_learning_does_not_reach_it() -> None:
    readout = prompted(Mlp())
    _, tensors = pack(readout)
    before = {name: tensor.clone() for name, tensor in tensors.items()}
    with torch.no_grad():
        for weight in readout.adaptors.parameters():
            weight.zero_()

    assert all(torch.equal(tensors[name], before[name]) for name in before)


def test_bytes_are_told_by_kind() -> None:
    assert readout_bytes(head()) == {"head": 8 * (3 * 20 + 3)}
    assert readout_bytes(prompted(Mlp(), Sharing.SHARED, aligned=True)) == {
        "adaptor": 4 * 65_920,
        "prompts": 4 * 2 * 2 * 4 * 128,
        "alignment": 4 * (128 * 20 + 20 + 128),
    }
    assert readout_bytes(prompted(Linear())) == {
        "adaptor": 4 * 2 * 16_512,
        "prompts": 4 * 2 * 2 * 4 * 128,
    }


def test_weights_of_prompts_count_as_what_was_learned() -> None:
    own = readout_bytes(weighted())

    assert own["adaptor"] == readout_bytes(prompted(Mlp()))["adaptor"] + 4 * 2 * 4
    assert own["prompts"] == readout_bytes(prompted(Mlp()))["prompts"]


def test_a_readout_packed_before_there_were_weights_still_comes_back() -> None:
    plain, tensors = carried(prompted(Mlp()))
    del plain["readout"]["weighted"]
    back = unpack(plain, tensors)

    assert isinstance(back, PromptReadout)
    assert back.weights is None


def test_missing_surplus_and_foreign_tensors_are_refused() -> None:
    plain, tensors = carried(head())

    with pytest.raises(Mismatch, match=r"'head.bias' is missing"):
        unpack(plain, {"head.weight": tensors["head.weight"]})
    with pytest.raises(Mismatch, match="no place for a tensor 'more'"):
        unpack(plain, {**tensors, "more": tensors["head.bias"]})
    plain, tensors = carried(weighted())
    with pytest.raises(Mismatch, match=r"'weights.prompts' is missing"):
        unpack(plain, {name: t for name, t in tensors.items() if name != "weights.prompts"})
    plain, tensors = carried(prompted(Mlp()))
    with pytest.raises(Mismatch, match="another form"):
        unpack(plain, {**tensors, "image.layer.0.bias": torch.zeros(3)})


def test_plain_values_that_are_no_readouts_are_refused() -> None:
    plain, tensors = carried(head())

    with pytest.raises(ConfigError, match="normalise"):
        unpack({"readout": {**plain["readout"], "normalise": "yes"}}, tensors)
    with pytest.raises(ConfigError, match="kind"):
        unpack({"readout": {"kind": "PackedForest"}}, tensors)


def test_an_alignment_comes_back_by_itself() -> None:
    alignment = prompted(Identity(), aligned=True).alignment
    assert alignment is not None
    plain, tensors = pack_alignment(alignment)
    back = unpack_alignment(json.loads(json.dumps(plain)), load(save(tensors)))

    assert back.fingerprint == alignment.fingerprint
    assert (back.pairs, back.explained) == (alignment.pairs, alignment.explained)
    with pytest.raises(Mismatch, match=r"'alignment.weight' is missing"):
        unpack_alignment(plain, {})


def test_tensors_that_share_storage_are_saved_apart_and_others_not_copied() -> None:
    whole, block = torch.ones(2), torch.arange(6.0).reshape(2, 3)
    tensors = {"whole": whole, "block": block, "row": block[1], "turned": block.T}
    back = load(save(unshared(tensors)))

    assert unshared(tensors)["whole"] is whole
    assert back.keys() == tensors.keys()
    assert all(torch.equal(back[name], tensor) for name, tensor in tensors.items())

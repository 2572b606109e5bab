"""A small network trained whole, step by step: what frozen encoders are measured against.

MobileNetV3-small (Howard et al., Searching for MobileNetV3, ICCV 2019) in carina's own module, with
one linear layer a finding on its pooled features, trained by masked binary cross-entropy. carina
itself trains no encoder; all of this stays here.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.parameter import Parameter

from carina.encoders import EncoderCard, FrozenImages, load_image_encoder
from carina.learning import Schedule
from carina.objectives import masked_bce
from carina.streams import View
from carina.studies import LabelSpace

ENCODER = "mobilenet-cxr14"
ROWS = 16  # films a pass when asked; more is no faster
_TURN, _SHIFT, _ZOOM, _CONTRAST = 7.0, 0.05, 0.08, 0.1


class Norm(StrEnum):
    """What becomes of batch norm, which the published weights have folded into the convolutions."""

    FOLDED = "folded"
    """It stays folded: its statistics are frozen for good, its scale and shift learn on."""
    BATCH = "batch"
    """Put back behind every convolution but those of squeezes: the statistics of each batch while
    training, running ones when asked. It is born so that the network answers as before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """How the network is trained; Adam throughout (Kingma and Ba, ICLR 2015).

    Attributes:
        norm: What becomes of batch norm.
        rate: Learning rate of the trunk.
        head: The head's learning rate, in multiples of the trunk's.
        schedule: How both run within an experience.
        weight_decay: Beside the gradient (Loshchilov and Hutter, ICLR 2019).
        batch: Films a step; always full.
        steps: Optimiser steps an experience.
        moved: Whether films are turned, shifted, scaled and brightened a little while training;
            never mirrored, since the heart has a side.
        carry: Whether Adam's state goes on from one experience to the next.
    """

    norm: Norm = Norm.FOLDED
    rate: float = 1e-4
    head: float = 1.0
    schedule: Schedule = Schedule.CONSTANT
    weight_decay: float = 0.0
    batch: int = 16
    steps: int = 40
    moved: bool = False
    carry: bool = False


class Network(nn.Module):
    """The trunk, and one linear layer a finding, which begins at 0."""

    def __init__(self, trunk: nn.Module, *, dim: int, findings: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = nn.Linear(dim, findings)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, films: Float[Tensor, "items 1 rows cols"]) -> Float[Tensor, "items findings"]:
        """Logits."""
        logits: Tensor = self.head(self.trunk(films).pooled)
        return logits


def trunk_of(weights: Path) -> tuple[EncoderCard, nn.Module]:
    """The encoder's card, and its layers as the published file has them, with gradients."""
    encoder = load_image_encoder(ENCODER, weights=weights)
    assert isinstance(encoder, FrozenImages)
    return encoder.card, deepcopy(encoder.module).requires_grad_(True)


@torch.no_grad()
def put_norm_back(trunk: nn.Module, films: Float[Tensor, "items 1 rows cols"]) -> None:
    """Batch norm behind every convolution but those of squeezes, in place.

    Its statistics are those of these films, its scale and shift undo it, so that the trunk answers
    as before where it uses running statistics.

    Args:
        trunk: Without it.
        films: Films to learn from, on which the outputs of the convolutions are measured.
    """
    places = {
        name: module
        for name, module in trunk.named_modules()
        if isinstance(module, nn.Conv2d) and ".se." not in name
    }
    outputs: dict[str, Tensor] = {}
    hooks = [
        module.register_forward_hook(
            lambda _module, _inputs, output, name=name: outputs.update({name: output})
        )
        for name, module in places.items()
    ]
    trunk(films)
    for hook in hooks:
        hook.remove()
    for name, module in places.items():
        norm = nn.BatchNorm2d(module.out_channels)
        norm.running_var, norm.running_mean = torch.var_mean(
            outputs[name], dim=(0, 2, 3), correction=0
        )
        norm.weight.copy_((norm.running_var + norm.eps).sqrt())
        norm.bias.copy_(norm.running_mean)
        trunk.set_submodule(name, nn.Sequential(module, norm))


def learn(
    network: Network,
    carried: Mapping[str, Tensor],
    view: View,
    *,
    films: np.ndarray,
    space: LabelSpace,
    tuning: Tuning,
    rng: np.random.Generator,
) -> dict[str, Tensor]:
    """Train on one experience, in place, and give Adam's state where it is to be carried on.

    Args:
        network: What came out of the experience before.
        carried: Adam's state from there, by place of the parameter and name; may be empty.
        view: What may be seen; its features are row numbers of `films`.
        films: (films, 1, rows, cols), prepared.
        space: The findings of the head's columns.
        tuning: How.
        rng: Orders and moves the films.
    """
    network.train()
    parameters = list(network.parameters())
    adam = _adam(network, tuning)
    for name, tensor in carried.items():
        place, kind = name.split("/")
        # laid out as the parameter is: a state from a file steps to the same bits
        like = parameters[int(place)] if tensor.dim() else tensor
        adam.state[parameters[int(place)]][kind] = torch.empty_like(like).copy_(tensor)
    shown = view.known.any(dim=1).nonzero()[:, 0]
    rows = view.features[shown, 0].long().numpy()
    target, known = view.target[shown], view.known[shown]
    columns = torch.tensor(space.indices(view.labels))
    steps = tuning.steps if len(rows) else 0
    for step, batch in enumerate(islice(_batches(len(rows), tuning.batch, rng), steps)):
        seen = torch.from_numpy(films[rows[batch]])
        logits = network(_moved(seen, rng) if tuning.moved else seen)[:, columns]
        loss = masked_bce(logits, target[batch], known[batch])
        for group in adam.param_groups:
            falling = tuning.schedule is Schedule.LINEAR
            group["lr"] = group["initial_lr"] * ((1 - step / steps) if falling else 1)
        adam.zero_grad()
        torch.autograd.backward(loss)
        adam.step()
    return _state(adam, parameters) if tuning.carry else {}


@torch.no_grad()
def answer(
    network: Network, films: np.ndarray, rows: Int[np.ndarray, " rows"]
) -> Float[np.ndarray, "rows findings"]:
    """Logits of some films for every finding of the head."""
    network.eval()
    parts = [rows[start : start + ROWS] for start in range(0, len(rows), ROWS)]
    found = torch.cat([network(torch.from_numpy(films[part])) for part in parts])
    return found.double().numpy()


def _adam(network: Network, tuning: Tuning) -> torch.optim.AdamW:
    groups = [
        {"params": list(network.trunk.parameters()), "initial_lr": tuning.rate},
        {"params": list(network.head.parameters()), "initial_lr": tuning.rate * tuning.head},
    ]
    return torch.optim.AdamW(groups, lr=tuning.rate, weight_decay=tuning.weight_decay)


def _state(adam: torch.optim.AdamW, parameters: list[Parameter]) -> dict[str, Tensor]:
    return {
        f"{place}/{name}": tensor.detach()
        for place, parameter in enumerate(parameters)
        for name, tensor in adam.state[parameter].items()
    }


def _batches(
    rows: int, batch: int, rng: np.random.Generator
) -> Iterator[Int[np.ndarray, " batch"]]:
    """Full batches without end; every row once before any comes again."""
    waiting = rng.permutation(rows)
    while True:
        while len(waiting) < batch:
            waiting = np.concatenate([waiting, rng.permutation(rows)])
        yield waiting[:batch]
        waiting = waiting[batch:]


def _moved(
    films: Float[Tensor, "items 1 rows cols"], rng: np.random.Generator
) -> Float[Tensor, "items 1 rows cols"]:
    """Each film turned by up to 7 degrees, shifted by 5 % of a side, scaled by 8 %, and brightened."""
    count = len(films)
    angle = np.deg2rad(rng.uniform(-_TURN, _TURN, count))
    zoom = 1 + rng.uniform(-_ZOOM, _ZOOM, count)
    shift = rng.uniform(-2 * _SHIFT, 2 * _SHIFT, (2, count))  # of half a side
    cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
    maps = np.stack([np.stack([cos, -sin, shift[0]]), np.stack([sin, cos, shift[1]])])
    theta = torch.from_numpy(maps.transpose(2, 0, 1).astype(np.float32))
    grid = F.affine_grid(theta, list(films.shape), align_corners=False)
    seen = F.grid_sample(films, grid, padding_mode="border", align_corners=False)
    gain, lift = 1 + rng.uniform(-_CONTRAST, _CONTRAST, count), rng.uniform(-0.2, 0.2, count)
    tones = torch.from_numpy(np.stack([gain, lift]).astype(np.float32))[:, :, None, None, None]
    return seen * tones[0] + tones[1]

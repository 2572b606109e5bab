"""Whole networks that draw masks: the decoder over an unfrozen encoder, and a Transformer alone.

"unfrozen" goes on training EfficientNet-Lite0 itself, at a tenth of the decoder's rate, its batch
norms with the statistics they have. "transformer" is a small one from scratch on all training films:
patches of 16 x 16, 4 layers, 192 wide (1.9 million parameters), then carina's convolutional decoder.
All ways have the same films, order, loss and schedule. One thread; some minutes a way.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from math import cos, pi

import numpy as np
import torch
from torch import Tensor, nn

from carina.adaptors import Convolutional, build_decoder
from carina.core import generator
from carina.encoders import EncoderCard, FrozenImages, Preprocess, load_image_encoder, prepare
from carina.evaluation import MaskLine, judge_masks
from carina.features import MaskTable, read_masks
from carina.learning import Segmenting
from carina.measures import resample_patients
from carina.objectives import focal_dice
from carina.studies import Manifest, Marks, patient_codes, read_image

ENCODER = "efficientnet-lite0"
NETWORK = "whole network"
"""What predicts, on its line."""
WIDE, LAYERS, HEADS, PATCH = 192, 4, 3, 16


class Whole(nn.Module):
    """An encoder and a decoder as one network."""

    def __init__(self, trunk: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.trunk, self.decoder = trunk, decoder

    def forward(self, films: Tensor) -> Tensor:
        """Logits of every pixel."""
        found = self.trunk(films)
        logits: Tensor = self.decoder(found.tokens, found.stages)
        return logits

    def train(self, mode: bool = True) -> "Whole":
        """The trunk's batch norms keep the statistics they have."""
        super().train(mode)
        self.trunk.eval()
        return self


class Transformer(nn.Module):
    """Patches, positions, layers, then a decoder over the grid."""

    def __init__(self, size: int, channels: int, decoder: nn.Module) -> None:
        super().__init__()
        cells = (size // PATCH) ** 2
        self.patches = nn.Conv2d(channels, WIDE, PATCH, stride=PATCH)
        self.places = nn.Parameter(0.02 * torch.randn(1, cells, WIDE))
        layer = nn.TransformerEncoderLayer(
            WIDE, HEADS, 4 * WIDE, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(WIDE)
        self.decoder = decoder

    def forward(self, films: Tensor) -> Tensor:
        """Logits of every pixel."""
        tokens = self.patches(films).flatten(2).transpose(1, 2) + self.places
        logits: Tensor = self.decoder(self.norm(self.layers(tokens)), ())
        return logits


def unfrozen(seed: int) -> tuple[EncoderCard, nn.Module, list[dict[str, object]]]:
    """The same net as `carina segment` teaches, with the encoder's weights learned too."""
    encoder = load_image_encoder(ENCODER)
    assert isinstance(encoder, FrozenImages)
    config, first = Segmenting(), torch.Generator().manual_seed(seed)
    decoder = build_decoder(config.decoder, encoder.card, first)
    trunk = deepcopy(encoder.module).requires_grad_(True)
    groups = [
        {"params": list(decoder.parameters()), "times": 1.0},
        {"params": list(trunk.parameters()), "times": 0.1},
    ]
    return encoder.card, Whole(trunk, decoder), groups


def transformer(seed: int) -> tuple[EncoderCard, nn.Module, list[dict[str, object]]]:
    """A Transformer that has seen nothing."""
    torch.manual_seed(seed)
    spec = Preprocess(size=224, channels=1, mean=(0.5,), deviation=(0.25,))
    card = EncoderCard(
        name="scratch", modality="image", revision="", recipe_version=1, weights="", dim=WIDE,
        token_dim=WIDE, grid=(14, 14), preprocess=spec,
    )  # fmt: skip
    form = Convolutional(widths=(128, 64, 32, 16))
    net = Transformer(224, 1, build_decoder(form, card, torch.Generator().manual_seed(seed)))
    return card, net, [{"params": list(net.parameters()), "times": 1.0}]


def films_of(manifest: Manifest, masks: MaskTable, spec: Preprocess) -> Tensor:
    """Every film as the net takes it."""
    places = (manifest.place(manifest.image[row]) for row in masks.rows.tolist())
    return torch.from_numpy(np.stack([prepare(read_image(path).pixels, spec) for path in places]))


def taught(
    net: nn.Module,
    groups: list[dict[str, object]],
    films: Tensor,
    masks: MaskTable,
    learn: np.ndarray,
    *,
    steps: int,
    rate: float,
    seed: int,
) -> None:
    """The loop of `carina segment`, over pixels in the place of maps."""
    config = Segmenting()
    optimiser = torch.optim.AdamW(groups, lr=rate, weight_decay=config.decay)
    net.train()
    for step in range(steps):
        epoch, place = divmod(step, len(learn) // config.batch)
        order = generator(seed, "decoder", "epoch", epoch).permutation(learn)
        picked = order[place * config.batch : (place + 1) * config.batch]
        for group in optimiser.param_groups:
            group["lr"] = group["times"] * rate * (1 + cos(pi * step / steps)) / 2
        loss = focal_dice(net(films[picked]), torch.from_numpy(masks.of(picked)))
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeWay:
    """A whole network and its schedule.

    Attributes:
        made: The card of what it takes, the network, and its weights in groups of one rate each.
        steps: Optimiser steps.
        rate: Highest learning rate.
    """

    made: Callable[[int], tuple[EncoderCard, nn.Module, list[dict[str, object]]]]
    steps: int
    rate: float


WHOLE: Mapping[str, WholeWay] = {
    "unfrozen": WholeWay(made=unfrozen, steps=600, rate=5e-3),
    "transformer": WholeWay(made=transformer, steps=1000, rate=1e-3),
}


def whole_network(
    way: WholeWay, manifest: Manifest, marks: Marks, *, on: str, seed: int, draws: int
) -> tuple[int, MaskLine]:
    """A whole network taught on all training films with a mask and judged: how much it learned, and how well.

    Args:
        way: The network.
        manifest: Whose films.
        marks: Their masks.
        on: The split that is judged.
        seed: Of first weights, order and intervals.
        draws: Resamples of patients.
    """
    card, net, groups = way.made(seed)
    assert card.preprocess is not None
    masks = read_masks(manifest, marks, card.preprocess)
    films = films_of(manifest, masks, card.preprocess)
    split = np.array([manifest.split[row] for row in masks.rows.tolist()])
    learn, judged = np.flatnonzero(split == "train"), np.flatnonzero(split == on)
    taught(net, groups, films, masks, learn, steps=way.steps, rate=way.rate, seed=seed)
    with torch.no_grad():
        net.eval()
        drawn = torch.cat([net(part) > 0 for part in torch.split(films[judged], 8)]).numpy()
    patients = patient_codes([manifest.patient[row] for row in masks.rows.tolist()])
    resamples = resample_patients(patients[judged], draws=draws, rng=generator(seed, "intervals"))
    line = MaskLine(
        predictor=NETWORK,
        share=1.0,
        draw=0,
        films=len(learn),
        patients=len(np.unique(patients[learn])),
        scores=dict(judge_masks(drawn, masks.of(judged), resamples)),
    )
    return sum(weights.numel() for weights in net.parameters()), line

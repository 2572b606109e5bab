"""Lungs drawn by the same decoder over a frozen and an unfrozen encoder, and by a Transformer alone.

    python benchmarks/segmenting.py --data ../shared/data/cxr/covid --on val
    python benchmarks/segmenting.py --data ../shared/data/cxr/covid --on test --ways unfrozen

"unfrozen" goes on training EfficientNet-Lite0 itself, at a tenth of the decoder's rate, its batch
norms with the statistics they have. "transformer" is a small one from scratch on all training films:
patches of 16 x 16, 4 layers, 192 wide (1.9 million parameters), then carina's convolutional decoder.
All ways have the same films, order, loss, steps and schedule. One thread; some minutes a way.
"""

import argparse
from collections.abc import Callable
from copy import deepcopy
from math import cos, pi
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from torch import Tensor, nn

from carina.adaptors import Convolutional, build_decoder
from carina.core import generator
from carina.encoders import EncoderCard, FrozenImages, Preprocess, load_image_encoder, prepare
from carina.evaluation import judge_masks
from carina.features import MaskTable, read_masks
from carina.learning import Segmenting
from carina.measures import resample_patients
from carina.objectives import focal_dice
from carina.studies import Manifest, find_marks, patient_codes, read_data, read_image

ENCODER = "efficientnet-lite0"
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


WAYS: dict[str, Callable[[int], tuple[EncoderCard, nn.Module, list[dict[str, object]]]]] = {
    "unfrozen": unfrozen,
    "transformer": transformer,
}


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


def main() -> None:
    """Teach each way on all training films, and print its scores."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--data", type=Path, required=True)
    asked.add_argument("--masks", default="masks_v7")
    asked.add_argument("--on", nargs="+", choices=("val", "test"), default=["val"])
    asked.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    asked.add_argument("--steps", type=int, default=Segmenting().steps)
    asked.add_argument("--rate", type=float, default=Segmenting().rate)
    asked.add_argument("--seed", type=int, default=27)
    given = asked.parse_args()
    torch.set_num_threads(1)
    manifest = read_data(given.data)
    marks = find_marks(manifest, "lungs", given.data / given.masks)
    for way in given.ways:
        card, net, groups = WAYS[way](given.seed)
        assert card.preprocess is not None
        masks = read_masks(manifest, marks, card.preprocess)
        films = films_of(manifest, masks, card.preprocess)
        split = np.array([manifest.split[row] for row in masks.rows.tolist()])
        learn = np.flatnonzero(split == "train")
        before = perf_counter()
        taught(
            net, groups, films, masks, learn, steps=given.steps, rate=given.rate, seed=given.seed
        )
        learned = sum(weights.numel() for weights in net.parameters())
        print(f"{way}: {learned:,} parameters learned in {perf_counter() - before:.0f} s")
        for on in given.on:
            judged = np.flatnonzero(split == on)
            with torch.no_grad():
                net.eval()
                some = torch.split(films[judged], 8)
                drawn = torch.cat([net(part) > 0 for part in some]).numpy()
            patients = patient_codes([manifest.patient[row] for row in masks.rows[judged]])
            resamples = resample_patients(patients, rng=generator(given.seed))
            for name, score in judge_masks(drawn, masks.of(judged), resamples).items():
                print(f"  {on} {name}: {score}", flush=True)


if __name__ == "__main__":
    main()

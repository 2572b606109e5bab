"""The drawn films and reports on which backbones are judged, and the encoders that read them."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from carina.core import digest_arrays, generator
from carina.encoders import (
    FrozenImages,
    FrozenTexts,
    load_image_encoder,
    load_text_encoder,
)
from carina.features import Store, encode, encode_reports, lookup, lookup_reports
from carina.phantoms import write_phantoms
from carina.studies import Manifest, read_folder

__all__ = [
    "IMAGES",
    "LITE",
    "MINILM",
    "MOBILE",
    "PYRAMID",
    "SHUFFLED",
    "TEXTS",
    "WEIGHTS",
    "Ground",
    "encoded",
    "image_encoder",
    "image_features",
    "report_features",
    "text_encoder",
]

LITE, MOBILE, MINILM = "efficientnet-lite0", "mobilenet-cxr14", "minilm-l6"
PYRAMID = f"pyramid:{LITE}"
"""The same network, read at every stage and over either half of a film."""
SHUFFLED = ", shuffled"
"""Behind an encoder's name: the same layers, the numbers of each of its tensors in random order."""
IMAGES = (LITE, MOBILE, MOBILE + SHUFFLED)
TEXTS = (MINILM, "toy-text", MINILM + SHUFFLED)
WEIGHTS = Path("weights", "mbv3_cxr14.safetensors")
Encoder = TypeVar("Encoder", FrozenImages, FrozenTexts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Patients who do not exist, and the folders of a benchmark.

    Attributes:
        data: Holds nih/, covid/ and weights/.
        work: Where films, features, Adaptors and outcomes are kept.
        patients: Drawn; 1,443 of the seed have 2,048 films.
        seed: Of the population.
    """

    data: Path
    work: Path
    patients: int = 1443
    seed: int = 43

    @property
    def store(self) -> Store:
        """Of all features."""
        return Store(self.work / "store")

    @property
    def manifest(self) -> Manifest:
        """The films, drawn where they are not yet."""
        return _drawn(self.work / "phantoms" / f"{self.patients}-{self.seed}", self)


@cache
def _drawn(folder: Path, ground: Ground) -> Manifest:
    if not (folder / "phantoms.csv").is_file():
        for _ in write_phantoms(folder, patients=ground.patients, seed=ground.seed):
            pass
    return read_folder(folder)


def image_encoder(name: str, data: Path) -> FrozenImages:
    """An image encoder by name, shuffled where the name says so."""
    of = name.removesuffix(SHUFFLED)
    found = load_image_encoder(of, weights=data / WEIGHTS if of == MOBILE else None)
    assert isinstance(found, FrozenImages)
    return _shuffled(found) if name.endswith(SHUFFLED) else found


def text_encoder(name: str) -> FrozenTexts:
    """A text encoder by name, shuffled where the name says so."""
    found = load_text_encoder(name.removesuffix(SHUFFLED))
    assert isinstance(found, FrozenTexts)
    return _shuffled(found) if name.endswith(SHUFFLED) else found


def encoded(
    name: str, manifest: Manifest, ground: Ground, *, outputs: tuple[str, ...] = ("pooled",)
) -> None:
    """Put what an encoder makes of the films, or of the reports, into the store."""
    if name.removesuffix(SHUFFLED) in TEXTS:
        events: Iterator[object] = encode_reports(
            manifest, text_encoder(name), ground.store, outputs=outputs
        )
    else:
        events = encode(manifest, image_encoder(name, ground.data), ground.store, outputs=outputs)
    for _ in events:
        pass


def image_features(name: str, manifest: Manifest, ground: Ground) -> Float[Tensor, "rows dim"]:
    """Pooled features of the film of each row."""
    card = ground.store.card(name)
    return _pooled(name, lookup(manifest, ground.store, card), ground)


def report_features(name: str, manifest: Manifest, ground: Ground) -> Float[Tensor, "rows dim"]:
    """Pooled features of the report of each row."""
    return _pooled(name, lookup_reports(manifest, ground.store), ground)


def _pooled(
    name: str, digests: tuple[str | None, ...], ground: Ground
) -> Float[Tensor, "rows dim"]:
    here = tuple(digest for digest in digests if digest is not None)
    assert len(here) == len(digests)  # every drawn film is whole and has a report
    with ground.store.table(ground.store.card(name), here) as table:
        return table.pooled()


def _shuffled(encoder: Encoder) -> Encoder:
    """The same layers and the same numbers in each tensor, in random order: no knowledge is left."""
    module = deepcopy(encoder.module)
    _shuffle(module)
    weights = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    card = replace(
        encoder.card,
        name=encoder.card.name + SHUFFLED,
        revision="shuffled",
        weights=digest_arrays(weights),
        exposed_to=(),
    )
    return replace(encoder, card=card, module=module, check=None)


@torch.no_grad()
def _shuffle(module: nn.Module) -> None:
    for name, weight in module.named_parameters():
        order = generator(0, "shuffled", name).permutation(weight.numel())
        weight.copy_(weight.flatten()[torch.from_numpy(order)].reshape(weight.shape))

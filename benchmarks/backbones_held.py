"""Do answers over an Adaptor hold on films as others would have left them, and at other hospitals?"""

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from benchmarks.backbones_adaptor import adaptor_of, embedded, recipe_of
from benchmarks.backbones_ground import Ground, image_encoder, image_features
from benchmarks.backbones_outcome import Outcome, Trial
from benchmarks.backbones_probe import reader, scores_of
from carina.core import generator
from carina.encoders import encode_images, prepare
from carina.evaluation import Replicate, compare, replicated
from carina.studies import Disturbance, Manifest, Split, disturbed, read_image

__all__ = ["EVERYWHERE", "OVER", "OWN", "SITES", "disturbance", "site"]

OVER, OWN = "over the Adaptor", "the encoder alone"
EVERYWHERE, SITES = "all sites", ("east", "north", "south", "west")
DRAWS, SEED = 1000, 0


def disturbance(trial: Trial, ground: Ground) -> Outcome:
    """AUROC lost on disturbed test films, by readers of all training films as they are."""
    what, manifest = Disturbance(trial.what), ground.manifest
    judge = manifest.rows(Split.TEST)
    _, module = adaptor_of(recipe_of(trial.image, trial.text), manifest, ground)
    own = image_features(trial.image, manifest, ground)
    plain = {OVER: embedded(module, own), OWN: own}
    readers = {
        name: reader(features, manifest, manifest.rows(Split.TRAIN))
        for name, features in plain.items()
    }
    lost = {}
    for level in (1, 2, 3):
        seen = own.clone()
        seen[torch.from_numpy(judge)] = _encoded(trial.image, manifest, judge, what, level, ground)
        worse = {OVER: embedded(module, seen), OWN: seen}
        for name, readout in readers.items():
            lost[f"{name}, step {level}"] = compare(
                scores_of(readout, worse[name], manifest, judge),
                scores_of(readout, plain[name], manifest, judge),
                names=manifest.space.names,
                draws=DRAWS,
                rng=generator(SEED, "disturbed"),
            )
    return Outcome(trial=trial, auroc=lost)


def site(trial: Trial, ground: Ground) -> Outcome:
    """An Adaptor and a reader that both learned at one hospital, asked at each."""
    whole = ground.manifest
    here = [
        row
        for row, (where, split) in enumerate(zip(whole.site, whole.split, strict=True))
        if trial.what in (EVERYWHERE, where) or split == Split.TEST
    ]
    manifest = whole.take(np.array(here, dtype=np.int64))
    _, module = adaptor_of(recipe_of(trial.image, trial.text), manifest, ground)
    own = image_features(trial.image, manifest, ground)
    learn, test = manifest.rows(Split.TRAIN), manifest.rows(Split.TEST)
    asked = {}
    for name, features in {OVER: embedded(module, own), OWN: own}.items():
        readout = reader(features, manifest, learn)
        for where in SITES:
            judge = test[[manifest.site[row] == where for row in test]]
            run = Replicate(
                scores=scores_of(readout, features, manifest, judge),
                shown=np.ones((1, len(manifest.space)), dtype=bool),
                levels={},
            )
            asked[f"{name}, at {where}"] = replicated(
                [run],
                names=manifest.space.names,
                draws=DRAWS,
                rng=generator(SEED, "sites"),
            )
    return Outcome(trial=trial, auroc=asked, figures={"labelled": len(learn)})


def _encoded(
    name: str,
    manifest: Manifest,
    rows: Int[np.ndarray, " rows"],
    what: Disturbance,
    level: int,
    ground: Ground,
) -> Float[Tensor, "rows dim"]:
    """Features of some films after a disturbance."""
    encoder = image_encoder(name, ground.data)
    spec = encoder.card.preprocess
    assert spec is not None

    def films() -> Iterator[np.ndarray]:
        for row in rows:
            pixels = read_image(manifest.place(manifest.image[row])).pixels
            rng = generator(SEED, "disturbed", what, level, int(row))
            yield prepare(disturbed(pixels, what, level, rng=rng), spec)

    return torch.cat([each.pooled for each in encode_images(encoder, films())])

"""Three forms of the Adaptor, equally large, given the same pairs and at most the same seconds."""

from collections.abc import Mapping
from dataclasses import replace
from time import process_time

import numpy as np
import torch

from benchmarks.backbones_adaptor import found, recipe_of
from benchmarks.backbones_ground import Ground
from benchmarks.backbones_outcome import Outcome, Trial
from carina.adaptors import AllPairs, CrossModal, CrossModalConfig, Reads
from carina.learning import EpochEnded, Pretraining, compared, pretrain
from carina.recipes import prepare_pairs
from carina.studies import Manifest

__all__ = ["FORMS", "few", "form"]

FILMS, SECONDS = 512, 150.0
TOWERS = CrossModal(reads=Reads.TOKENS, width=96, layers=1, heads=4, hidden=256)
FORMS: Mapping[str, CrossModalConfig] = {
    "one vector a side, as the authors": replace(TOWERS, reads=Reads.VECTORS),
    "patches and words in towers apart": TOWERS,
    "words look at patches, all pairs": AllPairs(towers=TOWERS),
}


def few(manifest: Manifest) -> Manifest:
    """The first of the films: what all-pairs attention gets through."""
    return manifest.take(np.arange(min(FILMS, len(manifest))))


def form(trial: Trial, ground: Ground) -> Outcome:
    """One of them, stopped at the end of the first epoch that ends after its time."""
    recipe = recipe_of(trial.image, trial.text)
    training = Pretraining(adaptor=FORMS[trial.what], rate=1e-3, batch=64, piece=64)
    recipe = replace(recipe, training=training)
    with prepare_pairs(recipe, few(ground.manifest), ground.store) as pairs:
        module = training.adaptor.build(
            image_dim=pairs.cards[0].token_dim,
            text_dim=pairs.cards[1].token_dim,
            generator=torch.Generator().manual_seed(0),
        )
        started = process_time()
        for event in pretrain(training, pairs.learn, pairs.stop, seed=recipe.seed):
            if isinstance(event, EpochEnded):
                standing, seconds = event.standing, process_time() - started
                if seconds > SECONDS:
                    break
        module.load_state_dict(standing.best)
        judged = pairs.judged
        similar = compared(module, pairs.learn, judged.images, judged.texts, piece=training.piece)
        retrieval = found(similar.double().numpy(), pairs)
        return Outcome(
            trial=trial,
            retrieval=retrieval,
            figures={
                "seconds": seconds,
                "epochs": len(standing.epochs),
                "best epoch": standing.best_epoch,
                "learned": sum(each.numel() for each in module.parameters()),
                "pairs": len(pairs.learn),
            },
        )

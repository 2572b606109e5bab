"""Frozen backbones on the drawn pairs: with an Adaptor, with one that learned nothing, without any."""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from benchmarks.backbones_ground import Ground, image_features
from benchmarks.backbones_outcome import Outcome, Trial
from benchmarks.backbones_probe import TENTH, probed
from carina.adaptors import CrossModalModule, Embeds, Sequences
from carina.core import Estimate, generator
from carina.evaluation import PretrainingResults, Retrieval, judge_retrieval
from carina.features import lookup, lookup_reports
from carina.learning import compared, load_adaptor
from carina.recipes import (
    PRETRAININGS,
    PreparedPairs,
    Pretrain,
    PretrainingDone,
    prepare_pairs,
    run_pretraining,
)
from carina.studies import Manifest, Split

__all__ = [
    "LEARN",
    "adaptor_of",
    "adaptor_over",
    "alone",
    "embedded",
    "film_rows",
    "found",
    "probes",
    "recipe_of",
    "report_rows",
    "untrained",
]

LEARN = (Split.PRETRAIN, Split.TRAIN)
"""Splits of whose pairs is learned; a probe's labels are of `train` alone."""
DRAWS = 1000


def recipe_of(image: str, text: str) -> Pretrain:
    """The recipe `adaptor-phantoms` over other encoders."""
    plain = PRETRAININGS["adaptor-phantoms"]()
    return replace(plain, name="backbones", image_encoder=image, text_encoder=text, learn=LEARN)


def adaptor_over(trial: Trial, ground: Ground) -> Outcome:
    """An Adaptor learned over two frozen encoders: retrieval, and probes of its vectors."""
    results, module = adaptor_of(recipe_of(trial.image, trial.text), ground.manifest, ground)
    return Outcome(
        trial=trial,
        retrieval=results.retrieval,
        auroc=probes(
            embedded(module, image_features(trial.image, ground.manifest, ground)), ground
        ),
        figures={
            "seconds": results.seconds,
            "learned": results.learned,
            "epochs": len(results.epochs),
            "best epoch": results.best_epoch,
            "pairs": results.pairs[0],
        },
    )


def adaptor_of(
    recipe: Pretrain, manifest: Manifest, ground: Ground
) -> tuple[PretrainingResults, CrossModalModule]:
    """What a recipe learns, and what came of it; learned where it is not there yet."""
    with prepare_pairs(recipe, manifest, ground.store) as pairs:
        *_, done = run_pretraining(recipe, pairs, ground.work / "adaptors")
    assert isinstance(done, PretrainingDone)
    return done.results, load_adaptor(done.folder / "adaptor").module


def alone(trial: Trial, ground: Ground) -> Outcome:
    """An image encoder's own vectors, probed."""
    features = image_features(trial.image, ground.manifest, ground)
    return Outcome(trial=trial, auroc=probes(features, ground))


def probes(features: Float[Tensor, "rows dim"], ground: Ground) -> dict[str, Estimate]:
    """AUROC on the drawn test films by a tenth of the labels of `train`, and by all of them."""
    manifest = ground.manifest
    learn, judge = manifest.rows(Split.TRAIN), manifest.rows(Split.TEST)
    return {
        f"{share:.0%} of the labels": probed(
            features, manifest, learn=learn, judge=judge, share=share
        )
        for share in (TENTH, 1.0)
    }


def embedded(
    module: CrossModalModule, features: Float[Tensor, "rows dim"]
) -> Float[Tensor, "rows width"]:
    """The vectors an Adaptor makes of films' features."""
    assert isinstance(module, Embeds)
    module.train(mode=False)
    with torch.no_grad():
        return module.embed_images(Sequences.of_vectors(features))


def found(similar: Float[np.ndarray, "texts images"], pairs: PreparedPairs) -> Retrieval:
    """Retrieval among the pairs judged."""
    judged = pairs.judged
    return judge_retrieval(
        similar,
        judged.belongs,
        text_patients=judged.text_patients,
        image_patients=judged.image_patients,
        draws=DRAWS,
        rng=generator(42, "retrieval"),
    )


def untrained(trial: Trial, ground: Ground) -> Outcome:
    """An Adaptor as it is born: what projections at random keep of the features."""
    recipe = recipe_of(trial.image, trial.text)
    with prepare_pairs(recipe, ground.manifest, ground.store) as pairs:
        module = recipe.training.adaptor.build(
            image_dim=pairs.cards[0].dim,
            text_dim=pairs.cards[1].dim,
            generator=torch.Generator().manual_seed(recipe.seed),
        )
        similar = compared(
            module, pairs.learn, pairs.judged.images, pairs.judged.texts, piece=DRAWS
        )
        retrieval = found(similar.double().numpy(), pairs)
    features = image_features(trial.image, ground.manifest, ground)
    return Outcome(
        trial=trial, retrieval=retrieval, auroc=probes(embedded(module, features), ground)
    )


def film_rows(
    numbers: Int[np.ndarray, " some"], pairs: PreparedPairs, manifest: Manifest, ground: Ground
) -> Int[np.ndarray, " some"]:
    """First rows of the manifest whose films have these numbers among the pairs."""
    digests = lookup(manifest, ground.store, pairs.cards[0])
    return _first(digests, [pairs.tables[0].digests[number] for number in numbers])


def report_rows(
    numbers: Int[np.ndarray, " some"], pairs: PreparedPairs, manifest: Manifest, ground: Ground
) -> Int[np.ndarray, " some"]:
    """First rows of the manifest whose reports have these numbers among the pairs."""
    digests = lookup_reports(manifest, ground.store)
    return _first(digests, [pairs.tables[1].digests[number] for number in numbers])


def _first(digests: tuple[str | None, ...], wanted: list[str]) -> Int[np.ndarray, " wanted"]:
    place = {digest: row for row, digest in reversed(list(enumerate(digests)))}
    return np.array([place[digest] for digest in wanted], dtype=np.int64)

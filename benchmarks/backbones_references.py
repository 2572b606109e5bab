"""What retrieval by an Adaptor is held against: chance, ridge regression, told labels, an oracle."""

from collections.abc import Callable, Mapping
from time import perf_counter

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from benchmarks.backbones_adaptor import film_rows, found, recipe_of
from benchmarks.backbones_ground import Ground, image_features
from benchmarks.backbones_outcome import Outcome, Trial
from benchmarks.backbones_probe import reader
from carina.adaptors import answer_in_blocks, fit_alignment
from carina.evaluation import likeness_of_findings
from carina.learning import Canonical, CanonicalFitted, Heads, compared, fit_canonical
from carina.recipes import PreparedPairs, prepare_pairs
from carina.studies import Manifest, patient_codes

__all__ = ["CANONICAL", "CHANCE", "ORACLE", "REFERENCES", "RIDGE", "TOLD", "by_ridge", "reference"]

CHANCE, RIDGE = "at random", "ridge alignment, centred"
CANONICAL = "canonical correlations"
TOLD, ORACLE = "logistic probes told the labels", "an oracle that knows the drawn findings"
PIECE = 1024
HEADS = Heads(penalties=(0.01, 0.1, 1.0))
Similar = Float[np.ndarray, "texts images"]


def reference(trial: Trial, ground: Ground) -> Outcome:
    """One of them, on the drawn pairs."""
    with prepare_pairs(recipe_of(trial.image, trial.text), ground.manifest, ground.store) as pairs:
        started = perf_counter()
        similar = REFERENCES[trial.what](pairs, ground.manifest, ground)
        seconds = perf_counter() - started
        retrieval = found(similar, pairs)
    return Outcome(trial=trial, retrieval=retrieval, figures={"seconds": seconds})


def by_chance(pairs: PreparedPairs, manifest: Manifest, ground: Ground) -> Similar:  # noqa: ARG001
    """Nothing is told from anything; equal scores have no order."""
    return np.zeros(pairs.judged.belongs.shape)


def by_ridge(pairs: PreparedPairs, manifest: Manifest, ground: Ground) -> Similar:
    """Cosines of reports with what ridge regression expects beside films, the mean report taken off."""
    films, reports = pairs.learn.read(np.arange(len(pairs.learn)))
    rows = film_rows(pairs.learn.image, pairs, manifest, ground)
    fitted = fit_alignment(
        films.mean,
        reports.mean,
        patients=torch.from_numpy(patient_codes(manifest.patient)[rows]),
        image_encoder=pairs.cards[0].fingerprint,
        text_encoder=pairs.cards[1].fingerprint,
    )
    judged = pairs.judged

    def centred(vectors: Float[Tensor, "items dim"]) -> Float[Tensor, "items dim"]:
        return F.normalize(vectors - fitted.text_mean, dim=1)

    expected = centred(fitted(pairs.learn.images(judged.images).mean))
    told = centred(F.normalize(pairs.learn.texts(judged.texts).mean, dim=1))
    return (told @ expected.T).double().numpy()


def by_canonical(pairs: PreparedPairs, manifest: Manifest, ground: Ground) -> Similar:  # noqa: ARG001
    """An Adaptor in closed form, its ridges and directions chosen on the pairs Adaptors stop by."""
    *_, fitted = fit_canonical(Canonical(), pairs.learn, pairs.stop)
    assert isinstance(fitted, CanonicalFitted)
    judged = pairs.judged
    similar = compared(fitted.module, pairs.learn, judged.images, judged.texts, piece=PIECE)
    return similar.double().numpy()


def by_told_labels(pairs: PreparedPairs, manifest: Manifest, ground: Ground) -> Similar:
    """How likely probes of a film, told the labels, hold what a report says, read without a fault."""
    features = image_features(pairs.cards[0].name, manifest, ground)
    learned = reader(
        features, manifest, film_rows(pairs.learn.image, pairs, manifest, ground), by=HEADS
    )
    films = torch.from_numpy(film_rows(pairs.judged.images, pairs, manifest, ground))
    logits = answer_in_blocks(learned, features[films]).difference.double()
    columns = np.array(manifest.space.indices(learned.labels))
    said = torch.from_numpy(pairs.judged.text_findings[:, columns]).double()
    likely: np.ndarray = (said @ logits.T - F.softplus(logits).sum(dim=1)).numpy()
    return likely


def by_oracle(pairs: PreparedPairs, manifest: Manifest, ground: Ground) -> Similar:  # noqa: ARG001
    """Who knows the drawn findings of both sides, and nothing else."""
    return likeness_of_findings(pairs.judged.text_findings, pairs.judged.image_findings)


REFERENCES: Mapping[str, Callable[[PreparedPairs, Manifest, Ground], Similar]] = {
    CHANCE: by_chance,
    RIDGE: by_ridge,
    CANONICAL: by_canonical,
    TOLD: by_told_labels,
    ORACLE: by_oracle,
}

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch.nn import functional as F

from carina.core import ConfigError, InvalidValue, MissingFile
from carina.encoders import ImageEncoder, encode_images, load_image_encoder, prepare
from carina.encoders.weights import read_tensors
from carina.studies import read_image

FILMS = 160


def test_its_own_classifier_knows_the_films_it_was_trained_on(
    shared: Path, mobilenet: ImageEncoder, mobilenet_weights: Path
) -> None:
    """Pooled features through the authors' head rank single-label training films by finding.

    Measured when this was written: 0.88, the mean over 6 findings of 147 films.
    """
    nih = shared / "data" / "cxr" / "nih"
    with (nih / "labels.csv").open(newline="") as file:
        films = [
            row
            for row in csv.DictReader(file)
            if row["split"] == "train" and row["mobilenet_training_may_include"] == "1"
        ][::4][:FILMS]
    classes = json.loads(mobilenet_weights.with_suffix(".json").read_text())["classes"]
    spec = mobilenet.card.preprocess
    assert spec is not None
    prepared = (prepare(read_image(nih / "images" / film["image"]).pixels, spec) for film in films)
    pooled = torch.cat([batch.pooled for batch in encode_images(mobilenet, prepared)])

    head = read_tensors(mobilenet_weights)
    hidden = F.linear(pooled, head["linear3.weight"], head["linear3.bias"])
    mean, variance = head["bn3.running_mean"], head["bn3.running_var"]
    hidden = F.batch_norm(hidden, mean, variance, head["bn3.weight"], head["bn3.bias"])
    logits = F.linear(F.hardswish(hidden), head["linear4.weight"], head["linear4.bias"]).numpy()

    scores = []
    for index, name in enumerate(classes):
        truth = np.array([int(film[name.replace(" ", "_")]) for film in films])
        if truth.sum() >= 5:
            scores.append(roc_auc_score(truth, logits[:, index]))
    assert len(scores) >= 5
    assert np.mean(scores) > 0.8


def test_its_card_says_what_it_has_seen(mobilenet: ImageEncoder) -> None:
    (exposure,) = mobilenet.card.exposed_to

    assert exposure.source == "nih-chestxray14-subset"
    assert exposure.unseen_column == "mobilenet_training_may_include"
    assert "none stated" in mobilenet.card.licence


def test_without_a_file_it_says_how_to_name_one() -> None:
    with pytest.raises(InvalidValue, match="--weights PATH"):
        load_image_encoder("mobilenet-cxr14")


def test_without_the_layers_beside_the_weights_it_says_so(
    tmp_path: Path, mobilenet_weights: Path
) -> None:
    shutil.copy(mobilenet_weights, tmp_path / "some.safetensors")

    with pytest.raises(MissingFile, match=r"some\.json beside some\.safetensors"):
        load_image_encoder("mobilenet-cxr14", weights=tmp_path / "some.safetensors")


def changed(tmp_path: Path, weights: Path, **blocks: Any) -> Path:
    """The weights, with the first block of the layers beside them changed."""
    layers = json.loads(weights.with_suffix(".json").read_text())
    layers["blocks"][0] |= blocks
    shutil.copy(weights, tmp_path / weights.name)
    (tmp_path / weights.name).with_suffix(".json").write_text(json.dumps(layers))
    return tmp_path / weights.name


def test_other_layers_under_the_same_weights_are_another_encoder(
    tmp_path: Path, mobilenet: ImageEncoder, mobilenet_weights: Path
) -> None:
    other = changed(tmp_path, mobilenet_weights, act="hardswish")

    card = load_image_encoder("mobilenet-cxr14", weights=other).card

    assert card.fingerprint != mobilenet.card.fingerprint


def test_layers_nobody_can_build_are_refused(tmp_path: Path, mobilenet_weights: Path) -> None:
    other = changed(tmp_path, mobilenet_weights, act="swish")

    with pytest.raises(ConfigError, match=r"blocks\[0\]\.act"):
        load_image_encoder("mobilenet-cxr14", weights=other)

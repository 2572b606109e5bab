"""How hard the phantoms are, measured: what a frozen network sees, and what shortcuts do not.

Logistic probes with patients apart: five folds, three to fit, one to choose the penalty, one to
score; macro AUROC over the six findings. docs/decisions/phantoms.md has more seeds and patients.
"""

import numpy as np
import pytest
from jaxtyping import Bool, Float
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from carina.encoders import encode_images, load_image_encoder, prepare
from carina.phantoms import FINDINGS, Phantom, draw, studies_of

SEED, PATIENTS = 1, 240
PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)


@pytest.fixture(scope="module")
def population() -> list[Phantom]:
    return [
        draw(SEED, patient, study)
        for patient in range(PATIENTS)
        for study in range(studies_of(SEED, patient))
    ]


def probed(features: Float[np.ndarray, "images dim"], population: list[Phantom]) -> float:
    """Macro AUROC of logistic probes, the mean of five folds of patients."""
    drawn: Bool[np.ndarray, "images labels"] = np.array(
        [list(phantom.findings.values()) for phantom in population]
    )
    fold = np.array([int(phantom.patient[-5:]) % 5 for phantom in population])
    return float(np.mean([_fold(features, drawn, (fold - test) % 5) for test in range(5)]))


def _fold(
    features: Float[np.ndarray, "images dim"],
    drawn: Bool[np.ndarray, "images labels"],
    turn: np.ndarray,
) -> float:
    test, val, fit = turn == 0, turn == 1, turn > 1
    scaled = StandardScaler().fit(features[fit]).transform(features)
    found = []
    for penalty in PENALTIES:
        scores = np.stack(
            [
                LogisticRegression(C=penalty, max_iter=300)
                .fit(scaled[fit], drawn[fit, label])
                .decision_function(scaled)
                for label in range(len(FINDINGS))
            ],
            axis=1,
        )
        found.append([roc_auc_score(drawn[rows], scores[rows]) for rows in (val, test)])
    return float(max(found)[1])


def test_a_frozen_network_sees_the_findings_and_not_all_of_them(population: list[Phantom]) -> None:
    encoder = load_image_encoder("efficientnet-lite0")
    recipe = encoder.card.preprocess
    assert recipe is not None
    prepared = (prepare(phantom.pixels, recipe) for phantom in population)
    features = np.concatenate([part.pooled.numpy() for part in encode_images(encoder, prepared)])

    assert 0.80 <= probed(features, population) <= 0.93


def test_a_thumbnail_does_not_show_them(population: list[Phantom]) -> None:
    thumbnails = [
        np.asarray(Image.fromarray(phantom.pixels).resize((16, 16), Image.Resampling.BOX))
        for phantom in population
    ]

    assert probed(np.stack(thumbnails).reshape(len(population), -1), population) <= 0.70


def test_the_border_of_a_film_does_not_tell(population: list[Phantom]) -> None:
    edge = round(0.05 * 256)
    inner = np.zeros((256, 256), dtype=bool)
    inner[edge:-edge, edge:-edge] = True
    border = np.stack([phantom.pixels[~inner] for phantom in population])
    main = PCA(60, random_state=0).fit_transform(border)

    assert probed(main, population) <= 0.55


def test_how_a_film_was_taken_does_not_tell(population: list[Phantom]) -> None:
    sites = sorted({phantom.site for phantom in population})
    tags = [
        [
            phantom.view == "AP",
            phantom.sex == "F",
            phantom.age,
            *(phantom.site == site for site in sites),
            phantom.acquisition.modality == "DX",
            phantom.acquisition.photometric == "MONOCHROME1",
            phantom.acquisition.bits,
            phantom.acquisition.windowed,
            phantom.acquisition.slope,
            phantom.acquisition.intercept,
            phantom.acquisition.mas,
            phantom.acquisition.maker == "Drawn Films Ltd",
        ]
        for phantom in population
    ]

    assert probed(np.array(tags, dtype=float), population) <= 0.55

"""AUROC over resamples of patients: one sorted walk for all draws, against scikit-learn draw by draw.

The reference scores a part of the draws of one finding, and its time is scaled to all of both; the
same draws, ties among the scores included, must give the same areas to 1e-12.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measured import Measured, show
from carina.core import generator
from carina.measures import resample_patients
from carina.measures.ranking import auroc_of

REACH = 0.01


def measured(*, small: bool, data: Path | None) -> Iterator[Measured]:  # noqa: ARG001
    """All findings and draws of ours beside some draws of the reference, scaled."""
    findings, images, draws, part = (2, 400, 50, 5) if small else (14, 25_596, 2000, 20)
    rng = generator(0, "patient_bootstrap")
    patients = rng.integers(
        0, images // 9, images
    )  # ChestX-ray14's test films are of 2,797 patients
    target = rng.random((findings, images)) < 0.1
    scores = np.round(rng.normal(size=(findings, images)) + target, 3)
    resamples = resample_patients(patients, draws=draws, rng=rng)

    before = time.perf_counter()
    ours = [auroc_of(*each, resamples.drawn()) for each in zip(scores, target, strict=True)]
    seconds = time.perf_counter() - before

    weights = resamples.weights()[:part]
    before = time.perf_counter()
    theirs = [roc_auc_score(target[0], scores[0], sample_weight=each) for each in weights]
    scaled = (time.perf_counter() - before) / part * draws * findings
    apart = float(np.abs(ours[0][:part] - theirs).max())
    assert apart <= 1e-12, f"the areas differ by {apart:.1e}"
    yield Measured(
        name="patient_bootstrap",
        ours=seconds,
        reference=scaled,
        against="a loop over scikit-learn's roc_auc_score",
        reach=REACH,
        sizes={"findings": findings, "images": images, "draws": draws},
        notes={"draws timed of the reference": part, "largest difference": apart},
    )


if __name__ == "__main__":
    show(measured, about=__doc__)

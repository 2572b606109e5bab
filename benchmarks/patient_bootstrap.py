"""Intervals of AUROC by resampling patients: one sorted walk for all draws, against scikit-learn.

Ours draws the patients and gives every finding's interval. The reference is handed the draws and scores
one after another, a part of them, and its time is scaled to all; they are weights, which it takes as
quickly as it takes rows. The same draws, ties among the scores included, must give the same areas to
1e-12, and the interval must be that of the areas.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.measured import Measured, Quantity, in_turns, show
from carina.core import Estimate, generator
from carina.measures import WAYS, interval, resample_patients

REACH = 0.01
SAME = 1e-12


def measured(*, small: bool, data: Path | None) -> Iterator[Measured]:  # noqa: ARG001
    """All findings and draws of ours beside some draws of the reference, scaled."""
    findings, images, draws, part = (2, 400, 50, 5) if small else (14, 25_596, 2000, 10)
    rng = generator(0, "patient_bootstrap")
    patients = rng.integers(
        0, images // 9, images
    )  # ChestX-ray14's test films are of 2,797 patients
    target = rng.random((findings, images)) < 0.1
    scores = np.round(rng.normal(size=(findings, images)) + target, 3)

    def ours() -> list[Estimate]:
        drawn = resample_patients(patients, draws=draws, rng=generator(1, "patient_bootstrap"))
        return [interval("auroc", *each, drawn) for each in zip(scores, target, strict=True)]

    resamples = resample_patients(patients, draws=draws, rng=generator(1, "patient_bootstrap"))
    weights = resamples.weights()[:part]

    def theirs() -> list[list[float]]:
        return [
            [roc_auc_score(truth, said, sample_weight=each) for each in weights]
            for said, truth in zip(scores, target, strict=True)
        ]

    apart = 0.0
    for said, truth, found, some in zip(scores, target, ours(), theirs(), strict=True):
        every = WAYS["auroc"].drawn(said, truth, resamples.drawn())
        low, high = np.quantile(every, [0.025, 0.975])
        assert (found.low, found.high) == (low, high), "the interval is of other draws"
        apart = max(apart, float(np.abs(every[:part] - some).max()))
    assert apart <= SAME, f"the areas differ by {apart:.1e}"
    with threadpool_limits(1):  # as every verb computes
        seconds, of_part = in_turns(
            ours, theirs, repeats=1 if small else 3, clock=time.process_time
        )
    yield Measured(
        name="patient_bootstrap",
        quantity=Quantity.CPU_SECONDS,
        ours=seconds,
        reference=of_part / part * draws,
        against="a loop over scikit-learn's roc_auc_score",
        reach=REACH,
        sizes={"findings": findings, "images": images, "draws": draws},
        notes={"draws timed of the reference": part, "largest difference": apart},
    )


if __name__ == "__main__":
    show(measured, about=__doc__)

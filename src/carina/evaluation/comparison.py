"""Two runs on the same films: is one below the other, by how much, and for which finding."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool

from carina.core import Estimate
from carina.evaluation.alignment import aligned
from carina.evaluation.cells import METRICS, Cells, between, draws_of
from carina.evaluation.scores import OUT_OF_FOLD, VALIDATION, Scores
from carina.measures import (
    WAYS,
    PairedTest,
    PValue,
    bootstrap_test,
    delong_test,
    holm,
    resample_patients,
)

__all__ = ["Comparison", "compare", "compare_findings", "intransigence"]

_FITTED = "thresholds and calibration were fitted to these very answers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """First less second after the last step, in the mean and for each finding both score.

    Attributes:
        mean: Over the findings, by resampling patients.
        resampled: Finding -> by resampling patients, p adjusted over findings (Holm).
        delong: Finding -> AUROC by DeLong's variance, of patients, p adjusted over findings;
            empty where the metric is no AUROC.
    """

    mean: PairedTest
    resampled: dict[str, PairedTest]
    delong: dict[str, PairedTest]


def compare(
    first: Scores,
    second: Scores,
    *,
    names: tuple[str, ...],
    metric: str = "auroc",
    draws: int,
    rng: np.random.Generator,
) -> Estimate:
    """The mean of `compare_findings`."""
    whole = compare_findings(first, second, names=names, metric=metric, draws=draws, rng=rng)
    return whole.mean.difference


def compare_findings(
    first: Scores,
    second: Scores,
    *,
    names: tuple[str, ...],
    metric: str = "auroc",
    draws: int,
    rng: np.random.Generator,
) -> Comparison:
    """A metric after the last step: first less second, paired by patient.

    Only findings that both runs score count. Out of fold, and on val held apart, there is no
    difference of decisions or probabilities: thresholds and calibration were fitted to these very
    answers.

    Args:
        first: Scores of one run.
        second: Scores of another on the same films.
        names: Findings wanted.
        metric: One of `METRICS`.
        draws: Resamples of the patients.
        rng: Where they come from.

    Raises:
        Mismatch: where the runs scored other films or saw other labels.
    """
    measure, which = METRICS[metric]
    one = first.of_findings(names)
    two = aligned(second.of_findings(names), one)
    ours, theirs = one.of(which)[-1], two.of(which)[-1]
    both = np.flatnonzero(~(np.isnan(ours) | np.isnan(theirs)).any(axis=0)).tolist()
    fitted = first.part.name in (OUT_OF_FOLD, VALIDATION) and which in ("probability", "decision")
    if fitted or not both:
        why = _FITTED if fitted else "no finding is scored by both runs"
        none = PairedTest(
            difference=Estimate.undefined(why), p=PValue(value=None, why_undefined=why)
        )
        return Comparison(mean=none, resampled={}, delong={})
    kind = bool if WAYS[measure].of_decisions else np.float64
    ours, theirs, part = ours.astype(kind), theirs.astype(kind), one.part
    resamples = resample_patients(part.patients, draws=draws, rng=rng)

    def resampled(columns: list[int]) -> PairedTest:
        return bootstrap_test(
            measure,
            ours[:, columns],
            theirs[:, columns],
            part.target[:, columns],
            resamples,
            known=part.known[:, columns],
        )

    def by_delong(column: int) -> PairedTest:
        return delong_test(
            ours[:, column],
            theirs[:, column],
            part.target[:, column],
            part.patients,
            known=part.known[:, column],
        )

    return Comparison(
        mean=resampled(both),
        resampled=_adjusted({names[c]: resampled([c]) for c in both}),
        delong=_adjusted({names[c]: by_delong(c) for c in both if measure == "auroc"}),
    )


def intransigence(
    scores: Scores,
    bound: Scores,
    *,
    shown: Bool[np.ndarray, "experiences labels"],
    metric: str = "auroc",
    draws: int,
    rng: np.random.Generator,
) -> Estimate:
    """What a bound reaches on a finding less what was learned of it just after it was taught.

    The mean over the findings that were taught, of the bound's score after its last step less
    R[k(c), c], paired by patient; above zero is what the way of learning could not take in.

    Args:
        scores: Of the run.
        bound: Of training on everything at once, on the same films.
        shown: Whether each experience of the run showed labels of each finding.
        metric: A metric of ranking.
        draws: Resamples of the patients.
        rng: Where they come from.

    Raises:
        Mismatch: where the runs scored other films or findings, or saw other labels.

    Source: Chaudhry et al., Riemannian Walk, ECCV 2018, of findings instead of tasks.
    """
    part = scores.part
    resamples = resample_patients(part.patients, draws=draws, rng=rng)
    drawn = draws_of(resamples, part.target, part.known)
    cells, best = (Cells(scores=one, draws=drawn) for one in (scores, aligned(bound, scores)))
    taught = cells.matrix(metric, shown).taught
    last = len(bound.experiences)
    labels = [
        c
        for c in np.flatnonzero(taught).tolist()
        if not np.isnan(cells.values(metric)[taught[c], c] + best.values(metric)[last, c])
    ]
    if not labels:
        return Estimate.undefined("no finding has both scores")
    steps = taught[labels]
    value = np.mean(best.values(metric)[last, labels] - cells.values(metric)[steps, labels])
    off = best.drawn(metric, last, labels) - cells.drawn(metric, steps, labels)
    method = f"{len(labels)} findings, paired {drawn.method}"
    return between(cells.size(labels), float(value), off.mean(axis=0), method)


def _adjusted(tests: Mapping[str, PairedTest]) -> dict[str, PairedTest]:
    """The same with Holm's p values."""
    adjusted = holm([test.p for test in tests.values()])
    return {
        name: replace(test, p=p) for (name, test), p in zip(tests.items(), adjusted, strict=True)
    }
